using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A block a row.</summary>
internal sealed class CudaCopyRows(CudaDevice device) : ICopyRows
{
    public void Forward(Tensor x, int first, ReadOnlySpan<int> rows, Tensor y)
    {
        ReferenceCopyRows.Check(x, first, rows, y);
        if (rows.IsEmpty || y.Columns == 0)
        {
            return;
        }

        KernelArguments arguments = default;
        arguments.Add(device.Read(x) + ((nint)first * y.Columns * sizeof(float)));
        arguments.Add(device.Upload(rows));
        arguments.Add(device.Update(y));
        arguments.Add(y.Columns);
        device.LaunchPerRow(device.Function("rows.cu", "rows_copy"), rows.Length, y.Columns, arguments);
    }
}
