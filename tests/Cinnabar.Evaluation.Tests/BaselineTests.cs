using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

public sealed class BaselineTests
{
    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;
    private static readonly LineHoleOptions s_options = new() { Count = 20, WindowLength = 96 };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NGramInfill_RepeatedPattern_FillsEveryLine(bool lengthGiven)
    {
        string pattern = "int count;\nreturn value + left;\npublic int size;\n// total of index\n";
        int[][] documents =
            [.. Enumerable.Range(2, 12).Select(times => SampleCode.ToDocument(string.Concat(Enumerable.Repeat(pattern, times))))];
        NGramInfill infiller = new(new NGramModel(documents, s_tokenizer.VocabularySize), s_tokenizer, s_options);
        IReadOnlyList<LineHole> holes = LineHoles.Sample(documents, s_tokenizer, s_options);
        InfillResult result = InfillTask.Run(infiller, holes, lengthGiven);
        Assert.Equal(holes.Select(hole => hole.Text), result.Predictions);
    }

    [Fact]
    public void NGramInfill_LengthGiven_PredictsNoMoreTokens()
    {
        NGramModel model = new(SampleCode.Documents, s_tokenizer.VocabularySize);
        NGramInfill infiller = new(model, s_tokenizer, s_options);
        LineHole hole = Hole("int x = 1;\n", "abcd efgh", "\nint y = 2;\n");
        string text = infiller.Fill(hole, lengthGiven: true).Text;
        Assert.NotEqual("", text);
        Assert.True(s_tokenizer.Encode(text).Length <= hole.Reference.Length);
    }

    [Fact]
    public void NearestLineCopy_SameNeighboursElsewhere_CopiesThatLine()
    {
        LineHole hole = Hole(
            "// start\nif (done)\n    stop = true;\nreturn a;\nwhile (b)\n    go = true;\nlast = b;\nif (done)\n    ",
            "x = y;",
            "\nreturn a;\nend;\n");
        Assert.Equal("stop = true;", new NearestLineCopy(s_tokenizer).Fill(hole, lengthGiven: false).Text);
    }

    [Fact]
    public void NearestLineCopy_LengthGiven_PrefersLinesOfThatLength()
    {
        NearestLineCopy copy = new(s_tokenizer);
        LineHole hole = Hole("top\nopen\nlonger line of text = 1;\nclose\nx = 2;\nopen\n", "x = 3;", "\nclose\nbottom\n");
        Assert.Equal("longer line of text = 1;", copy.Fill(hole, lengthGiven: false).Text);
        Assert.Equal("x = 2;", copy.Fill(hole, lengthGiven: true).Text);
    }

    [Fact]
    public void NearestLineCopy_NothingToCopy_PredictsNothing() =>
        Assert.Equal("", new NearestLineCopy(s_tokenizer).Fill(Hole("{\n", "return x;", "\n}"), lengthGiven: false).Text);

    private static LineHole Hole(string before, string line, string after) =>
        new(0, s_tokenizer.Encode(before), s_tokenizer.Encode(line), s_tokenizer.Encode(after), before, line, after);
}
