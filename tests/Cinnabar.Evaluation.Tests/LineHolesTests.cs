using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

public sealed class LineHolesTests
{
    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;
    private static readonly LineHoleOptions s_options = new() { Count = 40, Seed = 3, WindowLength = 96 };

    [Fact]
    public void Sample_SameSeed_GivesSameHoles()
    {
        IReadOnlyList<LineHole> first = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);
        IReadOnlyList<LineHole> second = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);
        IReadOnlyList<LineHole> other = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options with { Seed = 4 });
        Assert.Equal(40, first.Count);
        Assert.Equal(first.Select(Key), second.Select(Key));
        Assert.NotEqual(first.Select(Key), other.Select(Key));
    }

    [Fact]
    public void Sample_SampleCode_GivesValidHoles()
    {
        LineTokens lines = new(s_tokenizer);
        IReadOnlyList<LineHole> holes = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);
        foreach (LineHole hole in holes)
        {
            Assert.InRange(hole.Reference.Length, 3, 20);
            Assert.Contains(hole.Text, char.IsLetter);
            Assert.DoesNotContain(hole.Text, c => c is '\n' or '\r');
            Assert.False(char.IsWhiteSpace(hole.Text[0]));
            Assert.True(lines.Breaks(hole.After[0]));
            Assert.Equal("", hole.TextBefore.Split('\n')[^1].Trim());
            Assert.InRange(hole.Before.Length + hole.After.Length, 1, 96 - 24);
            int[] joined = [.. hole.Before, .. hole.Reference, .. hole.After];
            Assert.True(SampleCode.Documents[hole.Document].AsSpan().IndexOf(joined) >= 0, "The pieces stand together in the document.");
        }

        Assert.All(holes.GroupBy(hole => hole.Document), group => Assert.InRange(group.Count(), 1, 2)); // 40 holes from 24 documents.
        Assert.Equal(holes.Count, holes.Select(Key).Distinct().Count());
    }

    [Fact]
    public void Sample_LongFile_GivesTwoThirdsBeforeAndOneThirdAfter()
    {
        IReadOnlyList<LineHole> holes = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);
        Assert.Contains(holes, hole => hole.Before.Length == 48 && hole.After.Length == 24);
        Assert.Contains(holes, hole => hole.Before.Length < 48 && hole.Before.Length + hole.After.Length == 72);
    }

    [Fact]
    public void Sample_FirstLineAndLinesWithoutLetters_AreNeverTaken()
    {
        int[] document = SampleCode.ToDocument("return first + line;\n{ ( 1 + 2 ) ; }\n    return second + line;   \nreturn last + line;");
        IReadOnlyList<LineHole> holes = LineHoles.Sample([document], s_tokenizer, s_options);
        LineHole hole = Assert.Single(holes);
        Assert.Equal("return second + line;", hole.Text.TrimEnd());
        Assert.EndsWith("\n    ", hole.TextBefore);
    }

    [Fact]
    public void Sample_NoLines_ThrowsWithRemedy()
    {
        int[][] documents = [SampleCode.ToDocument("one line")];
        CinnabarException e = Assert.Throws<CinnabarException>(() => LineHoles.Sample(documents, s_tokenizer, s_options));
        Assert.Contains("found none in 1 documents", e.Message);
    }

    [Fact]
    public void Sample_WindowSmallerThanCanvas_Throws() =>
        Assert.Throws<CinnabarException>(() => LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options with { WindowLength = 24 }));

    [Fact]
    public void LineHole_CommentAndRepeatedLine_AreRecognised()
    {
        LineHole comment = new(0, [], [], [], "x = 1;\n    ", "// note", "\n    y = 2;\n");
        Assert.True(comment.IsComment);
        Assert.False(comment.StandsElsewhere);
        LineHole repeated = comment with { Text = "y = 2;" };
        Assert.False(repeated.IsComment);
        Assert.True(repeated.StandsElsewhere);
    }

    private static string Key(LineHole hole) => $"{hole.Document}|{hole.TextBefore.Length}|{hole.TextBefore}|{hole.Text}|{hole.TextAfter}";
}
