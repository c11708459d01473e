using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

public sealed class MemoryBudgetTests
{
    [Fact]
    public void Take_UntilNothingIsLeft_IsToldThenRefused()
    {
        MemoryBudget budget = new(100);
        using MemoryBudget.Share first = budget.Open(), second = budget.Open();
        first.Take(60, "a");
        second.Take(40, "b");
        Assert.Equal((0, 60, 40), (budget.Left, first.Bytes, second.Bytes));
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => first.Take(1, "c"));
        Assert.StartsWith("Expected 1 bytes for c, found 0 of those that the machine offers.", e.Message);
        Assert.Equal((0, 60, 40), (budget.Left, first.Bytes, second.Bytes));
        first.Take(0, "nothing");
        first.Take(-10, "a");
        second.Take(10, "b");
        Assert.Equal((0, 50, 50), (budget.Left, first.Bytes, second.Bytes));
        first.Dispose();
        Assert.Equal((50, 0), (budget.Left, first.Bytes));
        first.Dispose();
        second.Dispose();
        Assert.Equal(100, budget.Left);
    }

    [Fact]
    public void Take_MoreThanEver_IsRefused()
    {
        MemoryBudget budget = new(100);
        using MemoryBudget.Share share = budget.Open();
        Assert.Throws<InvalidDataException>(() => share.Take(101, "a"));
        Assert.Throws<InvalidDataException>(() => share.Take(long.MaxValue, "a"));
        Assert.Equal((100, 0), (budget.Left, share.Bytes));
        share.Take(100, "a");
    }

    [Fact]
    public void Take_FromManyThreads_GivesNoMoreThanThereIs()
    {
        MemoryBudget budget = new(1000);
        long most = 0;
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, thread =>
        {
            for (int i = 0; i < 2000; i++)
            {
                using MemoryBudget.Share share = budget.Open();
                if (Record.Exception(() => share.Take(150 + thread, "a")) is null)
                {
                    Assert.InRange(budget.Left, 0, 1000 - 150);
                    Interlocked.Increment(ref most);
                }
            }
        });
        Assert.Equal(1000, budget.Left);
        Assert.True(most > 0);
    }
}
