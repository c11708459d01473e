using System.Text.Json;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class RandomCommandTests(TinyModel tiny)
{
    [Theory]
    [InlineData("int8")]
    [InlineData("bf16")]
    public async Task Random_Tiny_LoadsAndWrites(string weights)
    {
        string path = Path.Combine(tiny.Folder, "random-" + weights);
        (int exitCode, _, string error) = await tiny.Run("random", "--like", "tiny", "--weights", weights, path);
        Assert.True(exitCode == 0, error);
        (exitCode, string output, error) = await tiny.Run("generate", "héllo 🙂", "--model", path, "-n", "5", "--json");
        Assert.True(exitCode == 0, error);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.StartsWith("héllo 🙂", json.GetProperty("text").GetString());
        Assert.Contains("s per pass", error);
    }

    [Fact]
    public async Task Random_SameSeed_SameBytes()
    {
        List<byte[]> files = [];
        foreach ((string name, string seed) in ((string, string)[])[("a", "7"), ("b", "7"), ("c", "8")])
        {
            string path = Path.Combine(tiny.Folder, "seed-" + name);
            await tiny.Run("random", "--like", "tiny", "--seed", seed, path);
            files.Add(File.ReadAllBytes(Path.Combine(path, "model.safetensors")));
        }

        Assert.Equal(files[0], files[1]);
        Assert.NotEqual(files[0], files[2]);
    }

    [Fact]
    public async Task Random_FolderThatExists_IsRefused()
    {
        (int exitCode, _, string error) = await tiny.Run("random", "--like", "tiny", tiny.Path);
        Assert.Equal(1, exitCode);
        Assert.Contains("expected nothing there yet, found a folder", error);
    }

    [Fact]
    public async Task Random_UnknownShape_ListsTheKnown()
    {
        (int exitCode, _, string error) = await tiny.Run("random", "--like", "llada-9b", "x");
        Assert.Equal(2, exitCode);
        Assert.Contains("llada-8b", error);
    }
}
