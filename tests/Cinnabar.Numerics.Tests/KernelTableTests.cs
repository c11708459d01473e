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
    public void Create_NoThreadsGiven_OnePerProcessor() =>
        Assert.Equal(Environment.ProcessorCount, KernelTable.Create(form: KernelForm.Vector).Workers.Threads);

    [Fact]
    public void Create_NoThreadsGiven_IsOneTableForAllWhoAsk()
    {
        KernelTable[] tables = [.. Enumerable.Range(0, 8).AsParallel().Select(_ => KernelTable.Create(form: KernelForm.Vector))];
        Assert.All(tables, table => Assert.Same(tables[0], table));
        Assert.Same(KernelTable.Create(), KernelTable.Create());
        Assert.Same(tables[0].Workers, KernelTable.Create(form: KernelForm.Reference).Workers);
    }

    [Fact]
    public void Create_NoThreadsGiven_NobodyEndsTheThreadsOfTheOthers()
    {
        WorkerPool workers = KernelTable.Create(form: KernelForm.Vector).Workers;
        workers.Dispose();
        int calls = 0;
        workers.For(100, _ => Interlocked.Increment(ref calls));
        Assert.Equal(100, calls);
    }

    [Fact]
    public void Create_ThreadsGiven_HasThreadsOfItsOwn()
    {
        using WorkerPool first = KernelTable.Create(threads: 2, KernelForm.Vector).Workers;
        using WorkerPool second = KernelTable.Create(threads: 2, KernelForm.Vector).Workers;
        Assert.NotSame(first, second);
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.For(100, _ => { }));
    }
}
