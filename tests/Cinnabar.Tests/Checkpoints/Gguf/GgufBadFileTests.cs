using System.Diagnostics;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class GgufBadFileTests
{
    public static TheoryData<string> Cases => [.. GgufBadFileCases.All.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Open_BrokenFile_NamesFileFieldAndOffset(string name)
    {
        using TemporaryFolder folder = new();
        (Func<byte[]> bytes, string[] expected) = GgufBadFileCases.All[name];
        string path = folder.Write("broken.gguf", bytes());

        CinnabarException error = Assert.Throws<CinnabarException>(() => GgufFile.Open(path).Dispose());

        Assert.StartsWith(path + ": ", error.Message, StringComparison.Ordinal);
        Assert.Matches(": [^:]+, offset [0-9]+: expected .+, found .+\\. [A-Z].+\\.$", error.Message[path.Length..]);
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.True(error.Message.Length < 1_000 + path.Length, "The message repeats too much of the file.");
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void Cases_AreMany() => Assert.True(GgufBadFileCases.All.Count >= 130);

    [Fact]
    public void Open_AllBrokenFiles_NeedLittleMemoryAndTime()
    {
        using TemporaryFolder folder = new();
        foreach ((string name, (Func<byte[]> bytes, _)) in GgufBadFileCases.All)
        {
            string path = folder.Write("broken.gguf", bytes());
            long before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            Assert.Throws<CinnabarException>(() => GgufFile.Open(path).Dispose());
            TimeSpan first = clock.Elapsed;
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 2 << 20, $"{name}: {allocated} bytes allocated.");

            // The first time may have met a busy machine or a method that was not compiled yet.
            clock.Restart();
            Assert.Throws<CinnabarException>(() => GgufFile.Open(path).Dispose());
            Assert.True(first.TotalMilliseconds < 100 || clock.ElapsedMilliseconds < 100, $"{name}: {first}, then {clock.Elapsed}.");
        }
    }

    [Fact]
    public void Open_NoSuchFile_SaysSo()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => GgufFile.Open("/no/such/model.gguf"));
        Assert.Contains("/no/such/model.gguf: expected a file (a model in GGUF format)", error.Message, StringComparison.Ordinal);
    }
}
