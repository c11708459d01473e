// A pass on its way to another machine: whose rows it has and where they stand, without tokens, and what the layers before made of them.
using System.Runtime.InteropServices;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Machines;

/// <summary>Writes and reads passes.</summary>
internal static class PassMessage
{
    private const int MostSequences = 1 << 16;
    private const long MostBytes = 1L << 30; // of h

    /// <summary>Writes a pass.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="pass">Its rows.</param>
    /// <param name="attention">Who sees whom.</param>
    /// <param name="forgotten">Numbers of caches that are not used any more.</param>
    /// <param name="h">[T, C].</param>
    public static void Write(
        MessageStream stream, PassRows pass, AttentionKind attention, ReadOnlySpan<long> forgotten, ReadOnlySpan<float> h)
    {
        stream.Write((byte)attention);
        stream.Write((long)forgotten.Length);
        foreach (long number in forgotten)
        {
            stream.Write(number);
        }

        stream.Write((long)pass.Count);
        stream.Write((long)pass.Sequences.Length);
        for (int i = 0; i < pass.Sequences.Length; i++)
        {
            PassRows.SequenceRows sequence = pass.Sequences[i];
            stream.Write((long)sequence.Length);
            stream.Write((long)(pass.EndOf(i) - sequence.First));
            stream.Write((long)sequence.Shadows);
            stream.Write(sequence.Cache?.Number ?? 0);
            stream.Write((long)(sequence.Cache?.Capacity ?? 0));
        }

        stream.Write(MemoryMarshal.AsBytes(pass.Positions));
        stream.Write(MemoryMarshal.AsBytes(h));
    }

    /// <summary>Reads which attention the pass that comes has, and which caches are not used any more.</summary>
    /// <exception cref="InvalidDataException">It is no pass.</exception>
    public static AttentionKind ReadStart(MessageStream stream, Action<long> forget)
    {
        AttentionKind attention = (AttentionKind)stream.ReadByte();
        if (!Enum.IsDefined(attention))
        {
            throw new InvalidDataException($"Expected a kind of attention, found {(byte)attention}.");
        }

        for (long left = stream.ReadNumber(0, int.MaxValue, "caches to forget"); left > 0; left--)
        {
            forget(stream.ReadNumber(1, long.MaxValue, "the number of a cache"));
        }

        return attention;
    }

    /// <summary>Reads the rest of a pass.</summary>
    /// <param name="stream">Where from.</param>
    /// <param name="config">Of the network.</param>
    /// <param name="pass">Receives the rows.</param>
    /// <param name="cacheOf">The cache of a number, for so many positions at most, of which so many are used.</param>
    /// <param name="h">Receives [T, C] at its start; made larger if it has to be.</param>
    /// <exception cref="InvalidDataException">It does not fit the network.</exception>
    public static void Read(
        MessageStream stream, ModelConfig config, PassRows pass, Func<long, int, int, KeyValueCache> cacheOf, ref float[] h)
    {
        pass.Clear();
        int rows = (int)stream.ReadNumber(1, MostBytes / sizeof(float) / config.HiddenSize, "rows of a pass");
        int sequences = (int)stream.ReadNumber(1, Math.Min(rows, MostSequences), "sequences of a pass");
        Sequence[] found = new Sequence[sequences];
        int left = rows;
        for (int i = 0; i < sequences; i++)
        {
            found[i] = ReadSequence(stream, config, left);
            left -= found[i].Rows;
        }

        int[] positions = new int[rows];
        stream.Read(MemoryMarshal.AsBytes(positions.AsSpan()));
        if (left != 0)
        {
            throw new InvalidDataException($"Expected sequences of {rows} rows together, found {rows - left}.");
        }

        int first = 0;
        foreach (Sequence sequence in found)
        {
            ReadOnlySpan<int> own = positions.AsSpan(first, sequence.Rows);
            Check(own, sequence);
            KeyValueCache? cache = sequence.Cache == 0 ? null : cacheOf(sequence.Cache, sequence.Capacity, sequence.Length);
            pass.AddRows(sequence.Length, sequence.Shadows, cache, own);
            first += sequence.Rows;
        }

        int count = rows * config.HiddenSize;
        h = h.Length < count ? new float[count] : h;
        stream.Read(MemoryMarshal.AsBytes(h.AsSpan(0, count)));
    }

    private static Sequence ReadSequence(MessageStream stream, ModelConfig config, int left)
    {
        int length = (int)stream.ReadNumber(1, config.MaxSequenceLength, "positions of a sequence");
        int rows = (int)stream.ReadNumber(0, left, "rows of a sequence");
        int shadows = (int)stream.ReadNumber(0, rows, "shadows of a sequence");
        long cache = stream.ReadNumber(0, long.MaxValue, "the number of a cache");
        int capacity = (int)stream.ReadNumber(cache == 0 ? 0 : length, config.MaxSequenceLength, "positions of a cache");
        return new Sequence(length, rows, shadows, cache, capacity);
    }

    // Rows of a cache ascend; without one they are all positions, then shadows of some.
    private static void Check(ReadOnlySpan<int> positions, Sequence sequence)
    {
        bool isWhole = sequence.Cache == 0;
        bool fits = isWhole ? sequence.Rows == sequence.Length + sequence.Shadows : sequence.Shadows == 0;
        int last = -1;
        for (int i = 0; fits && i < positions.Length; i++)
        {
            bool isShadow = i >= sequence.Rows - sequence.Shadows;
            fits = (uint)positions[i] < (uint)sequence.Length
                && (isShadow || (isWhole ? positions[i] == i : positions[i] > last));
            last = positions[i];
        }

        if (!fits)
        {
            throw new InvalidDataException("Expected the positions of a sequence, or some of one with a cache, found others.");
        }
    }

    private readonly record struct Sequence(int Length, int Rows, int Shadows, long Cache, int Capacity);
}
