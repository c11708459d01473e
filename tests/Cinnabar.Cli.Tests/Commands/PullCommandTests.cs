using System.Text.Json;
using Cinnabar.Checkpoints.Hub;
using Cinnabar.Tests.Checkpoints.Hub;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class PullCommandTests : IDisposable
{
    private static readonly string[] s_variables = ["HF_ENDPOINT", "HF_HUB_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE"];

    private readonly TinyModel _tiny;
    private readonly LocalHub _hub;
    private readonly string _cache;
    private readonly string?[] _before = [.. s_variables.Select(Environment.GetEnvironmentVariable)];

    public PullCommandTests(TinyModel tiny)
    {
        _tiny = tiny;
        _hub = new LocalHub(Directory.GetFiles(tiny.Path).Select(path => new LocalFile(
            Path.GetFileName(path), File.ReadAllBytes(path), IsLarge: path.EndsWith(".safetensors", StringComparison.Ordinal))));
        _cache = Path.Combine(tiny.Folder, Guid.NewGuid().ToString("N"));
        Environment.SetEnvironmentVariable("HF_ENDPOINT", _hub.Address);
        Environment.SetEnvironmentVariable("HF_HUB_CACHE", _cache);
        Environment.SetEnvironmentVariable("HF_TOKEN", null);
        Environment.SetEnvironmentVariable("HF_TOKEN_PATH", Path.Combine(_cache, "no-token"));
        Environment.SetEnvironmentVariable("HF_HUB_OFFLINE", null);
    }

    public void Dispose()
    {
        foreach ((string name, string? value) in s_variables.Zip(_before))
        {
            Environment.SetEnvironmentVariable(name, value);
        }

        _hub.Dispose();
    }

    [Fact]
    public async Task Pull_Model_PrintsItsFolderWhichThenRunsByName()
    {
        (int exitCode, string output, string error) = await _tiny.Run("pull", "org/name");

        Assert.True(exitCode == 0, error);
        string folder = Path.Combine(_cache, "models--org--name", "snapshots", LocalHub.Commit);
        Assert.Equal(folder + Environment.NewLine, output);
        Assert.Contains("hashes verified. Next: cinnabar show org/name", error, StringComparison.Ordinal);
        Environment.SetEnvironmentVariable("HF_HUB_OFFLINE", "1");
        (exitCode, output, error) = await _tiny.Run("generate", "int x", "--model", "org/name", "--max-new-tokens", "4", "--threads", "1");
        Assert.True(exitCode == 0, error);
        (exitCode, _, error) = await _tiny.Run("pull", "org/name");
        Assert.True(exitCode == 0, error);
        Assert.Contains("nothing to fetch", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_Json_ListsTheFiles()
    {
        (int exitCode, string output, string error) = await _tiny.Run("pull", "org/name@main", "--json");

        Assert.True(exitCode == 0, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(LocalHub.Commit, json.RootElement.GetProperty("commit").GetString());
        Assert.Equal("org/name", json.RootElement.GetProperty("model").GetString());
        Assert.True(Directory.Exists(json.RootElement.GetProperty("path").GetString()));
        JsonElement[] files = [.. json.RootElement.GetProperty("files").EnumerateArray()];
        Assert.Equal(
            Directory.GetFiles(_tiny.Path).Select(path => (Path.GetFileName(path), new FileInfo(path).Length)).Order(),
            files.Select(file => (file.GetProperty("path").GetString()!, file.GetProperty("bytes").GetInt64())).Order());
        Assert.Equal(json.RootElement.GetProperty("received_bytes").GetInt64(), files.Sum(f => f.GetProperty("bytes").GetInt64()));
    }

    [Theory]
    [InlineData("gpt2", "org/name@revision")]
    [InlineData("org/name@nothing", "no such model")]
    [InlineData("org/name:a.gguf", "expected a file 'a.gguf'")]
    public async Task Pull_NoSuchModel_SaysSo(string model, string expected)
    {
        (int exitCode, string output, string error) = await _tiny.Run("pull", model);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Generate_ModelNotPulled_TellsTheCommandAndAsksNobody()
    {
        (int exitCode, _, string error) = await _tiny.Run("generate", "x", "--model", "org/name");

        Assert.Equal(1, exitCode);
        Assert.Contains("cinnabar pull org/name", error, StringComparison.Ordinal);
        Assert.Empty(_hub.Requests);
    }

    [Theory]
    [InlineData(250, 1_000, 50, "25 %  250 B of 1.0 kB  50 B/s  15 s left  a.safetensors")]
    [InlineData(1_500_000_000, 16_000_000_000, 10_000_000, "9 %  1.50 GB of 16.00 GB  10.0 MB/s  24 min 10 s left  a.safetensors")]
    [InlineData(0, 9_000_000_000, 1_000_000, "0 %  0 B of 9.00 GB  1.0 MB/s  2 h 30 min left  a.safetensors")]
    [InlineData(999, 1_000, 0, "99 %  999 B of 1.0 kB  0 B/s  waiting for data  a.safetensors")]
    [InlineData(0, 0, 0, "100 %  0 B of 0 B  0 B/s  waiting for data  a.safetensors")]
    public void Describe_Progress_HasPercentSizeSpeedAndTimeLeft(long bytes, long total, double speed, string expected)
    {
        HubProgress progress = new("a.safetensors", bytes, total, speed, IsWaiting: false);
        Assert.Equal(expected, $"{PullDisplay.Percent(progress)} %  {PullDisplay.Describe(progress)}");
        Assert.Contains("waiting for another program", PullDisplay.Describe(progress with { IsWaiting = true }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_OnATerminal_DrawsABarAndRemovesIt()
    {
        using StringWriter writer = new();
        HubSnapshot snapshot = await PullDisplay.ShowAsync(
            new Screen(Live: true, Colours: false, ResultIsShown: false),
            writer,
            progress =>
            {
                progress.Report(new HubProgress("[a].safetensors", 250, 1_000, 50, IsWaiting: false));
                return Task.FromResult(new HubSnapshot("/x", LocalHub.Commit, [], 0));
            });
        Assert.Equal("/x", snapshot.Path);
        Assert.Contains("[a].safetensors", writer.ToString(), StringComparison.Ordinal);
    }
}
