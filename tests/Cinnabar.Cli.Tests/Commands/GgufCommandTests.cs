// Commands on the GGUF files of the goldens, if they are there.
using System.Text.Json;
using Cinnabar.Tests.Sampling.Golden;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class GgufCommandTests(TinyModel tiny)
{
    [GoldenFact]
    public async Task Show_Gguf_TellsFamilyAndDefaults()
    {
        string path = Golden("rnd1-tiny-F32");
        (int exitCode, string output, _) = await tiny.Run("show", path, "--json");
        Assert.Equal(0, exitCode);
        JsonElement json = JsonDocument.Parse(output).RootElement;
        Assert.Equal("rnd1", json.GetProperty("family").GetString());
        JsonElement network = json.GetProperty("network");
        Assert.Equal(32, network.GetProperty("head_size").GetInt32());
        Assert.Equal((8, 3), (network.GetProperty("experts").GetInt32(), network.GetProperty("active_experts").GetInt32()));
        Assert.True(network.GetProperty("shift_logits").GetBoolean());
        Assert.Equal(289, network.GetProperty("mask_token_id").GetInt32());
    }

    [GoldenFact]
    public async Task Chat_OneMessage_PrintsAnAnswer()
    {
        string path = Golden("dream-tiny-F32");
        (int exitCode, string output, string error) = await tiny.Run("chat", "hello", "-m", path, "-n", "6", "--temperature", "0");
        Assert.True(exitCode == 0, error);
        Assert.EndsWith("\n", output);
        Assert.Contains("6 tokens", error);
    }

    [Fact]
    public async Task Chat_ModelWithoutATemplate_SaysSo()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("chat", "hello");
        Assert.Equal(1, exitCode);
        Assert.Contains("Expected a model with a chat template, found tiny, which has none.", error);
    }

    [Fact]
    public async Task Show_FileOfAnotherKind_IsRefused()
    {
        string path = tiny.Write("model.bin", "x");
        (int exitCode, _, string error) = await tiny.Run("show", path);
        Assert.Equal(1, exitCode);
        Assert.Contains("expected a model folder or a .gguf file, found another file", error);
    }

    private static string Golden(string model) => Path.Combine(GoldenFolder.Path!, "models", model + ".gguf");
}
