using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests;

public sealed class KernelTableTests
{
    [Theory]
    [InlineData(null, KernelForm.Jit)]
    [InlineData("", KernelForm.Jit)]
    [InlineData("scalar", KernelForm.Reference)]
    [InlineData("vector", KernelForm.Vector)]
    [InlineData("jit", KernelForm.Jit)]
    public void Create_FormFromEnvironment_IsChosenWithAReason(string? word, KernelForm expected)
    {
        using EnvironmentVariable set = new("CINNABAR_ISA", word);
        KernelTable table = KernelTable.Create(NaiveProduct, threads: 1);
        using WorkerPool workers = table.Workers;
        Assert.Equal(expected, table.Form);
        Assert.Equal(1, workers.Threads);
        Assert.Contains(table.Reasons, reason => reason.StartsWith("form: ", StringComparison.Ordinal));
        Assert.Contains("product: naive", table.Reasons);
    }

    [Fact]
    public void Create_UnknownForm_NamesTheAllowedOnes()
    {
        using EnvironmentVariable set = new("CINNABAR_ISA", "avx9");
        string message = Assert.Throws<ArgumentException>(() => KernelTable.Create(NaiveProduct, threads: 1)).Message;
        Assert.All((string[])["scalar", "vector", "jit", "avx9"], word => Assert.Contains(word, message, StringComparison.Ordinal));
    }

    [Fact]
    public void Create_FormGiven_OverridesEnvironment()
    {
        using EnvironmentVariable set = new("CINNABAR_ISA", "scalar");
        KernelTable table = KernelTable.Create(NaiveProduct, threads: 1, KernelForm.Vector);
        using WorkerPool workers = table.Workers;
        Assert.Equal(KernelForm.Vector, table.Form);
        Assert.IsNotType<ReferenceAdd>(table.Add);
    }

    private static (IMatMul Kernel, string Reason) NaiveProduct(KernelForm form, WorkerPool workers) => (new NaiveMatMul(), "product: naive");

    // Only the tests of this class read the variable, and the tests of one class run one after another.
    private sealed class EnvironmentVariable : IDisposable
    {
        private readonly string _name;
        private readonly string? _before;

        public EnvironmentVariable(string name, string? value)
        {
            _name = name;
            _before = Environment.GetEnvironmentVariable(name);
            Environment.SetEnvironmentVariable(name, value);
        }

        public void Dispose() => Environment.SetEnvironmentVariable(_name, _before);
    }
}
