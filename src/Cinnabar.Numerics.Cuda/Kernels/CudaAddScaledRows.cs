using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A block a row.</summary>
internal sealed class CudaAddScaledRows(CudaDevice device) : IAddScaledRows
{
    public void Forward(Tensor x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Tensor y)
    {
        ReferenceAddScaledRows.Check(x, rows, scales, y);
        if (x.Count == 0)
        {
            return;
        }

        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(device.Upload(rows));
        arguments.Add(device.Upload(scales));
        arguments.Add(device.Update(y));
        arguments.Add(y.Columns);
        device.LaunchPerRow(device.Function("rows.cu", "rows_add_scaled"), rows.Length, y.Columns, arguments);
    }
}
