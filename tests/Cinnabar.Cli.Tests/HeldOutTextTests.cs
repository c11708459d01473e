using System.Text.Json.Nodes;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Tests;

[Collection(ConsoleTests.Name)]
public sealed class HeldOutTextTests(TinyModel tiny)
{
    [Fact]
    public async Task Open_ModelOfAGgufFile_HasTheTokensOfItsFolder()
    {
        string file = Path.Combine(tiny.Folder, "held-out.gguf");
        (int exitCode, _, string error) = await tiny.Run("convert", tiny.Path, "--out", file);
        Assert.True(exitCode == 0, error);
        DiffusionModel model = DiffusionModel.Load(file, tiny.Model.Kernels);
        Assert.True(HeldOutText.Open(tiny.Corpus(), HeldOutText.TestSplit, model).TokenCount > 0);
    }

    // As many tokens, but two of them have changed places: every figure would be nonsense.
    [Fact]
    public async Task Open_CorpusOfAnotherTokenizerOfTheSameSize_IsRefused()
    {
        JsonNode tokenizer = JsonNode.Parse(await File.ReadAllBytesAsync(Path.Combine(tiny.Path, "tokenizer.json")))!;
        JsonNode vocabulary = tokenizer["model"]!["vocab"]!;
        (vocabulary["a"], vocabulary["b"]) = ((int)vocabulary["b"]!, (int)vocabulary["a"]!);
        string texts = Directory.CreateDirectory(Path.Combine(tiny.Folder, "swapped-texts")).FullName;
        foreach (int i in Enumerable.Range(0, 8))
        {
            string text = string.Concat(Enumerable.Range(0, 40).Select(line => $"so Anna met Tom at the {line * i}th tree\n"));
            await File.WriteAllTextAsync(Path.Combine(texts, $"{i}.txt"), text);
        }

        string corpus = Path.Combine(tiny.Folder, "swapped-corpus");
        new CorpusBuilder(new CorpusOptions
        {
            Sources = [new CorpusSource { Folder = texts, Name = "own" }],
            NearDuplicateSimilarity = 2,
            MinCompressedShare = 0,
            MaxDataShare = 1,
            TokenizerPath = tiny.Write("swapped.json", tokenizer.ToJsonString()),
            TestShare = 0.4,
            Threads = 1,
        }).Build(corpus);

        (int exitCode, string output, string error) = await tiny.RunWithModel("eval", "likelihood", "--corpus", corpus);

        Assert.Equal((CommandRunner.Failed, ""), (exitCode, output));
        Assert.Contains("made with another tokenizer", error, StringComparison.Ordinal);
        Assert.Contains(
            $"`cinnabar corpus --tokenizer {Path.Combine(tiny.Path, "tokenizer.json")}`", error, StringComparison.Ordinal);
    }
}
