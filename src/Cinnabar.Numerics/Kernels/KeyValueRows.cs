// What stands between the projections of a pass and its attention: queries are rotated (Rotary.cs), and keys, rotated, and values go where
// attention will look for them: for the rows of a sequence with a cache into its cache,
//   keys[positions[t], :] = rotated k[t, :],  values[positions[t], :] = v[t, :]       for its rows t
// and otherwise they stay where they are.   q: [T, H·D], k, v: [T, G·D]; a cache: [L, G·D].
// The positions of one sequence differ from each other, so all rows may be stored at once.
namespace Cinnabar.Numerics.Kernels;

/// <summary>The cache of a sequence, and which rows of a pass are the sequence's.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Count">Their number.</param>
/// <param name="Keys">[L, G·D].</param>
/// <param name="Values">[L, G·D].</param>
public readonly record struct KeyValueTarget(int First, int Count, Tensor Keys, Tensor Values);

/// <summary>Rotates queries and keys, and stores keys and values in caches.</summary>
public interface IKeyValueRows
{
    /// <summary>
    /// Rotates q in place, and puts rotated keys and values into the caches; all of them may be left rounded, as operands of attention, if
    /// q, k, v and the caches are operands.
    /// </summary>
    /// <param name="q">[T, H·D], changed in place.</param>
    /// <param name="k">[T, G·D], rotated in place where no cache takes them; the others are left undefined.</param>
    /// <param name="v">[T, G·D].</param>
    /// <param name="angles">Of at least <paramref name="length"/> positions; null: nothing is rotated.</param>
    /// <param name="length">Above all positions.</param>
    /// <param name="positions">[T].</param>
    /// <param name="targets">Caches, in the order of their rows, which do not overlap; no position twice in one.</param>
    void Store(
        Tensor q, Tensor k, Tensor v, RotaryAngles? angles, int length, ReadOnlySpan<int> positions, ReadOnlySpan<KeyValueTarget> targets);
}

/// <summary>The definition.</summary>
internal sealed class ReferenceKeyValueRows : IKeyValueRows
{
    private readonly ReferenceRotary _rotary = new();

    public void Store(
        Tensor q, Tensor k, Tensor v, RotaryAngles? angles, int length, ReadOnlySpan<int> positions, ReadOnlySpan<KeyValueTarget> targets)
    {
        Check(q, k, v, angles, length, positions, targets);
        if (angles is not null)
        {
            _rotary.Forward(q, angles, length, positions);
            _rotary.Forward(k, angles, length, positions);
        }

        foreach (KeyValueTarget target in targets)
        {
            for (int t = target.First; t < target.First + target.Count; t++)
            {
                k.Row(t).CopyTo(target.Keys.Row(positions[t]));
                v.Row(t).CopyTo(target.Values.Row(positions[t]));
            }
        }
    }

    internal static void Check(
        Tensor q, Tensor k, Tensor v, RotaryAngles? angles, int length, ReadOnlySpan<int> positions, ReadOnlySpan<KeyValueTarget> targets)
    {
        angles?.Check(q, length, positions);
        angles?.Check(k, length, positions);
        Expect.Length(positions.Length, q.Rows, nameof(positions));
        Expect.Floats(k, q.Rows * k.Columns);
        Expect.Floats(v, k.Count);
        int next = 0;
        foreach (KeyValueTarget target in targets)
        {
            if (target.First < next || target.Count < 0 || target.Count > q.Rows - target.First)
            {
                throw new ArgumentException(
                    $"Expected rows of caches one behind the other below {q.Rows}, found {target.Count} from {target.First} on.",
                    nameof(targets));
            }

            next = target.First + target.Count;
            if (target.Keys.Columns != k.Columns)
            {
                throw new ArgumentException($"Expected a cache of {k.Columns} columns, found {target.Keys}.", nameof(targets));
            }

            Expect.Floats(target.Keys, target.Keys.Count);
            Expect.Floats(target.Values, target.Keys.Count);
            Expect.Indices(positions.Slice(target.First, target.Count), target.Keys.Rows, nameof(positions));
        }
    }
}

/// <summary>Bound by memory: rotation, then one pass over the rows that caches take.</summary>
internal sealed unsafe class VectorKeyValueRows(WorkerPool workers, IRotary rotary) : IKeyValueRows
{
    private const int Grain = 32;

    public void Store(
        Tensor q, Tensor k, Tensor v, RotaryAngles? angles, int length, ReadOnlySpan<int> positions, ReadOnlySpan<KeyValueTarget> targets)
    {
        ReferenceKeyValueRows.Check(q, k, v, angles, length, positions, targets);
        if (angles is not null)
        {
            rotary.Forward(q, angles, length, positions);
            rotary.Forward(k, angles, length, positions);
        }

        fixed (int* at = positions)
        {
            foreach (KeyValueTarget target in targets)
            {
                workers.For(target.Count, Grain, new StoreBody(k, v, target, at + target.First));
            }
        }
    }

    private readonly struct StoreBody(Tensor k, Tensor v, KeyValueTarget target, int* positions) : ILoopBody
    {
        public void Run(int from, int to)
        {
            for (int i = from; i < to; i++)
            {
                k.Row(target.First + i).CopyTo(target.Keys.Row(positions[i]));
                v.Row(target.First + i).CopyTo(target.Values.Row(positions[i]));
            }
        }
    }
}
