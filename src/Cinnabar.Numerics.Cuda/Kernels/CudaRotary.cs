using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A block a row.</summary>
internal sealed class CudaRotary(CudaDevice device) : IRotary
{
    public void Forward(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions) =>
        Rotate(x, angles, sequenceLength, positions, 1);

    public void Backward(Tensor dX, RotaryAngles angles, int sequenceLength) => Rotate(dX, angles, sequenceLength, [], -1);

    private void Rotate(Tensor x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions, float direction)
    {
        angles.Check(x, sequenceLength, positions);
        if (x.Count == 0 || angles.Dimensions == 0)
        {
            return;
        }

        KernelArguments arguments = default;
        arguments.Add(device.Update(x));
        arguments.Add(device.Read(angles.Cos));
        arguments.Add(device.Read(angles.Sin));
        arguments.Add(positions.IsEmpty ? 0 : device.Upload(positions));
        arguments.Add(sequenceLength);
        arguments.Add(direction);
        arguments.Add(x.Columns);
        arguments.Add(angles.HeadSize);
        arguments.Add(angles.Dimensions / 2);
        device.LaunchPerRow(device.Function("rows.cu", "rows_rotate"), x.Rows, x.Columns, arguments);
    }
}
