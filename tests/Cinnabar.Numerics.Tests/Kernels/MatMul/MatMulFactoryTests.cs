using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Kernels;

public sealed class MatMulFactoryTests
{
    [Theory]
    [InlineData(KernelForm.Reference, "reference")]
    [InlineData(KernelForm.Vector, "vector")]
    [InlineData(KernelForm.Jit, "jit")]
    public void Create_FormGiven_SaysWhatWasChosen(KernelForm form, string word)
    {
        using WorkerPool workers = new(1);
        IMatMul product = MatMulFactory.Create(form, workers, out string reason);
        string expected = form == KernelForm.Jit && !CpuFeatures.HasAvx2 ? "vector" : word;
        Assert.StartsWith("matmul: ", reason, StringComparison.Ordinal);
        Assert.Contains(expected, reason, StringComparison.Ordinal);
        Assert.Equal(form == KernelForm.Reference, product is ReferenceMatMul);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("scalar", KernelForm.Reference)]
    [InlineData("Vector", KernelForm.Vector)]
    [InlineData(" jit ", KernelForm.Jit)]
    public void Parse_KnownWord_IsItsForm(string? word, KernelForm? form) => Assert.Equal(form, Cinnabar.Numerics.KernelForms.Parse(word));

    [Fact]
    public void Parse_UnknownWord_NamesTheChoices()
    {
        ArgumentException failure = Assert.Throws<ArgumentException>(() => Cinnabar.Numerics.KernelForms.Parse("avx"));
        Assert.Contains("scalar, vector or jit, found 'avx'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NothingToCopy_IsRefusedWithAReason()
    {
        unsafe
        {
            Assert.True(ExecutableMemory.Load([], out string reason) is null);
            Assert.Contains("refused", reason, StringComparison.Ordinal);
        }
    }
}
