using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Autograd;

public sealed class TapeTests
{
    private const int Rows = 64;
    private const int Width = 256;
    private const int ActivationBytes = Rows * Width * sizeof(float);

    private static readonly int[] s_ids = [.. Enumerable.Range(0, Rows).Select(i => i * 7 % 32)];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pass_RepeatedlyOfTheSameSizes_RentsNoMoreAfterTheFirst(bool recording)
    {
        Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording);
        Parameter[] weights = Weights();
        long first = Allocated(() => Pass(tape, weights, s_ids));
        Assert.True(first > ActivationBytes, $"The first pass should allocate; it allocated {first} bytes.");
        Pass(tape, weights, s_ids); // scratch memory of kernels grows on the first calls
        for (int i = 0; i < 5; i++)
        {
            long later = Allocated(() => Pass(tape, weights, s_ids));
            Assert.True(later < ActivationBytes, $"Pass {i + 3} allocated {later} bytes, the first {first}.");
        }
    }

    [Fact]
    public void Backward_SameVariableUsedTwice_AddsBothGradients()
    {
        // loss = ce(x·Wᵀ + x·Wᵀ): the gradient is that of one product with doubled logits, times two.
        KernelTable kernels = KernelTables.Shipped(KernelForm.Reference, 1);
        float[] twice = GradientOfW(kernels, (tape, x, w) => tape.Add(tape.Linear(x, w), tape.Linear(x, w)), 1);
        float[] once = GradientOfW(kernels, (tape, x, w) => tape.Linear(x, w), 2);
        for (int i = 0; i < once.Length; i++)
        {
            Assert.Equal(2 * once[i], twice[i], 1e-5f);
        }
    }

    [Fact]
    public void Backward_Twice_AccumulatesUntilZeroGradient()
    {
        Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording: true);
        Parameter[] weights = Weights();
        Pass(tape, weights, s_ids);
        float[] once = weights[1].Gradient!.Floats.ToArray();
        Pass(tape, weights, s_ids);
        float[] twice = weights[1].Gradient!.Floats.ToArray();
        Assert.True(once.Zip(twice).All(g => Math.Abs((2 * g.First) - g.Second) <= 1e-5f));
        Assert.Contains(once, g => Math.Abs(g) > 0.01f);
        weights[1].ZeroGradient();
        Assert.Equal(-1, weights[1].Gradient!.Floats.IndexOfAnyExcept(0f));
        Pass(tape, weights, s_ids);
        Assert.Equal(once, weights[1].Gradient!.Floats.ToArray());
    }

    [Fact]
    public void ReleaseSince_Inference_GivesMemoryBackAndRecordingKeepsIt()
    {
        foreach (bool recording in (bool[])[false, true])
        {
            Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording);
            Parameter[] weights = Weights();
            Variable x = tape.Embedding(weights[0], s_ids);
            float[] before = x.Value.Floats.ToArray();
            int mark = tape.Mark();
            Variable first = tape.Linear(x, weights[1]);
            tape.ReleaseSince(mark);
            Variable second = tape.Linear(x, weights[2]);
            Assert.Equal(!recording, first.Value.Floats == second.Value.Floats);
            Assert.Equal(before, x.Value.Floats.ToArray());
        }
    }

    [Fact]
    public void Changed_AfterAWeightChanged_MakesInferenceSeeIt()
    {
        Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording: false);
        Parameter[] weights = Weights();
        Variable x = tape.Embedding(weights[0], s_ids);
        float[] before = tape.Linear(x, weights[1]).Value.Floats.ToArray();
        foreach (ref float value in weights[1].Value.Floats)
        {
            value *= 2;
        }

        weights[1].Changed();
        Assert.Equal(before.Select(y => 2 * y), tape.Linear(x, weights[1]).Value.Floats.ToArray());
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    [InlineData(DType.Int8)]
    public void Pack_KeepingOnlyThePackedForm_GivesTheSameBitsAndNamesTheWeightWhoseValuesAreGone(DType type)
    {
        Tape tape = new(KernelTables.Shipped(KernelForm.Vector, 1), recording: false);
        Variable x = new(Filled(5, Rows, Width));
        float[] expected = tape.Linear(x, new Parameter("w", Filled(2, 32, Width).To(type))).Value.Floats.ToArray();
        Parameter weight = new("w", Filled(2, 32, Width).To(type));
        tape.Pack(weight, keepValues: true);
        Assert.Equal(32, weight.Value.Rows);
        tape.Pack(weight, keepValues: false);
        Assert.Equal(expected, tape.Linear(x, weight).Value.Floats.ToArray());
        Assert.Contains("w [32, 256]", Assert.Throws<InvalidOperationException>(() => weight.Value).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(weight.Changed);
        Assert.Equal(expected, tape.Linear(x, weight).Value.Floats.ToArray());
    }

    private static float[] GradientOfW(KernelTable kernels, Func<Tape, Variable, Parameter, Variable> logits, float logitScale)
    {
        Tape tape = new(kernels, recording: true, MatMulPrecision.F32);
        Parameter table = new("table", Filled(1, 4, 8));
        Parameter w = new("w", Filled(2, 5, 8));
        foreach (ref float value in w.Value.Floats)
        {
            value *= logitScale;
        }

        Variable y = logits(tape, tape.Embedding(table, [1, 3, 2]), w);
        tape.CrossEntropy(y, [0, 4, 2], [1f, 0.5f, 0.25f]);
        tape.Backward();
        return w.Gradient!.Floats.ToArray();
    }

    private static void Pass(Tape tape, Parameter[] weights, int[] ids)
    {
        tape.Reset();
        Variable h = tape.Embedding(weights[0], ids);
        for (int block = 0; block < 3; block++)
        {
            int mark = tape.Mark();
            Variable a = tape.RmsNorm(h, weights[3], 1e-5f);
            h = tape.Add(h, tape.SwiGlu(tape.Linear(a, weights[1]), tape.Linear(a, weights[2])));
            tape.ReleaseSince(mark);
        }

        Tensor losses = tape.CrossEntropy(tape.Linear(h, weights[0]), ids, [.. ids.Select(_ => 0.01f)]);
        Assert.True(float.IsFinite(losses.Floats[0]));
        if (tape.Recording)
        {
            tape.Backward();
        }
    }

    private static Parameter[] Weights() =>
    [
        new("table", Filled(1, 32, Width)),
        new("gate", Filled(2, Width, Width)),
        new("up", Filled(3, Width, Width)),
        new("norm", Filled(4, Width)),
    ];

    private static Tensor Filled(int seed, params ReadOnlySpan<int> shape)
    {
        Random random = new(seed);
        Tensor tensor = Tensor.Zeros(shape);
        foreach (ref float value in tensor.Floats)
        {
            value = (float)(random.NextDouble() - 0.5);
        }

        return tensor;
    }

    private static long Allocated(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
