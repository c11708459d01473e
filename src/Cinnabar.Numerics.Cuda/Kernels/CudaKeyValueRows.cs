// One launch for the queries, keys and values of a pass. A single cache is told in the arguments, which a repeated pass has in common with
// the one before; several need an array. Operands of an attention that rounds are rounded here, once.
using System.Runtime.InteropServices;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Three blocks a row.</summary>
internal sealed class CudaKeyValueRows(CudaDevice device) : IKeyValueRows
{
    private const int Operands = 3;

    private Target[] _targets = new Target[8];

    public void Store(
        Tensor q, Tensor k, Tensor v, RotaryAngles? angles, int length, ReadOnlySpan<int> positions, ReadOnlySpan<KeyValueTarget> targets)
    {
        ReferenceKeyValueRows.Check(q, k, v, angles, length, positions, targets);
        bool isRounded = q.IsOperand;
        if (q.Rows == 0 || (!isRounded && angles is null && targets.IsEmpty))
        {
            return;
        }

        if (_targets.Length < targets.Length)
        {
            _targets = new Target[2 * targets.Length];
        }

        int kept = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            (int first, int count, Tensor keys, Tensor values) = targets[i];
            kept += count;
            _targets[i] = new Target
            {
                Keys = isRounded ? device.UpdateRounded(keys) : device.Update(keys),
                Values = isRounded ? device.UpdateRounded(values) : device.Update(values),
                First = first,
                Count = count,
            };
        }

        (nint query, nint key, nint value) = (device.Read(q), device.Read(k), device.Read(v));
        KernelArguments arguments = default;
        arguments.Add(query);
        arguments.Add(key);
        arguments.Add(value);
        bool areAllKept = kept == q.Rows;
        arguments.Add(isRounded ? device.WriteRounded(q) : device.Update(q));
        arguments.Add(!isRounded ? device.Update(k) : areAllKept ? nint.Zero : device.WriteRounded(k));
        arguments.Add(!isRounded ? value : areAllKept ? nint.Zero : device.WriteRounded(v));
        arguments.Add(angles is null ? nint.Zero : device.Read(angles.Cos));
        arguments.Add(angles is null ? nint.Zero : device.Read(angles.Sin));
        arguments.Add(device.Upload(positions));
        arguments.Add(targets.Length > 1 ? device.Upload<Target>(_targets.AsSpan(0, targets.Length)) : nint.Zero);
        arguments.Add(targets.Length);
        arguments.Add(targets.Length == 1 ? _targets[0] : default);
        arguments.Add(q.Columns);
        arguments.Add(k.Columns);
        arguments.Add(angles?.HeadSize ?? k.Columns);
        arguments.Add((angles?.Dimensions ?? 0) / 2);
        CudaFunction function = device.Function("rows.cu", isRounded ? "rows_store_bf16" : "rows_store_f32", overlaps: true);
        device.Launch(function, q.Rows, Operands, 1, Launches.Threads, arguments);
    }

    // Target in rows.cu.
    [StructLayout(LayoutKind.Sequential)]
    private struct Target
    {
        public nint Keys;
        public nint Values;
        public int First;
        public int Count;
    }
}
