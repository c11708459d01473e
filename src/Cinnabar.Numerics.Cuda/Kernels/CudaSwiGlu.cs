using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>One pass over the elements.</summary>
internal sealed class CudaSwiGlu(CudaDevice device) : ISwiGlu
{
    private const string Source = "elementwise.cu";

    public void Forward(Tensor gate, Tensor up, Tensor y)
    {
        Expect.Floats(gate, gate.Count);
        Expect.Floats(up, gate.Count);
        Expect.Floats(y, gate.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(gate));
        arguments.Add(device.Read(up));
        arguments.Add(y.IsOperand ? device.WriteRounded(y) : device.Write(y));
        arguments.Add((long)gate.Count);
        CudaFunction function = device.Function(
            Source, y.IsOperand ? "elementwise_swiglu_bf16" : "elementwise_swiglu_f32", overlaps: true);
        device.LaunchOverElements(function, gate.Count, arguments);
    }

    public RowSource AsRows(Tensor gate, Tensor up, ref RowSource? rows)
    {
        GatedRows gated = rows as GatedRows ?? new GatedRows(this);
        gated.Set(gate, up);
        rows = gated;
        return gated;
    }

    public void Backward(Tensor dY, Tensor gate, Tensor up, Tensor dGate, Tensor dUp)
    {
        Expect.Floats(gate, gate.Count);
        Expect.Floats(dY, gate.Count);
        Expect.Floats(up, gate.Count);
        Expect.Floats(dGate, gate.Count);
        Expect.Floats(dUp, gate.Count);
        KernelArguments arguments = default;
        arguments.Add(device.Read(dY));
        arguments.Add(device.Read(gate));
        arguments.Add(device.Read(up));
        (nint gateGradient, int addsToGate) = device.Accumulate(dGate);
        (nint upGradient, int addsToUp) = device.Accumulate(dUp);
        arguments.Add(gateGradient);
        arguments.Add(upGradient);
        arguments.Add(addsToGate);
        arguments.Add(addsToUp);
        arguments.Add((long)gate.Count);
        device.LaunchOverElements(device.Function(Source, "elementwise_swiglu_backward"), gate.Count, arguments);
    }

    private sealed class GatedRows(CudaSwiGlu kernel) : CudaRows
    {
        private Tensor _gate = null!;
        private Tensor _up = null!;

        internal void Set(Tensor gate, Tensor up)
        {
            (_gate, _up) = (gate, up);
            (Rows, Columns) = (gate.Rows, gate.Columns);
        }

        protected override void Compute(Tensor y) => kernel.Forward(_gate, _up, y);
    }
}
