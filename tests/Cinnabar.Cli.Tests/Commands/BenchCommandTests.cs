using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Cli.Load;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;
using Cinnabar.Tests.Checkpoints.Hub;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class BenchCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Model_NoNumberOfThreads_IsAWrongCommandLine()
    {
        (int exitCode, _, string error) = await tiny.Run("bench", "model", "--threads", "0");
        Assert.Equal(CommandRunner.WrongCommandLine, exitCode);
        Assert.Contains("Expected --threads to be 1 … 1024, found 0.", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decode_TwoFoldersOfOneName_AreMeasuredEachByItself()
    {
        string[] models = [Path.Combine(tiny.Folder, "first-run", "model"), Path.Combine(tiny.Folder, "second-run", "model")];
        foreach (string model in models)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(model)!);
        }

        TinyModelFolder.Write(models[0]);
        TinyModelFolder.Write(models[1], config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        string drawing = Path.Combine(tiny.Folder, "decode.svg");
        (int exitCode, string output, string error) = await tiny.Run(
            "bench", "decode", "--corpus", ShortLines(), "--holes", "2", "--method", "1 step", "--svg", drawing, "--json", "--threads", "1",
            "--model", models[0], "--baseline", models[1]);

        Assert.True(exitCode == 0, error);
        JsonElement[] rows = [.. JsonDocument.Parse(output).RootElement.GetProperty("rows").EnumerateArray()];
        Assert.Equal(["first-run/model", "second-run/model"], rows.Select(row => row.GetProperty("model").GetString()));
        Assert.NotEqual(rows[0].GetProperty("bits_per_byte").GetDouble(), rows[1].GetProperty("bits_per_byte").GetDouble());
        Assert.Contains("second-run/model", await File.ReadAllTextAsync(drawing), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decode_BaselineWithOtherTokens_IsRefused()
    {
        string other = Path.Combine(tiny.Folder, "other-tokens");
        (int exitCode, _, string error) = await tiny.Run("random", "--like", "tiny", other);
        Assert.True(exitCode == 0, error);
        (exitCode, string output, error) = await tiny.RunWithModel(
            "bench", "decode", "--corpus", ShortLines(), "--holes", "1", "--method", "1 step", "--baseline", other);
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("in the model's vocabulary of 512", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Decode_DrawingThatCannotBeWritten_IsRefusedBeforeTheWork()
    {
        (int exitCode, string output, string error) = await tiny.Run(
            "bench", "decode", "--corpus", "nowhere", "--model", "no-such-model", "--svg", Path.Combine(tiny.Folder, "none", "x.svg"));
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("Expected --svg to name a file in a folder that exists", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serve_NoServer_SaysSoAndWhatToDo()
    {
        using Socket taken = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // nobody listens there, and nobody else can
        int port = ((IPEndPoint)taken.LocalEndPoint!).Port;
        (int exitCode, string output, string error) = await tiny.Run(
            "bench", "serve", "--url", $"http://127.0.0.1:{port}", "--streams", "2", "--requests", "1", "--disconnects", "1");
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains($"127.0.0.1:{port}", error, StringComparison.Ordinal);
        Assert.Contains("or start the server.", error, StringComparison.Ordinal);
    }

    // The others would be refused like it.
    [Theory]
    [InlineData("""{"error": {"message": "foo is no field. Leave it out."}}""", "status 400, foo is no field. Leave it out. Correct --url")]
    [InlineData("<html>no</html>", "status 400. Correct --url")]
    [InlineData("[]", "status 400. Correct --url")]
    public async Task Serve_FirstRequestRefused_SaysWhyAndSendsNoOther(string body, string expected)
    {
        using LocalServer server = new(_ => new LocalAnswer(400, Encoding.UTF8.GetBytes(body)));
        (int exitCode, string output, string error) = await tiny.Run(
            "bench", "serve", "--url", server.Address, "--fields", """{"foo":1}""", "--streams", "2", "--requests", "1");
        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Single(server.Requests);
    }

    [Theory]
    [InlineData(404, "", null)]
    [InlineData(200, "others_running 3\n", null)]
    [InlineData(200, "# TYPE cinnabar_running gauge\ncinnabar_running 2\ncinnabar_queue_depth 1\n", 3.0)]
    public async Task TextsInWork_AreThoseOfTheMetricsIfThereAreSome(int status, string metrics, double? expected)
    {
        using LocalServer server = new(_ => new LocalAnswer(status, Encoding.UTF8.GetBytes(metrics)));
        using LoadClient client = new(new Uri(server.Address), new JsonObject(), key: null);
        Assert.Equal(expected, await client.TextsInWorkAsync());
    }

    // Lines of a few tokens of the tiny model's.
    private string ShortLines()
    {
        string corpus = Path.Combine(tiny.Folder, "bench-corpus");
        if (!Directory.Exists(corpus))
        {
            string texts = Directory.CreateDirectory(Path.Combine(tiny.Folder, "bench-texts")).FullName;
            foreach (int i in Enumerable.Range(0, 12))
            {
                File.WriteAllText(
                    Path.Combine(texts, $"{i}.txt"), string.Concat(Enumerable.Range(0, 40).Select(line => $"a{line * i} = {i};\n")));
            }

            new CorpusBuilder(new CorpusOptions
            {
                Sources = [new CorpusSource { Folder = texts, Name = "own" }],
                NearDuplicateSimilarity = 2,
                MinCompressedShare = 0,
                MaxDataShare = 1,
                TokenizerPath = Path.Combine(tiny.Path, "tokenizer.json"),
                TestShare = 0.4,
                Threads = 1,
            }).Build(corpus);
        }

        return corpus;
    }
}
