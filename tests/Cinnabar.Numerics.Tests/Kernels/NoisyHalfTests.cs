using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

/// <summary>Attention over sequences that stand twice, the second time with noise: what their valid lengths may be and do.</summary>
public sealed class NoisyHalfTests
{
    public static TheoryData<string> Forms => KernelTables.All;

    [Theory]
    [MemberData(nameof(Forms))]
    public void Attention_NothingValid_YieldsZerosAndNoGradient(string form)
    {
        // A block in each half: the keys that stand before a noisy row are all hidden, and a clean row has none.
        AttentionShape shape = new(1, 8, 2, 1, 3, AttentionKind.BlockCausal, 4, [0], HasNoisyHalf: true);
        using GuardedMemory memory = new();
        Operands operands = new(10, memory);
        (Tensor q, Tensor k, Tensor v) = (operands.Normal(1, 8, 6), operands.Normal(1, 8, 3), operands.Normal(1, 8, 3));
        (Tensor o, Tensor lse, Tensor dO) = (operands.Normal(1, 8, 6), operands.Normal(1, 8, 2), operands.Normal(1, 8, 6));
        IAttention attention = KernelTables.Table(form).Attention;
        attention.Forward(q, k, v, shape, MatMulPrecision.F32, o, lse);
        Assert.All(o.Floats.ToArray(), value => Assert.Equal(0f, value));
        Assert.All(lse.Floats.ToArray(), value => Assert.Equal(float.NegativeInfinity, value));

        Tensor[] gradients = [operands.Zeros(8, 6), operands.Zeros(8, 3), operands.Zeros(8, 3)];
        Array.ForEach(gradients, gradient => gradient.Floats.Fill(0.5f));
        attention.Backward(dO, q, k, v, o, lse, shape, MatMulPrecision.F32, gradients[0], gradients[1], gradients[2]);
        Assert.All(gradients, gradient => Assert.All(gradient.Floats.ToArray(), value => Assert.Equal(0.5f, value)));
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Attention_MoreValidRowsThanAHalf_Throws(string form)
    {
        AttentionShape shape = new(1, 8, 1, 1, 2, AttentionKind.BlockCausal, 2, [5], HasNoisyHalf: true);
        Tensor x = Tensor.Zeros(8, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => KernelTables.Table(form).Attention.Forward(
            x, x, x, shape, MatMulPrecision.F32, Tensor.Zeros(8, 2), Tensor.Zeros(8, 1)));
    }
}
