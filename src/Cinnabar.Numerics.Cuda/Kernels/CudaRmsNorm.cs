using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>
/// A team of threads a row. Backward, each takes a chunk of rows and sums the weight's gradient over it; the chunks are added in order.
/// </summary>
internal sealed class CudaRmsNorm(CudaDevice device) : IRmsNorm
{
    private const string Source = "norms.cu";

    // Enough teams to fill a device, few enough that their sums are small beside the rows.
    private const int MostBlocks = 1024;
    private const int LeastRows = 8;

    public void Forward(Tensor x, Tensor weight, float epsilon, Tensor y, Tensor inverseRms)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(weight, columns);
        Expect.Floats(inverseRms, rows);
        Expect.Floats(x, rows * columns);
        Expect.Floats(y, rows * columns);
        Normalise(x, weight, epsilon, y, device.Write(inverseRms), rows);
    }

    public RowSource AsRows(Tensor x, Tensor weight, float epsilon, ref RowSource? rows)
    {
        Expect.Floats(weight, x.Columns);
        Expect.Floats(x, x.Count);
        NormedRows normed = rows as NormedRows ?? new NormedRows(this);
        normed.Set(x, weight, epsilon);
        rows = normed;
        return normed;
    }

    public void Backward(Tensor dY, Tensor x, Tensor weight, Tensor inverseRms, Tensor dX, Tensor dWeight)
    {
        int columns = weight.Count;
        int rows = inverseRms.Count;
        Expect.Floats(weight, columns);
        Expect.Floats(inverseRms, rows);
        Expect.Floats(x, rows * columns);
        Expect.Floats(dY, rows * columns);
        Expect.Floats(dX, rows * columns);
        Expect.Floats(dWeight, columns);
        if (x.Count == 0)
        {
            return;
        }

        RowTeams teams = new(columns);
        int most = MostBlocks * teams.PerBlock;
        int chunk = Math.Max(LeastRows, (rows + most - 1) / most);
        int chunks = (rows + chunk - 1) / chunk;
        nint sums = device.Scratch((long)chunks * columns * sizeof(float));
        KernelArguments arguments = default;
        arguments.Add(device.Read(dY));
        arguments.Add(device.Read(x));
        arguments.Add(device.Read(weight));
        arguments.Add(device.Read(inverseRms));
        (nint gradient, int adds) = device.Accumulate(dX);
        arguments.Add(gradient);
        arguments.Add(adds);
        arguments.Add(sums);
        arguments.Add(rows);
        arguments.Add(columns);
        arguments.Add(chunk);
        arguments.Add(teams.Size);
        CudaFunction function = device.Function(Source, "norms_rms_backward", teams.PerBlock * columns * sizeof(float));
        device.Launch(function, teams.Blocks(chunks), 1, 1, teams.Threads, arguments);
        ColumnSums.AddChunks(device, sums, chunks, dWeight);
    }

    // inverseRms: an address, or 0 where nobody asks.
    private void Normalise(Tensor x, Tensor weight, float epsilon, Tensor y, nint inverseRms, int rows)
    {
        if (x.Count == 0)
        {
            return;
        }

        RowTeams teams = new(weight.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(device.Read(weight));
        arguments.Add(epsilon);
        arguments.Add(y.IsOperand ? device.WriteRounded(y) : device.Write(y));
        arguments.Add(inverseRms);
        arguments.Add(rows);
        arguments.Add(weight.Count);
        arguments.Add(teams.Size);
        CudaFunction function = device.Function(Source, y.IsOperand ? "norms_rms_bf16" : "norms_rms_f32", overlaps: true);
        device.Launch(function, teams.Blocks(rows), 1, 1, teams.Threads, arguments);
    }

    private sealed class NormedRows(CudaRmsNorm kernel) : CudaRows
    {
        private Tensor _x = null!;
        private Tensor _weight = null!;
        private float _epsilon;

        internal void Set(Tensor x, Tensor weight, float epsilon)
        {
            (_x, _weight, _epsilon) = (x, weight, epsilon);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        protected override void Compute(Tensor y) => kernel.Normalise(_x, _weight, _epsilon, y, inverseRms: 0, Rows);
    }
}
