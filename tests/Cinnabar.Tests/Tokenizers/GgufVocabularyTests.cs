using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Sampling.Golden;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

public sealed class GgufVocabularyTests
{
    private static readonly string[] s_bytes = [.. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>")];

    /// <summary>A vocabulary like Llama 2's: the unknown token, begin, end, the bytes, then the tokens given, with their scores.</summary>
    private static GgufVocabulary Llama(params (string Token, float Score)[] tokens)
    {
        return new GgufVocabulary
        {
            Model = "llama",
            Tokens = ["<unk>", "<s>", "</s>", .. s_bytes, .. tokens.Select(token => token.Token)],
            Scores = [0, 0, 0, .. s_bytes.Select(_ => 0f), .. tokens.Select(token => token.Score)],
            TokenTypes = [2, 3, 3, .. s_bytes.Select(_ => 6), .. tokens.Select(_ => 1)],
            BosTokenId = 1,
            EosTokenId = 2,
            UnknownTokenId = 0,
        };
    }

    private const int Gap = 262;

    private static GgufVocabulary WithGap => Llama(("▁", -2), ("a", -2), ("▁a", -1), ("unused", -3)) with
    {
        TokenTypes = [2, 3, 3, .. s_bytes.Select(_ => 6), 1, 1, 1, 5],
        MaskTokenId = 0,
        PaddingTokenId = 0,
    };

    private static GgufVocabulary Gpt2 { get; } = new()
    {
        Model = "gpt2",
        Pre = "qwen2",
        Tokens = [.. Enumerable.Range(0, 256).Select(b => ByteLevel.Spell([(byte)b])), "he", "<|mask|>", "<|end|>", "<tool>"],
        TokenTypes = [.. Enumerable.Repeat(1, 257), 3, 3, 4],
        Merges = ["h e"],
        MaskTokenId = 257,
        EosTokenId = 258,
    };

    [GoldenTheory]
    [InlineData("models/dream-tiny-F32.gguf")]
    [InlineData("models/llada-tiny-F32.gguf")]
    [InlineData("models/llada-moe-tiny-F32.gguf")]
    [InlineData("models/rnd1-tiny-F32.gguf")]
    public void Encode_GoldenTexts_GivesTheIdsOfLlamaCpp(string model)
    {
        string golden = GoldenFolder.Path!;
        Tokenizer tokenizer = Tokenizer.FromVocabulary(GgufMetadata.ReadVocabulary(Path.Combine(golden, model)), model);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(golden, "tokenizer.json")));
        JsonElement cases = document.RootElement.EnumerateArray().Single(entry => entry.GetProperty("model").ValueEquals(model));
        int count = 0;
        foreach (JsonElement row in cases.GetProperty("cases").EnumerateArray())
        {
            int[] ids = [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            string text = row.GetProperty("text").GetString()!;
            Assert.Equal(ids, tokenizer.Encode(text, parseSpecialTokens: true, addSpecialTokens: true));
            count++;
        }

        Assert.InRange(count, 10, 1000);
        Assert.Equal(289, tokenizer.MaskTokenId);
    }

