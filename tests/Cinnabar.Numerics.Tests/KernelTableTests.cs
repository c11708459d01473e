using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests;

public sealed class KernelTableTests
{
    [Theory]
    [InlineData(KernelForm.Reference)]
    [InlineData(KernelForm.Vector)]
    [InlineData(KernelForm.Jit)]
    public void Create_FormGiven_HoldsItWithAReasonPerChoice(KernelForm form)
    {
        KernelTable table = KernelTable.Create(threads: 3, form);
        using WorkerPool workers = table.Workers;
        Assert.Equal(form, table.Form);
        Assert.Equal(3, workers.Threads);
        Assert.Equal(form == KernelForm.Reference, table.Add is ReferenceAdd);
        Assert.Equal(form == KernelForm.Reference, table.MatMul is ReferenceMatMul);
        Assert.Contains("threads: 3", table.Reasons);
        Assert.Contains(table.Reasons, reason => reason.StartsWith("other kernels: ", StringComparison.Ordinal));
    }

    [Fact]
    public void Create_NoThreadsGiven_OnePerProcessor()
    {
        using WorkerPool workers = KernelTable.Create(form: KernelForm.Vector).Workers;
        Assert.Equal(Environment.ProcessorCount, workers.Threads);
    }
}
