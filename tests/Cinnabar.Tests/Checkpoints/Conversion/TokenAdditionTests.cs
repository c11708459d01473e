using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Checkpoints.Conversion;

public sealed class TokenAdditionTests : IDisposable
{
    private const string Code = "int Square(int x) => x * x;\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_ShippedModel_KnowsOneTokenMoreAndSaysTheSameOfAllOthers()
    {
        ModelFolder source = ModelFolder.Open(GgufExportTests.Shipped("csharp-12m"));
        int id = TokenAddition.Write(source, _folder["more"], Tokenizer.ExpandToken);

        DiffusionModel before = DiffusionModel.Load(source.Path, KernelTable.Create(threads: 1));
        DiffusionModel after = DiffusionModel.Load(_folder["more"], KernelTable.Create(threads: 1));
        Assert.Equal(before.Tokenizer.VocabularySize, id);
        Assert.Equal(id, after.Tokenizer.TokenToId(Tokenizer.ExpandToken));
        Assert.True(after.Tokenizer.IsSpecial(id));
        Assert.Equal(8193, after.Config.VocabularySize);
        Assert.Equal(8200, after.Config.EmbeddingSize);
        Assert.False(before.GrowsHoles);
        Assert.True(after.GrowsHoles);

        int[] ids = after.Tokenizer.Encode(Code);
        Assert.Equal(before.Tokenizer.Encode(Code), ids);
        int[] rows = [.. Enumerable.Range(0, ids.Length)];
        Tensor expected = before.Denoiser.Logits(ids, rows);
        Tensor found = after.Denoiser.Logits(ids, rows);
        foreach (int row in rows)
        {
            ReadOnlySpan<float> known = expected.Row(row);
            Assert.Equal(known.ToArray(), found.Row(row)[..known.Length].ToArray());

            // The head is the table here, and a row of means has the mean of the logits.
            Assert.InRange(found.Row(row)[id] - known.ToArray().Average(), -0.05, 0.05);
        }

        // It is never written unless a hole may grow.
        Assert.Contains(id, after.TokensFor(exactLength: false).NeverEmitted);
        Assert.Equal(id, after.TokensForGrowth().ExpandTokenId);
        Assert.DoesNotContain(id, after.TokensForGrowth().NeverEmitted);
    }

    [Fact]
    public void Write_TokenThatIsThereOrIntegerWeights_AreRefused()
    {
        ModelFolder source = ModelFolder.Open(GgufExportTests.Shipped("csharp-12m"));
        Assert.Contains(
            "without the token",
            Assert.Throws<CinnabarException>(() => TokenAddition.Write(source, _folder["x"], "<|mask|>")).Message,
            StringComparison.Ordinal);
        ModelFolder integers = ModelFolder.Open(GgufExportTests.Shipped("csharp-12m-int8"));
        Assert.Contains(
            "floating-point weights",
            Assert.Throws<CinnabarException>(() => TokenAddition.Write(integers, _folder["x"], Tokenizer.ExpandToken)).Message,
            StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["x"]));
    }
}
