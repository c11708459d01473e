using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Writing;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests.Writing;

public sealed class WritingMeasureTests
{
    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;

    [Theory]
    [InlineData(new[] { 1, 1, 2, 3 }, 1.5)]
    [InlineData(new[] { 7, 7, 7 }, 0)]
    [InlineData(new[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 3)]
    [InlineData(new int[0], 0)]
    public void UnigramEntropy_HandCounted_IsInBits(int[] ids, double bits) =>
        Assert.Equal(bits, TextDiversity.UnigramEntropy(ids), 1e-12);

    [Theory]
    [InlineData("a b a b", 1, 2.0 / 4)]
    [InlineData("a b a b", 2, 2.0 / 3)]
    [InlineData("a b a b", 3, 1)]
    [InlineData("a b\tc  d\na b c d", 4, 4.0 / 5)]
    [InlineData("a b", 3, 1)]
    [InlineData("", 1, 1)]
    public void Distinct_HandCounted_IsAShareOfNGrams(string text, int n, double share) =>
        Assert.Equal(share, TextDiversity.Distinct(text, n), 1e-12);

    [Fact]
    public void SelfBleu_TwoTexts_IsBleuOfEachWithTheOther()
    {
        // Shared: 2 of 4 words, 1 of 3 pairs, 0 of 2, 0 of 1, one added to each: (3/5 · 2/4 · 1/3 · 1/2)^¼.
        double expected = 100 * Math.Pow(0.05, 0.25);
        double[] both = TextDiversity.SelfBleu(["a b c d", "a b x y"]);
        Assert.Equal([expected, expected], both, (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.All(TextDiversity.SelfBleu(["a b c d e", "a b c d e", "v w x y z"])[..2], bleu => Assert.Equal(100, bleu, 1e-9));
        Assert.Empty(TextDiversity.SelfBleu(["a"]));
    }

    [Fact]
    public void Names_WordsThatBeginSentences_AreNone()
    {
        const string Text =
            "The fox saw Anna. Then Tom's dog came! \"Run,\" said Mr. Toad to Anna, \"Quick!\" He ran.\nPeter met USA men and I.";
        Assert.Equal(["Anna", "Tom", "Toad", "Anna"], EntityConsistency.Names(Text));
        Assert.Equal(["Tom"], EntityConsistency.Names("when Tom's dog (The old one) barked: \"Go!\" Then it slept."));
    }

    [Fact]
    public void Consistency_OfNamesBeforeTheLastPart_IsTheShareThatReturns()
    {
        // Anna returns, Tom does not; Eve comes with the last part and could not.
        string[] parts = ["so Anna and Tom and Tom met", "and Anna left", "then Anna met Eve"];
        Assert.Equal(0.5, EntityConsistency.Of(parts));
        Assert.Null(EntityConsistency.Of(["so Anna and Anna met"]));
        Assert.Null(EntityConsistency.Of(["nobody", "so Anna came"]));
        Assert.Equal(0, EntityConsistency.Of(["so Anna met Anna", "nobody"]));
    }

    [Fact]
    public void Seams_SixteenTokensOnEachSide_AreApart()
    {
        double[] nats = [.. Enumerable.Range(0, 64).Select(i => i is >= 24 and < 60 ? 2.0 : 1.0)];
        Assert.Equal(new SeamPerplexity(2.0, null, 1.0), SeamPerplexity.Of(nats, [40, 44]));
        nats[23] = 3;
        Assert.Equal(new SeamPerplexity(2.0, null, 30.0 / 28), SeamPerplexity.Of(nats, [40, 44]));
        Assert.Null(SeamPerplexity.Of(nats, []));
        Assert.Null(SeamPerplexity.Of(nats, [16, 48]));
    }

    [Fact]
    public void Seams_OfWideOverlaps_LeaveTheirMiddleApart()
    {
        // Borders at 20 and 60: seams 4 … 35 and 44 … 75, the overlap's middle 36 … 43.
        double[] nats = [.. Enumerable.Range(0, 90).Select(i => i is >= 36 and < 44 ? 5.0 : i is < 4 or >= 76 ? 1.0 : 2.0)];
        Assert.Equal(new SeamPerplexity(2.0, 5.0, 1.0), SeamPerplexity.Of(nats, [20, 60]));
    }

    [Fact]
    public void Passages_OfLongDocuments_LieInsideThem()
    {
        int[][] documents = [[3, 10, 11, 12, 1], [3, 20, 21, 22, 23, 24, 25, 26, 1], [3, 30, 1]];
        IReadOnlyList<WrittenText> all = HeldOutPassages.Take(documents, s_tokenizer, 3, 10);
        Assert.Equal<int[]>([[10, 11, 12], [20, 21, 22], [23, 24, 25]], all.Select(text => text.Ids));
        Assert.All(all, text => Assert.Equal(s_tokenizer.Decode(text.Ids), text.Text));
        Assert.Equal<int[]>([[10, 11, 12], [20, 21, 22]], HeldOutPassages.Take(documents, s_tokenizer, 3, 2).Select(text => text.Ids));

        // None is so long: the longest as they are.
        Assert.Equal<int[]>(
            [[20, 21, 22, 23, 24, 25, 26], [10, 11, 12]], HeldOutPassages.Take(documents, s_tokenizer, 8, 2).Select(text => text.Ids));
        Assert.Throws<CinnabarException>(() => HeldOutPassages.Take([[3, 1]], s_tokenizer, 8, 1));
    }

    [Fact]
    public void Result_UniformJudge_HasPerplexityOfTheVocabulary()
    {
        int size = s_tokenizer.VocabularySize;
        UniformDenoiser uniform = new(size, s_tokenizer.MaskTokenId, 16);
        AutoregressiveLikelihood judge = new(uniform, KernelTable.Create(threads: 1));
        WrittenText[] texts =
        [
            new([.. Enumerable.Range(10, 160)], "so Anna met", Passes: 4, Positions: 640, Seconds: 4),
            new([.. Enumerable.Range(10, 80), .. Enumerable.Range(10, 80)], "so Tom met", Passes: 8, Positions: 1280, Seconds: 8),
        ];
        WritingResult result = WritingResult.Of("own", texts, judge, [3], text => [text.Text, text.Text], [40, 100]);
        Assert.Equal(
            WritingResult.MeasureNames.Where(name => name is not ("empty texts" or "tokens")),
            result.Measures.Select(measure => measure.Name));
        Assert.Equal(size, result["perplexity"]!.Value, size * 1e-4);
        Assert.Equal(size, result["inside segments"]!.Value, size * 1e-4);
        Assert.Equal(1, result["at seams / inside"]!.Value, 1e-4);
        Assert.Equal(1, result["in overlaps / inside"]!.Value, 1e-4);
        Assert.Equal(0, result["nats by far context"]!.Value, 1e-4);
        Assert.Equal((Math.Log2(160) + Math.Log2(80)) / 2, result["entropy"]!.Value, 1e-9);
        Assert.Equal(6, result["positions/token"]!.Value, 1e-9);
        Assert.Equal(0.5, result["entropy"]!.StandardError!.Value, 1e-9); // two values that differ by 1
        Assert.Equal((6.0, 2.0), (result["passes"]!.Value, result["passes"]!.StandardError!.Value));
        Assert.Equal(30, result["tokens/s"]!.Value, 1e-9); // 40 and 20
        Assert.Equal(1, result["names again"]!.Value);

        // A text that ended before its first token counts, but nothing of it can be predicted, and it is neither varied nor monotonous.
        WritingResult withEmpty = WritingResult.Of(
            "own", [.. texts, new([], "", 4, 0, 2)], judge, [3], text => [text.Text, text.Text], [40, 100]);
        Assert.Equal(WritingResult.MeasureNames, withEmpty.Measures.Select(measure => measure.Name));
        Assert.Equal(1 / 3.0, withEmpty["empty texts"]!.Value, 1e-9);
        Assert.Equal(320 / 3.0, withEmpty["tokens"]!.Value, 1e-9);
        Assert.Equal(size, withEmpty["perplexity"]!.Value, size * 1e-4);
        Assert.All(
            (string[])["entropy", "distinct-1", "distinct-3", "self-BLEU", "repeated 4-grams"],
            measure => Assert.Equal(result[measure], withEmpty[measure]));

        WrittenText person = texts[0] with { Passes = 0 };
        WritingResult alone = WritingResult.Of("people", [person], judge: null, [], text => [text.Text], []);
        Assert.Equal(
            ["entropy", "distinct-1", "distinct-2", "distinct-3", "repeated 4-grams"], alone.Measures.Select(measure => measure.Name));
    }
}
