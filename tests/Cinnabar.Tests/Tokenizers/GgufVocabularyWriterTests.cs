using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class GgufVocabularyWriterTests
{
    // Everything that the goldens of a family say, from the keys alone where these tell all, and else from the whole tokenizer in the file.
    [Theory]
    [InlineData("gpt2")]
    [InlineData("qwen2")]
    [InlineData("llada")]
    [InlineData("llada-moe")]
    public void Write_ThenRead_GivesTheIdsOfTheFamily(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        (GgufVocabulary vocabulary, _) = GgufVocabularyWriter.Write(tokenizer.Definition, tokenizer.VocabularySize + 3, family);
        Tokenizer read = Tokenizer.FromVocabulary(vocabulary, "x.gguf");
        foreach (FamilyGolden golden in TokenizerData.FamilyGolden(family))
        {
            Assert.Equal(tokenizer.Encode(golden.Text, parseSpecialTokens: true), read.Encode(golden.Text, parseSpecialTokens: true));
        }

        Assert.Equal($"[PAD{tokenizer.VocabularySize + 2}]", vocabulary.Tokens[^1]);
        Assert.Equal(5, vocabulary.TokenTypes![^1]);
    }

    [Fact]
    public void Write_NamedPattern_NeedsNoMoreThanTheKeys()
    {
        (GgufVocabulary vocabulary, string? note) = GgufVocabularyWriter.Write(TokenizerData.Family("gpt2").Definition, 100_000, "gpt2");
        Assert.Equal("gpt-2", vocabulary.Pre);
        Assert.Null(vocabulary.HuggingFaceJson);
        Assert.Null(note);
    }

    [Fact]
    public void Write_OwnPattern_KeepsTheTokenizerAndSaysSo()
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerData.SmallPath);
        (GgufVocabulary vocabulary, string? note) = GgufVocabularyWriter.Write(tokenizer.Definition, tokenizer.VocabularySize, "own");

        Assert.Equal("gpt-2", vocabulary.Pre);
        Assert.Contains("will use that of gpt-2", note, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(TokenizerData.SmallPath), vocabulary.HuggingFaceJson);
        Assert.Equal([3, 3, 3, 3, 1], vocabulary.TokenTypes!.Take(5));

        // Without it: other pieces, but ids that mean the same.
        Tokenizer other = Tokenizer.FromVocabulary(vocabulary with { HuggingFaceJson = null }, "x.gguf");
        const string Text = "    return a_b;\n\n\tint x1234 = y;";
        Assert.NotEqual(tokenizer.Encode(Text), other.Encode(Text));
        Assert.Equal(Text, tokenizer.Decode(other.Encode(Text)));
    }

    [Fact]
    public void Write_AndSave_KeepsTheBeginOfText()
    {
        Tokenizer small = Tokenizer.Load(TokenizerData.SmallPath);
        (GgufVocabulary vocabulary, _) = GgufVocabularyWriter.Write(small.Definition, small.VocabularySize, "own");
        Tokenizer gguf = Tokenizer.FromVocabulary(
            vocabulary with { HuggingFaceJson = null, BosTokenId = 3, EosTokenId = 1, AddBos = true, AddEos = true }, "x.gguf");
        using TemporaryFolder folder = new();
        string path = folder["tokenizer.json"];
        gguf.Save(path);

        Tokenizer read = Tokenizer.Load(path);
        int[] ids = read.Encode("return x;", parseSpecialTokens: false, addSpecialTokens: true);
        Assert.Equal(gguf.Encode("return x;", parseSpecialTokens: false, addSpecialTokens: true), ids);
        Assert.Equal((3, 1), (ids[0], ids[^1]));
    }

    [Theory]
    [InlineData("llama2", "one over characters")]
    [InlineData("bert", "another model")]
    public void Write_OtherKinds_IsRefused(string family, string found) => Assert.Contains(
        $"{family}: expected a byte-level BPE tokenizer, found {found}",
        Assert.Throws<CinnabarException>(
            () => GgufVocabularyWriter.Write(TokenizerData.Family(family).Definition, 100_000, family)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("{", "tokenizer.huggingface.json: expected JSON")]
    [InlineData("{}", "tokenizer.huggingface.json")]
    public void Read_DamagedTokenizerInside_NamesThePlace(string json, string expected)
    {
        GgufVocabulary vocabulary = new() { Model = "gpt2", Tokens = ["a"], HuggingFaceJson = json };
        Assert.Contains(
            expected,
            Assert.Throws<CinnabarException>(() => Tokenizer.FromVocabulary(vocabulary, "x.gguf")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TokenizerInsideLargerThanTheTokens_IsRefused()
    {
        GgufVocabulary vocabulary = new() { Model = "gpt2", Tokens = ["a"], HuggingFaceJson = File.ReadAllText(TokenizerData.SmallPath) };
        Assert.Contains(
            "expected at most the 1 tokens of tokenizer.ggml.tokens, found 640",
            Assert.Throws<CinnabarException>(() => Tokenizer.FromVocabulary(vocabulary, "x.gguf")).Message,
            StringComparison.Ordinal);
    }
}