    // Scores as SentencePiece has them: higher first. "▁ab" is made of "▁" + "ab" since "ab" has a higher score than "▁a".
    [Fact]
    public void Encode_Llama_MergesByScore()
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(
            Llama(("▁", -9), ("a", -9), ("b", -9), ("ab", -1), ("▁a", -2), ("▁ab", -3), ("aa", -4), ("aaa", -5)), "x.gguf");
        int[] expected = [tokenizer.TokenToId(" ab")!.Value];
        Assert.Equal(expected, tokenizer.Encode("ab"));
        Assert.Equal([259 + 4, 259 + 3], tokenizer.Encode("aab"));       // ▁a ab
        Assert.Equal([259 + 4, 259 + 7], tokenizer.Encode("aaaa"));      // ▁a aaa
        Assert.Equal([259 + 4, 259 + 6, 259 + 6], tokenizer.Encode("aaaaa")); // ▁a aa aa: both aa come before any aaa
        Assert.Equal("ab", tokenizer.Decode(tokenizer.Encode("ab")));
    }

    [Fact]
    public void Encode_LlamaEqualScores_MergesTheLeftmost()
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(
            Llama(("▁", -9), ("a", -9), ("b", -9), ("c", -9), ("bc", -1), ("ab", -1)) with { AddSpacePrefix = false }, "x.gguf");
        Assert.Equal([259 + 5, 259 + 3], tokenizer.Encode("abc"));
    }

    [Fact]
    public void Encode_LlamaUnknownCharacter_BecomesItsBytes()
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(Llama(("▁", -1), ("a", -1)), "x.gguf");
        Assert.Equal([259, 260, 3 + 0xC3, 3 + 0xA9], tokenizer.Encode("aé"));
        Assert.Equal([1, 259, 260, 3 + 0x0A], tokenizer.Encode("a\n", parseSpecialTokens: false, addSpecialTokens: true));
        Assert.Equal("aé\n", tokenizer.Decode(tokenizer.Encode("aé\n")));
        Assert.DoesNotContain(1, tokenizer.Encode("<s>"));
        Assert.Equal([1], tokenizer.Encode("<s>", parseSpecialTokens: true));
    }

    [Fact]
    public void Encode_Gemma_MergesCharactersAndKeepsRunsOfLineFeeds()
    {
        GgufVocabulary gemma = Llama(("▁", 0), ("a", 0), ("b", 0), ("\n", 0), ("\n\n\n", 0), ("▁a", 0), ("a\n", 0)) with
        {
            Model = "gemma4",
            Merges = ["▁ a", "a \n"],
            AddBos = true,
        };
        Tokenizer tokenizer = Tokenizer.FromVocabulary(gemma, "x.gguf");
        Assert.Equal([260, 264, 262], tokenizer.Encode("a a\n"));
        Assert.Equal([260, 263, 260], tokenizer.Encode("a\n\n\na"));
        Assert.Equal([260, 262, 262, 260], tokenizer.Encode("a\n\na"));
        Assert.Equal([1, 259], tokenizer.Encode(" ", parseSpecialTokens: false, addSpecialTokens: true));
        Assert.Equal(" a a\n\n\n", tokenizer.Decode(tokenizer.Encode(" a a\n\n\n")));
    }

    // Tokens of a unused type are gaps in the numbering, ▁ as the first token is none: its space is left out.
    [Fact]
    public void Decode_GapBeforeTheFirstToken_IsNoToken()
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(WithGap, "x.gguf");
        Assert.Equal("a", tokenizer.Decode([Gap, 261]));
        Assert.Equal(" a", tokenizer.Decode([259, 261]));
        Assert.Equal(" a", tokenizer.Decode([Gap, 261], first: false));
        Assert.Equal("  a", tokenizer.Decode([259, 261], first: false));
    }

    [Theory]
    [InlineData(Gap, 0, true)]
    [InlineData(1, 0, true)] // begin of text
    [InlineData(263, 0, true)] // no id of the tokenizer
    [InlineData(259, 0, false)] // a space, but none where a text begins
    [InlineData(2, 0, false)] // end of text
    [InlineData(Gap, Gap, false)] // as padding it ends a hole
    public void CanvasTokens_IdsWithoutText_AreNeverEmitted(int id, int padding, bool isNever)
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(WithGap, "x.gguf");
        ModelConfig config = TinyModelFolder.ConfigFor(tokenizer) with { PadTokenId = padding, VocabularySize = 264 };
        Assert.Equal(isNever, ModelReading.CanvasTokensOf(config, new GenerationConfig(), tokenizer).NeverEmitted.Contains(id));
    }

    [Fact]
    public void Encode_TokenTypes_DecideWhatIsFoundInText()
    {
        Tokenizer tokenizer = Tokenizer.FromVocabulary(Gpt2, "x.gguf");
        Assert.Equal([256, 259, 256], tokenizer.Encode("he<tool>he"));
        Assert.DoesNotContain(257, tokenizer.Encode("<|mask|>"));
        Assert.Equal([257], tokenizer.Encode("<|mask|>", parseSpecialTokens: true));
        Assert.Equal(257, tokenizer.MaskTokenId);
        Assert.Equal(258, tokenizer.EndOfTextTokenId);
        Assert.Equal("he<tool>", tokenizer.Decode([256, 257, 259]));
        GgufVocabulary unused = Gpt2 with { TokenTypes = [.. Enumerable.Repeat(1, 257), 3, 3, 5] };
        Assert.DoesNotContain(259, Tokenizer.FromVocabulary(unused, "x.gguf").Encode("he<tool>he"));
    }

    [Fact]
    public void Save_Gpt2Vocabulary_IsReadTheSame()
    {
        using TemporaryFolder folder = new();
        string path = folder["x.json"];
        Tokenizer tokenizer = Tokenizer.FromVocabulary(Gpt2, "x.gguf");
        tokenizer.Save(path);
        const string Text = "hehe <tool> it's\n 12";
        Assert.Equal(tokenizer.Encode(Text), Tokenizer.Load(path).Encode(Text));
        Assert.Throws<CinnabarException>(() => Tokenizer.FromVocabulary(Llama(("a", 0)), "x.gguf").Save(path));
    }

    public static TheoryData<string, string> Broken => new()
    {
        { "model", "tokenizer.ggml.model" },
        { "no tokens", "tokenizer.ggml.tokens" },
        { "types", "tokenizer.ggml.token_type" },
        { "type", "tokenizer.ggml.token_type[3]" },
        { "twice", "tokenizer.ggml.tokens[1]" },
        { "no pre", "tokenizer.ggml.pre" },
        { "pre", "'tekken'" },
        { "no merges", "tokenizer.ggml.merges" },
        { "merge", "tokenizer.ggml.merges[1]" },
        { "merge again", "tokenizer.ggml.merges[1]" },
        { "merge of special", "tokenizer.ggml.merges[1]" },
        { "empty merge", "tokenizer.ggml.merges[1]" },
        { "byte", "none for byte 33" },
        { "bos", "tokenizer.ggml.bos_token_id" },
        { "mask", "tokenizer.ggml.mask_token_id" },
        { "no scores", "tokenizer.ggml.scores" },
        { "scores", "tokenizer.ggml.scores" },
        { "not a number", "tokenizer.ggml.scores" },
        { "long", "tokenizer.ggml.tokens[259]" },
        { "unknown", "tokenizer.ggml.unknown_token_id" },
        { "no eos", "tokenizer.ggml.eos_token_id" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void FromVocabulary_Broken_SaysWhere(string kind, string expected)
    {
        GgufVocabulary llama = Llama(("a", 0));
        GgufVocabulary broken = kind switch
        {
            "model" => Gpt2 with { Model = "rwkv" },
            "no tokens" => Gpt2 with { Tokens = [], TokenTypes = [] },
            "types" => Gpt2 with { TokenTypes = [1] },
            "type" => Gpt2 with { TokenTypes = [1, 1, 1, 7, .. Enumerable.Repeat(1, 256)] },
            "twice" => Gpt2 with { Tokens = [Gpt2.Tokens[0], .. Gpt2.Tokens.Take(259)] },
            "no pre" => Gpt2 with { Pre = null },
            "pre" => Gpt2 with { Pre = "tekken" },
            "no merges" => Gpt2 with { Merges = null },
            "merge" => Gpt2 with { Merges = ["h e", "h q"] },
            "merge again" => Gpt2 with { Merges = ["h e", "h e"] },
            "merge of special" => Gpt2 with { Merges = ["h e", "<|mask| >"] },
            "empty merge" => Gpt2 with { Merges = ["h e", ""] },
            "byte" => Gpt2 with { Tokens = [.. Gpt2.Tokens.Select(token => token == "!" ? "!!" : token)] },
            "bos" => Gpt2 with { AddBos = true },
            "mask" => Gpt2 with { MaskTokenId = 260 },
            "no scores" => llama with { Scores = null },
            "scores" => llama with { Scores = [0] },
            "not a number" => llama with { Scores = [.. llama.Scores!.Take(259), float.NaN] },
            "long" => Llama((new string('a', 129), 0)),
            "unknown" => llama with { UnknownTokenId = -1 },
            _ => llama with { AddEos = true, EosTokenId = null },
        };
        string message = Assert.Throws<CinnabarException>(() => Tokenizer.FromVocabulary(broken, "x.gguf")).Message;
        Assert.StartsWith("x.gguf, ", message);
        Assert.Contains(expected, message);
    }
}
