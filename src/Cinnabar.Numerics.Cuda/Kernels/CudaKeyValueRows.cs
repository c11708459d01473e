// One launch for the queries, keys and values of a pass. A single cache is told in the arguments, which a repeated pass has in common with
// the one before; several need an array.
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
        if (q.Rows == 0 || (angles is null && targets.IsEmpty))
        {
            return;
        }

        if (_targets.Length < targets.Length)
        {
            _targets = new Target[2 * targets.Length];
        }

        for (int i = 0; i < targets.Length; i++)
        {
            (int first, int count, Tensor keys, Tensor values) = targets[i];
            _targets[i] = new Target { Keys = device.Update(keys), Values = device.Update(values), First = first, Count = count };
        }

        KernelArguments arguments = default;
        arguments.Add(device.Update(q));
        arguments.Add(device.Update(k));
        arguments.Add(device.Read(v));
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
        device.Launch(device.Function("rows.cu", "rows_store", overlaps: true), q.Rows, Operands, 1, Launches.Threads, arguments);
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
