using System.Text;
using Cinnabar.Tokenizers;
using Decoder = Cinnabar.Tokenizers.Decoder;

namespace Cinnabar.Tests.Tokenizers;

public sealed class DecoderTests
{
    [Theory]
    [InlineData("▁a", " a", "a")]
    [InlineData("▁▁", "  ", " ")]
    [InlineData("<0x41>", "A", "A")]
    [InlineData("<0x20>", " ", "")]
    [InlineData("<0xGG>", "<0xGG>", "<0xGG>")]
    [InlineData("<0x+1>", "<0x+1>", "<0x+1>")]
    public void DecoderSequence_Token_GivesItsText(string token, string later, string first)
    {
        DecoderSequence decoder = new() { Replacements = [("▁", " ")], ByteFallback = true, StripStart = " " };
        AssertDecodes(decoder, token, later, first);
    }

    [Theory]
    [InlineData("hello", " hello", "hello")]
    [InlineData("##ing", "ing", "##ing")]
    [InlineData(".", ".", ".")]
    [InlineData("'s", "'s", "'s")]
    [InlineData("n't", "n't", "n't")]
    [InlineData(";", " ;", ";")]
    public void WordPieceDecoder_Token_GivesItsText(string token, string later, string first)
    {
        AssertDecodes(new WordPieceDecoder("##", cleanup: true), token, later, first);
    }

    [Fact]
    public void OtherDecoders_Token_GiveItsText()
    {
        AssertDecodes(new WordPieceDecoder("##", cleanup: false), ".", " .", ".");
        AssertDecodes(new MetaspaceDecoder("▁", prepended: true), "▁a▁b", " a b", "ab");
        AssertDecodes(new MetaspaceDecoder("▁", prepended: false), "▁a", " a", " a");
        AssertDecodes(new ByteLevelDecoder(), "ĠaĊ", " a\n", " a\n");
        Assert.Equal("Ġ", Encoding.UTF8.GetString(new ByteLevelDecoder().DecodeAdded("Ġ", first: false)));
    }

    [Fact]
    public void StreamingDecoder_OneIdAtATime_GivesTheSameText()
    {
        Random random = new(4);
        foreach (string family in (string[])["llama2", "gpt2", "bert", "gemma"])
        {
            Tokenizer tokenizer = TokenizerData.Family(family);
            for (int round = 0; round < 20; round++)
            {
                int[] ids = [.. Enumerable.Range(0, 40).Select(_ => random.Next(tokenizer.VocabularySize))];
                foreach (bool skip in (bool[])[true, false])
                {
                    bool first = round % 2 == 0;
                    StreamingDecoder decoder = new(tokenizer, skip, first);
                    string streamed = string.Concat(ids.Select(id => decoder.Append([id]))) + decoder.Finish();
                    Assert.Equal(tokenizer.Decode(ids, skip, first), streamed);
                    Assert.Equal(tokenizer.Decode(ids, skip, first), decoder.Append(ids) + decoder.Finish());
                }
            }
        }
    }

    [Fact]
    public void StreamingDecoder_HalfACharacter_IsHeldBack()
    {
        Tokenizer tokenizer = TokenizerData.BytesOnly;
        StreamingDecoder decoder = new(tokenizer);
        int[] ids = tokenizer.Encode("é😀");
        string[] texts = [.. ids.Select(id => decoder.Append([id]))];
        Assert.Equal(["", "é", "", "", "", "😀"], texts);
        Assert.Equal("", decoder.Append(ids.AsSpan(0, 1)));
        Assert.Equal("\uFFFD", decoder.Finish());
        Assert.Equal("", decoder.Finish());
    }

    private static void AssertDecodes(Decoder decoder, string token, string later, string first)
    {
        Assert.Equal(later, Encoding.UTF8.GetString(decoder.Decode(token, first: false)));
        Assert.Equal(first, Encoding.UTF8.GetString(decoder.Decode(token, first: true)));
    }
}
