using Cinnabar.Evaluation.Tasks;
using Cinnabar.Evaluation.Tests.Tasks;

namespace Cinnabar.Evaluation.Tests;

/// <summary>The figures on shared data are from a separate implementation in Python (n-grams as tuples in Counters).</summary>
public sealed class BleuTests
{
    [Fact]
    public void Of_OneSentence_IsSmoothedGeometricMean()
    {
        // Of 6 tokens 5 are right, of 5 pairs 3, of 4 triples 1, of 3 quadruples none; equal lengths.
        double expected = 100 * Math.Pow(6.0 / 7 * (4.0 / 6) * (2.0 / 5) * (1.0 / 4), 0.25);
        Assert.Equal(48.8923022434901, expected, 10);
        Assert.Equal(expected, Of(("the cat sat on the mat", ["the cat is on the mat"])), 10);
    }

    [Fact]
    public void Of_SeveralReferences_ClipsAtHighestCountAndTakesClosestLength()
    {
        // "the" counts twice and "the the" once, as in the second reference; of 3 tokens, 2 pairs and 1 triple.
        // 2 and 4 tokens are as close to 3: the shorter counts, so there is no penalty.
        double expected = 100 * Math.Pow(3.0 / 4 * (2.0 / 3) * (1.0 / 2) * 1, 0.25);
        Assert.Equal(expected, Of(("the the the", ["the cat", "the the dog runs"])), 10);
        Assert.Equal(expected * Math.Exp(1 - (4.0 / 3)), Of(("the the the", ["the the dog runs"])), 10);
    }

    [Fact]
    public void Of_ShortAndLongReference_PenaltyIsByTheCloser()
    {
        // 3 tokens are closer to 4 than to 1; "a b c" is right in every n-gram.
        Assert.Equal(100 * Math.Exp(1 - (4.0 / 3)), Of(("a b c", ["a", "a b c d"])), 10);
        Assert.Equal(100, Of(("a b c", ["a b", "a b c d e", "a b c"])), 10);
    }

    [Fact]
    public void Of_TwoAnswers_SumsBeforeDividing()
    {
        double expected = 100 * Math.Exp(1 - (6.0 / 4)) * Math.Pow(5.0 / 5 * (3.0 / 3) * (2.0 / 2) * 1, 0.25);
        Assert.Equal(expected, Of(("a b c", ["a b c"]), ("d", ["d e f"])), 10);
    }

    [Theory]
    [InlineData("a b c d e", "a  b\tc d e ", 100)]
    [InlineData("", "a b", 0)]
    [InlineData(" ", "", 0)]
    public void Of_Extremes_AreZeroAndHundred(string answer, string reference, double expected) =>
        Assert.Equal(expected, Of((answer, [reference])), 10);

    [SharedDataFact]
    public void Of_JavaAsCSharp_IsTheFigureOfPython()
    {
        TaskExample[] pairs = SharedData.Read(TranslationTask.JavaToCSharp, "java-cs", TaskSplit.Validation);
        Assert.Equal(19.351712700737423, Of([.. pairs.Select(pair => (pair.Prompt, Right(pair)))]), 9);
        Assert.Equal(4.594947284984897, Of([.. pairs.Select((pair, i) => (pairs[(i + 1) % pairs.Length].Reference, Right(pair)))]), 9);
        Assert.Equal(33.600588028210574, Of([.. pairs.Select(pair => (FirstHalf(pair.Reference), Right(pair)))]), 9);
    }

    [SharedDataFact]
    public void Of_SeveralSentencesOfAMeaning_IsTheFigureOfPython()
    {
        TaskExample[] meanings = SharedData.Read(new DataToTextTask(), "e2e", TaskSplit.Validation);
        Assert.Equal(
            37.495406886141794,
            Of([.. meanings.Select((meaning, i) => (meanings[(i + 1) % meanings.Length].Reference, Right(meaning)))]),
            9);
        Assert.Equal(
            59.074839990940056,
            Of([.. meanings.Select(meaning => (meaning.OtherReferences[^1], (IReadOnlyList<string>)[.. Right(meaning).SkipLast(1)]))]),
            9);
    }

    private static double Of(params (string Text, IReadOnlyList<string> References)[] answers) => Bleu.Of(answers);

    private static IReadOnlyList<string> Right(TaskExample example) => [example.Reference, .. example.OtherReferences];

    private static string FirstHalf(string text)
    {
        string[] tokens = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', tokens[..(tokens.Length / 2)]);
    }
}
