using System.Diagnostics;
using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>What holds for any text.</summary>
public sealed class TokenizerPropertyTests
{
    // No normalizer, or one that decoding undoes; every byte has a token.
    [Theory]
    [InlineData("gpt2")]
    [InlineData("llada")]
    [InlineData("llada-moe")]
    [InlineData("llama2")]
    [InlineData("gemma")]
    public void Decode_EncodedUnicode_GivesTheTextBack(string family)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        Random random = new(17);
        for (int round = 0; round < 300; round++)
        {
            string text = TokenizerData.RandomUnicode(random, round % 50) + TokenizerData.Jumble(round, round % 20);
            text = text.Replace("▁", ""); // is a space in these vocabularies
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, parseSpecialTokens: true), skipSpecialTokens: false));
        }
    }

    [Fact]
    public void Decode_EncodedUnicodeOfQwen2_GivesFormC()
    {
        Tokenizer tokenizer = TokenizerData.Family("qwen2");
        CanonicalNormalizer formC = new(compose: true);
        Random random = new(18);
        for (int round = 0; round < 300; round++)
        {
            string text = TokenizerData.RandomUnicode(random, round % 50);
            Assert.Equal(formC.Normalize(text), tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void Encode_SpecialTokensOfEveryFamilyTyped_AreText()
    {
        foreach (string family in TokenizerData.Families.Where(family => family != "bert"))
        {
            Tokenizer tokenizer = TokenizerData.Family(family);
            int[] special = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsSpecial)];
            Assert.NotEmpty(special);
            string text = string.Concat(special.Select(id => $"a {tokenizer.TokenText(id)} b"));
            Assert.DoesNotContain(tokenizer.Encode(text), tokenizer.IsSpecial);
            Assert.Equal(special, tokenizer.Encode(text, parseSpecialTokens: true).Where(tokenizer.IsSpecial));
        }
    }

    public static TheoryData<string, string> Endless
    {
        get
        {
            TheoryData<string, string> rows = [];
            foreach (string family in (string[])["qwen2", "llada", "llada-moe", "llama2", "gemma", "bert"])
            {
                foreach (string part in (string[])["a", " ", "_", "語", "\u0301", "\n", "1", "a ", "'s", " \n"])
                {
                    rows.Add(family, part);
                }
            }

            return rows;
        }
    }

    // Each under a second on a free machine; anything quadratic needs minutes.
    [Theory]
    [MemberData(nameof(Endless))]
    public void Encode_QuarterMillionTimesTheSame_TakesLittleTime(string family, string part)
    {
        Tokenizer tokenizer = TokenizerData.Family(family);
        string text = string.Concat(Enumerable.Repeat(part, (1 << 18) / Encoding.UTF8.GetByteCount(part)));
        Stopwatch watch = Stopwatch.StartNew();
        tokenizer.Encode(text, parseSpecialTokens: true);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }
}
