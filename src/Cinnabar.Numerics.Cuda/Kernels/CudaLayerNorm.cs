using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A team of threads a row.</summary>
internal sealed class CudaLayerNorm(CudaDevice device) : ILayerNorm
{
    public void Forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        Expect.Floats(x, x.Count);
        Expect.Floats(weight, x.Columns);
        Expect.Floats(bias, x.Columns);
        Expect.Floats(y, x.Count);
        if (x.Count == 0)
        {
            return;
        }

        RowTeams teams = new(x.Columns);
        KernelArguments arguments = default;
        arguments.Add(device.Read(x));
        arguments.Add(device.Read(weight));
        arguments.Add(device.Read(bias));
        arguments.Add(epsilon);
        arguments.Add(y.IsOperand ? device.WriteRounded(y) : device.Write(y));
        arguments.Add(x.Rows);
        arguments.Add(x.Columns);
        arguments.Add(teams.Size);
        CudaFunction function = device.Function("norms.cu", y.IsOperand ? "norms_layer_bf16" : "norms_layer_f32");
        device.Launch(function, teams.Blocks(x.Rows), 1, 1, teams.Threads, arguments);
    }

    public RowSource AsRows(Tensor x, Tensor weight, Tensor bias, float epsilon, ref RowSource? rows)
    {
        NormedRows normed = rows as NormedRows ?? new NormedRows(this);
        normed.Set(x, weight, bias, epsilon);
        rows = normed;
        return normed;
    }

    private sealed class NormedRows(CudaLayerNorm kernel) : CudaRows
    {
        private Tensor _x = null!;
        private Tensor _weight = null!;
        private Tensor _bias = null!;
        private float _epsilon;

        internal void Set(Tensor x, Tensor weight, Tensor bias, float epsilon)
        {
            (_x, _weight, _bias, _epsilon) = (x, weight, bias, epsilon);
            (Rows, Columns) = (x.Rows, x.Columns);
        }

        protected override void Compute(Tensor y) => kernel.Forward(_x, _weight, _bias, _epsilon, y);
    }
}
