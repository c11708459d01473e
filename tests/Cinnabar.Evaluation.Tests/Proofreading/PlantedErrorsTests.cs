using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Proofreading;
using Cinnabar.Proofreading;

namespace Cinnabar.Evaluation.Tests.Proofreading;

/// <summary>Errors in pieces of code, and the measures of finding them.</summary>
public sealed class PlantedErrorsTests
{
    private const string Piece = """
        // A comment with a < b, "text" and Name.
        int Next(int count, string name)
        {
            if (count <= 3 && ready == true)
            {
                Write("one < two", count + 1);
                Write("three", Math.Max(count, limit));
            }

            return total;
        }
        """;

    [Theory]
    [InlineData(ErrorKind.Identifier)]
    [InlineData(ErrorKind.Operator)]
    [InlineData(ErrorKind.Token)]
    [InlineData(ErrorKind.Arguments)]
    [InlineData(ErrorKind.Literal)]
    public void EachKind_ChangesOnePlaceOutsideOfComments(ErrorKind kind)
    {
        HashSet<string> seen = [];
        for (ulong seed = 0; seed < 60; seed++)
        {
            (int start, string text) = PlantedErrors.Plant(Piece, kind, new DeterministicRandom(seed))!.Value;

            Assert.NotEqual(Piece, text);
            Assert.Equal(Piece[..start], text[..start]);
            Assert.Equal(Piece.Split('\n')[0], text.Split('\n')[0]);
            Assert.Equal((start, text), PlantedErrors.Plant(Piece, kind, new DeterministicRandom(seed))!.Value);
            seen.Add(text);
        }

        string[] expected = kind switch
        {
            ErrorKind.Operator =>
                [Piece.Replace("<= 3", "< 3"), Piece.Replace("&&", "||"), Piece.Replace("==", "!="), Piece.Replace("+ 1", "- 1")],
            ErrorKind.Arguments => [Piece.Replace("count, limit", "limit, count")],
            ErrorKind.Literal =>
                [Piece.Replace("<= 3", "<= 4"), Piece.Replace("true", "false"), Piece.Replace("\"three\"", "\"one < two\"")],
            _ => [], // too many to meet each
        };
        Assert.All(expected, text => Assert.Contains(text, seen));
        if (kind is ErrorKind.Operator or ErrorKind.Arguments)
        {
            Assert.Equal(expected.Length, seen.Count);
        }
    }

    [Fact]
    public void PieceWithoutAPlace_HasNoError()
    {
        Assert.Null(PlantedErrors.Plant("int x;\n", ErrorKind.Arguments, new DeterministicRandom(1)));
        Assert.Null(PlantedErrors.Plant("// a < b\n", ErrorKind.Operator, new DeterministicRandom(1)));
    }

    [Fact]
    public void Sample_TakesPiecesOf30LinesInTurnsOfKind()
    {
        IReadOnlyList<PlantedError> errors = PlantedErrors.Sample(SampleCode.Texts, 12, seed: 3);

        Assert.NotEmpty(errors);
        Assert.All(errors, error =>
        {
            Assert.NotEqual(error.Original, error.Text);
            Assert.Equal(PlantedErrors.LinesOfPiece, error.Original.Count(c => c == '\n'));
            Assert.Contains(error.Original, SampleCode.Texts[error.Document], StringComparison.Ordinal);
            Assert.NotEqual(error.Original.Split('\n')[error.Line], error.Text.Split('\n')[error.Line]);
        });
        Assert.Equal(errors, PlantedErrors.Sample(SampleCode.Texts, 12, seed: 3));
        Assert.NotEqual(errors, PlantedErrors.Sample(SampleCode.Texts, 12, seed: 4));
        Assert.Contains("30 lines", Assert.Throws<CinnabarException>(() => PlantedErrors.Sample(["int x;\n"], 1, 1)).Message);
    }

    [Fact]
    public void LineScores_AreTheLargestOfTheTokensThatBeginThere()
    {
        JudgedToken[] tokens = [new(0, 1, 0, 9, 1), new(1, 3, 0, 9, 5), new(4, 1, 0, 9, 2), new(5, 2, 0, 9, 3), new(7, 1, 0, 9, 4)];

        double?[] scores = ProofreadingResult.LineScores("a\n b\n\ncd", tokens);

        // Tokens: "a", "\n b", "\n", "\nc", "d"; the third line is blank.
        Assert.Equal([1.0, 5.0, null, 4.0], scores);
    }

    [Fact]
    public void Rank_CountsTiesHalf()
    {
        Assert.Equal((0.5 + 1) / 3, ProofreadingResult.Rank([2.0, 2.0, null, 3.0, 1.0], 0).Auc, 12);
        Assert.False(ProofreadingResult.Rank([2.0, 2.0], 0).IsFound);
        Assert.Equal((1, true), ProofreadingResult.Rank([2.0, null, 1.0], 0));
        Assert.Equal((0, false), ProofreadingResult.Rank([null, 1.0], 0));
    }
}
