using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class TaskSourceTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Lines_MoreBytesThanTheLimit_AreRefused(bool isPacked)
    {
        using TaskFolder folder = new();
        string[] lines = ["one", "two", "three"];
        TaskSource source = (isPacked ? folder.Pack("a.txt", lines) : folder.Write("a.txt", lines)).Source(TaskSplit.Train);
        Assert.Equal(1L << 30, source.MostBytes);
        Assert.Equal(lines, source.Lines("a.txt", "there"));
        CinnabarException e = Assert.Throws<CinnabarException>(() => (source with { MostBytes = 8 }).Lines("a.txt", "there"));
        Assert.Contains("cannot be read: it holds more than 8 bytes of text.", e.Message, StringComparison.Ordinal);
    }
}
