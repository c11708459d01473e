using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsBadFileTests
{
    public static TheoryData<string> Cases => [.. SafetensorsBadFileCases.All.Keys];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Open_BrokenFile_NamesFileAndFault(string name)
    {
        using TemporaryFolder folder = new();
        (Func<byte[]> bytes, string[] expected) = SafetensorsBadFileCases.All[name];
        string path = folder.Write("broken.safetensors", bytes());

        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsFile.Open(path).Dispose());

        Assert.Contains("broken.safetensors", error.Message, StringComparison.Ordinal);
        Assert.All(expected, text => Assert.Contains(text, error.Message, StringComparison.Ordinal));
        Assert.True(error.Message.Length < 2_000 + path.Length, "The message repeats too much of the file.");
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void Cases_AreMany() => Assert.True(SafetensorsBadFileCases.All.Count >= 100);

    [Fact]
    public void Open_HundredBrokenFiles_NeedLittleMemory()
    {
        using TemporaryFolder folder = new();
        foreach ((string name, (Func<byte[]> bytes, _)) in SafetensorsBadFileCases.All.Where(item => item.Key != "100,001 tensors"))
        {
            byte[] content = bytes();
            string path = folder.Write("broken.safetensors", content);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<CinnabarException>(() => SafetensorsFile.Open(path).Dispose());
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < (16 << 20) + (2L * content.Length), $"{name}: {allocated} bytes allocated.");
        }
    }

    [Fact]
    public void Open_NoSuchFile_SaysSo()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsFile.Open("/no/such/model.safetensors"));
        Assert.Contains("/no/such/model.safetensors: expected a file", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    public void Open_ImpossiblePath_SaysSo(string path)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsFile.Open(path));
        Assert.Contains("expected a readable file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_Folder_SaysSo()
    {
        using TemporaryFolder folder = new();
        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsFile.Open(folder.Path));
        Assert.Contains(folder.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains("not a folder", error.Message, StringComparison.Ordinal);
    }
}
