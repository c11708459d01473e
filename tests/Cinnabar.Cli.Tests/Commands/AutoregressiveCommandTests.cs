using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>train, score and eval of a model that writes left to right.</summary>
[Collection(ConsoleTests.Name)]
public sealed class AutoregressiveCommandTests(TinyModel tiny)
{
    private const int Context = 64;

    [Fact]
    public async Task TrainedModel_IsScoredExactlyAndFillsHolesInTheMiddle()
    {
        string corpus = BuildCorpus();
        string output = Path.Combine(tiny.Folder, "left-to-right");
        string config = tiny.Write("left-to-right.json", Configuration(corpus));
        (int exitCode, _, string error) = await tiny.Run("train", config, "--output", output, "--threads", "1");
        Assert.True(exitCode == 0, error);
        string[] model = ["--model", Path.Combine(output, "model"), "--threads", "1"];

        string file = tiny.Write("left-to-right.txt", string.Concat(Enumerable.Range(0, 60).Select(i => $"count{i} = {i};\n")));
        string plain = await Run(["score", file, .. model]);
        Assert.Contains(" bits per byte, exact (", plain, StringComparison.Ordinal);
        Assert.DoesNotContain("±", plain, StringComparison.Ordinal);
        JsonElement score = Json(await Run(["score", file, "--json", .. model]));
        Assert.True(score.GetProperty("exact").GetBoolean());
        Assert.Equal(0, score.GetProperty("standard_error").GetDouble());
        Assert.Equal(score.GetProperty("windows").GetInt64(), score.GetProperty("forward_passes").GetInt64());
        JsonElement bound = Json(await Run(["score", file, "--json", "--model", tiny.Path, "--threads", "1"]));
        Assert.False(bound.GetProperty("exact").GetBoolean());

        string[] likelihood = ["eval", "likelihood", "--corpus", corpus, "--windows", "3", "--json", .. model];
        JsonElement heldOut = Json(await Run(likelihood));
        Assert.True(heldOut.GetProperty("exact").GetBoolean());
        Assert.True(heldOut.GetProperty("bits_per_byte").GetDouble() > 0);
        JsonElement otherSeed = Json(await Run([.. likelihood, "--seed", "9"]));
        Assert.Equal(heldOut.GetProperty("bits_per_byte").GetDouble(), otherSeed.GetProperty("bits_per_byte").GetDouble());

        JsonElement infill = Json(await Run(["eval", "infill", "--corpus", corpus, "--holes", "3", "--json", .. model]));
        JsonElement[] results = [.. infill.GetProperty("results").EnumerateArray()
            .Where(result => result.GetProperty("predictor").GetString() == "model")];
        Assert.Equal(2, results.Length);
        Assert.All(results, r => Assert.Contains("left to right", r.GetProperty("description").GetString(), StringComparison.Ordinal));
    }

    private async Task<string> Run(string[] arguments)
    {
        (int exitCode, string output, string error) = await tiny.Run(arguments);
        Assert.True(exitCode == 0, error);
        return output;
    }

    private static JsonElement Json(string text) => JsonDocument.Parse(text).RootElement;

    private string BuildCorpus()
    {
        string sources = Directory.CreateDirectory(Path.Combine(tiny.Folder, "short-lines")).FullName;
        for (int i = 0; i < 12; i++)
        {
            IEnumerable<string> lines = Enumerable.Range(0, 20).Select(line => $"    count{line * i} = {(i * 7) + line};\n");
            File.WriteAllText(Path.Combine(sources, $"Part{i}.cs"), $"class Part{i}\n{{\n{string.Concat(lines)}}}\n");
        }

        string corpus = Path.Combine(tiny.Folder, "short-lines-corpus");
        new CorpusBuilder(new CorpusOptions
        {
            Sources = [new CorpusSource { Folder = sources, Name = "own" }],
            NearDuplicateSimilarity = 1.0,
            MinCompressedShare = 0,
            MaxDataShare = 1,
            VocabularySize = 300,
            ValidationShare = 0.3,
            TestShare = 0.3,
            Threads = 1,
        }).Build(corpus);
        return corpus;
    }

    private static string Configuration(string corpus)
    {
        Tokenizer tokenizer = Tokenizer.Load(Path.Combine(corpus, "tokenizer.json"));
        ModelConfig config = TinyModelFolder.ConfigFor(tokenizer) with
        {
            HiddenSize = 16,
            NumHiddenLayers = 1,
            IntermediateSize = 16,
            MaxSequenceLength = Context,
            AttentionKind = AttentionKind.Causal,
            ShiftLogits = true,
        };
        return $$"""
            {
              "corpus": {{JsonSerializer.Serialize(corpus)}}, "output": "given on the command line", "objective": "autoregressive",
              "model": {{Encoding.UTF8.GetString(config.ToJson())}},
              "steps": 3, "batch_size": 2, "micro_batch_size": 2, "sequence_length": {{Context}}, "evaluation_windows": 1
            }
            """;
    }
}
