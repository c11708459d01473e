namespace Cinnabar.Numerics.Cuda.Tests;

public sealed class ElementwiseTests
{
    [CudaFact]
    public void Add_Forward() => Comparison.OnAllShapes("Add", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor a, Tensor b, Tensor y) = (Normal(samples, shape), Normal(samples, shape), Zeros(shape));
        table.Add.Forward(a, b, y);
        table.Add.Forward(a, b, a);
        return [new("y", y), new("in place", a)];
    });

    [CudaFact]
    public void Add_Backward() => Comparison.OnAllShapes("Add backward", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor d, Tensor ofZeros) = (Normal(samples, shape), samples.Cleared(table, shape.Rows, shape.Columns));
        table.Add.Backward(Normal(samples, shape), d);
        table.Add.Backward(Normal(samples, shape), ofZeros);
        return [new("d", d), new("of zeros", ofZeros)];
    });

    [CudaFact]
    public void Scaling_Forward() => Comparison.OnAllShapes("Scaling", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor x = Normal(samples, shape);
        table.Scaling.Forward(x, 1.7f);
        return [new("x", x)];
    });

    [CudaFact]
    public void SoftCap_Forward() => Comparison.OnAllShapes("SoftCap", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor x = Normal(samples, shape, scale: 20);
        table.SoftCap.Forward(x, 30);
        return [new("x", x)];
    });

    [CudaFact]
    public void SwiGlu_Forward() => Comparison.OnAllShapes("SwiGlu", Comparison.Exact, (table, samples, shape) =>
    {
        Tensor y = Zeros(shape);
        table.SwiGlu.Forward(Normal(samples, shape, scale: 5), Normal(samples, shape), y);
        return [new("y", y)];
    });

    [CudaFact]
    public void SwiGlu_ForwardOfAnOperand() => Comparison.OnAllShapes("SwiGlu to BF16", Comparison.Rounded, (table, samples, shape) =>
    {
        Tensor y = Zeros(shape);
        y.IsOperand = true;
        table.SwiGlu.Forward(Normal(samples, shape, scale: 5), Normal(samples, shape), y);
        return [new("y", y)];
    });

    [CudaFact]
    public void SwiGlu_Backward() => Comparison.OnAllShapes("SwiGlu backward", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor dGate, Tensor dUp) = (Normal(samples, shape), Normal(samples, shape));
        (Tensor gateOfZeros, Tensor upOfZeros) =
            (samples.Cleared(table, shape.Rows, shape.Columns), samples.Cleared(table, shape.Rows, shape.Columns));
        (Tensor dY, Tensor gate, Tensor up) = (Normal(samples, shape), Normal(samples, shape, scale: 5), Normal(samples, shape));
        table.SwiGlu.Backward(dY, gate, up, dGate, dUp);
        table.SwiGlu.Backward(dY, gate, up, gateOfZeros, dUp);
        table.SwiGlu.Backward(dY, gate, up, dGate, upOfZeros);
        return [new("dGate", dGate), new("dUp", dUp), new("dGate of zeros", gateOfZeros), new("dUp of zeros", upOfZeros)];
    });

    [CudaFact]
    public void GatedUnits_OfExtremeGates() => Comparison.On("of extreme gates", Comparison.Exact, ["SwiGlu", "GeGlu"], (table, _, name) =>
    {
        float[] gates = [-1e30f, -200, -90, -1e-30f, 0, 1e-30f, 90, 200, 1e10f];
        (Tensor gate, Tensor up, Tensor y) = (Tensor.From(gates, 9), Tensor.Zeros(9), Tensor.Zeros(9));
        up.Floats.Fill(2);
        if (name == "SwiGlu")
        {
            table.SwiGlu.Forward(gate, up, y);
        }
        else
        {
            table.GeGlu.Forward(gate, up, y);
        }

        return [new("small", Tensor.From(y.Floats[..6], 6)), new("large", Tensor.From(y.Floats[6..], 3))];
    });

    [CudaFact]
    public void GeGlu_Forward() => Comparison.OnAllShapes("GeGlu", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor gate, Tensor up, Tensor y) = (Normal(samples, shape, scale: 2), Normal(samples, shape), Zeros(shape));
        table.GeGlu.Forward(gate, up, y);
        table.GeGlu.Forward(gate, up, gate);
        return [new("y", y), new("in place", gate)];
    });

    [CudaFact]
    public void Gelu_Forward() => Comparison.OnAllShapes("Gelu", Comparison.Exact, (table, samples, shape) =>
    {
        (Tensor x, Tensor bias, Tensor y) = (Normal(samples, shape, scale: 2), samples.Normal(1, shape.Columns), Zeros(shape));
        table.Gelu.Forward(x, bias, y);
        table.Gelu.Forward(x, bias, x);
        return [new("y", y), new("in place", x)];
    });

    private static Tensor Normal(Samples samples, Shape shape, double scale = 1) => samples.Normal(scale, shape.Rows, shape.Columns);

    private static Tensor Zeros(Shape shape) => Tensor.Zeros(shape.Rows, shape.Columns);
}
