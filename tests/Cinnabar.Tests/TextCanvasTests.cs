using System.Text.Json;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Constraints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests;

public sealed class TextCanvasTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(16)]
    public void Generate_NetworkOfWholeBlocks_GivesNoMoreTokensThanAskedFor(int wanted)
    {
        DiffusionModel model = BlockModel();
        SamplerOptions options = new() { MaxNewTokens = wanted, Temperature = 1, Seed = 3 };
        List<int> seen = [];
        GenerationResult result = model.Generate("int a", options, step => seen.Add(step.Canvas.SettledTextOf(0, step.FinalBefore).Length));
        int known = result.TokenIds.Count - result.Holes[0].TokenIds.Count;
        Assert.Equal(0, (known + result.Holes[0].CanvasLength) % 8); // the last block is whole
        Assert.InRange(result.Holes[0].TokenIds.Count, 0, wanted);
        Assert.NotEmpty(seen);
        Assert.All(seen, length => Assert.InRange(length, 0, wanted));
        Assert.Equal(wanted, model.CanvasFor("int a", wanted).MostTokensOf(0));
    }

    [Fact]
    public void Generate_ConstrainedNetworkOfWholeBlocks_MayUseThemForAWholeText()
    {
        GenerationResult result = BlockModel().Generate(
            "int a", new SamplerOptions { MaxNewTokens = 3 }, constraint: Constraint.FromRegex("[a-z]{2}"));
        Assert.Matches("^int a[a-z]{2}\\z", result.Text);
    }

    [Fact]
    public async Task StreamAsync_AutoregressiveModel_GoesLeftToRightWhateverTheOptions()
    {
        string path = _folder["left"];
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        SamplerOptions options = new() { MaxNewTokens = 9, Seed = 7, BlockSize = 9, Steps = 3 };
        TextCanvas text = model.CanvasFor("int a", 9);
        List<int> order = [];
        await foreach (DenoisingStep step in model.StreamAsync(text.Canvas, options))
        {
            order.AddRange(step.Commits.Select(commit => commit.Position));
        }

        Assert.NotEmpty(order);
        Assert.Equal(order.Order(), order);
        Assert.Equal(model.Generate("int a", options).Text, text.ToResult().Text);
    }

    // The token that closes a hole is part of what the context holds, and of nothing that comes back.
    [Fact]
    public void Infill_ModelThatClosesHoles_ShowsTheNetworkAnEndThatIsInNoText()
    {
        string path = _folder["closing"];
        TinyModelFolder.Write(path, config => config with { ClosesHoles = true });
        DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        int pad = model.Config.PadTokenId;
        string text = $"int a<fill:9>;\n{string.Concat(Enumerable.Repeat("int b = 1;\n", 40))}<fill:5>}}";
        TextCanvas canvas = model.CanvasFor(TextWithHoles.Parse(text));
        Assert.Equal([9, 5], canvas.Canvas.Holes.Select(hole => hole.Length));
        Assert.All(canvas.Canvas.Holes, hole => Assert.Equal(pad, canvas.Canvas.Ids[hole.End]));
        Assert.InRange(canvas.Canvas.Length, TinyModelFolder.Context - 2, TinyModelFolder.Context);
        Assert.True(canvas.OmittedTokens > 0);

        GenerationResult result = model.Infill("int a<fill:9>;", new SamplerOptions { Seed = 3, Temperature = 1 });
        Assert.DoesNotContain(pad, result.TokenIds);
        Assert.Equal($"int a{result.Holes[0].Text};", result.Text);
        Assert.Equal(9, result.Holes[0].CanvasLength);
        TextWithHoles exact = TextWithHoles.Parse("int a<fill:9>;") with { Length = LengthPolicy.Fixed };
        Assert.DoesNotContain(pad, model.CanvasFor(exact).Canvas.Ids.ToArray());
    }

    [Fact]
    public void Load_VocabularyFilesInTheirOldForm_AreTheTokenizer()
    {
        string path = _folder["old"];
        TinyModelFolder.Write(path);
        string file = Path.Combine(path, "tokenizer.json");
        using JsonDocument tokenizer = JsonDocument.Parse(File.ReadAllBytes(file));
        File.Delete(file);
        Assert.Contains("tokenizer.json", Assert.Throws<CinnabarException>(() => DiffusionModel.Load(path)).Message);

        JsonElement model = tokenizer.RootElement.GetProperty("model");
        IEnumerable<string> merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String
            ? merge.GetString()! : string.Join(' ', merge.EnumerateArray().Select(part => part.GetString())));
        IEnumerable<string> added = tokenizer.RootElement.GetProperty("added_tokens").EnumerateArray()
            .Select(token => $"\"{token.GetProperty("id").GetInt32()}\": {token.GetRawText()}");
        File.WriteAllText(Path.Combine(path, "vocab.json"), model.GetProperty("vocab").GetRawText());
        File.WriteAllText(Path.Combine(path, "merges.txt"), "#version: 0.2\n" + string.Concat(merges.Select(merge => merge + "\n")));
        File.WriteAllText(
            Path.Combine(path, "tokenizer_config.json"),
            $"{{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {{{string.Join(", ", added)}}}}}");
        DiffusionModel loaded = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        GenerationResult result = loaded.Generate("int a", new SamplerOptions { MaxNewTokens = 4 });
        Assert.StartsWith("int a", result.Text, StringComparison.Ordinal);
        Assert.Equal(1, ConfigSource.AddedTokens(file)("<|endoftext|>"));
    }

    private DiffusionModel BlockModel()
    {
        string path = _folder["blocks"];
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 8 });
        return DiffusionModel.Load(path, KernelTable.Create(threads: 1));
    }
}
