using System.Text;
using Cinnabar.Constraints;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Serving;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests;

/// <summary>Holes whose text goes on as what stands behind them does.</summary>
public sealed class RepetitionTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private Tokenizer Tokenizer => serving.Model.Tokenizer;

    [Theory]
    [InlineData("\n    b();\n}", "\n    b();\n")]
    [InlineData("\n}", "\n}\n")]
    [InlineData("\r\n}", "\r\n}\r\n")]
    [InlineData("\n\n  \n\tb\nc\n", "\n\n  \n\tb\n")]
    [InlineData("; i++)\n{\n", "; i++)\n{\n")]
    [InlineData(";", null)]
    [InlineData(" b c\n", null)]
    [InlineData("\n \n", null)]
    [InlineData("", null)]
    public void Behind_IsAsMuchAsTells(string behind, string? expected) =>
        Assert.Equal(expected, Repetition.Behind(new TextWithHoles(["a", behind], [9]), 0));

    [Fact]
    public void Behind_HolesOfALengthOrAFormOfTheirOwn_IsNothing()
    {
        TextWithHoles two = new(["a", "\nb\n", "\nc"], [9, 9]);
        Assert.Equal("\nb\n", Repetition.Behind(two, 0));
        Assert.Equal("\nc\n", Repetition.Behind(two, 1));
        Assert.Null(Repetition.Behind(new TextWithHoles(["a", "\nb", "\nc"], [9, 9]), 0)); // its line goes on in the next hole
        Assert.Null(Repetition.Behind(two with { LeastTokens = [0, 2] }, 1));
        Assert.Null(Repetition.Behind(two with { Length = LengthPolicy.Fixed }, 0));
        Assert.Null(Repetition.Behind(two with { Constraints = [Constraint.FromRegex("b+"), null] }, 0));
    }

    [Theory]
    [InlineData("x = 1;\n}\ny", "\n}", "x = 1;")]
    [InlineData("x = 1;\n}", "\n}\n", "x = 1;")] // the end of the text ends its line
    [InlineData("x = 1;\n} y", "\n}\n", "x = 1;\n} y")]
    [InlineData("x = 1;\n }", "\n}\n", "x = 1;\n }")]
    [InlineData("\n}\n", "\n}\n", "")]
    [InlineData("n; i++)\n{ a", "; i++)\n{", "n; i++)\n{ a")]
    [InlineData("n; i++)\n{\na", "; i++)\n{", "n")]
    [InlineData("a\r\n}\r\nb", "\r\n}\r\n", "a")]
    [InlineData("// é\n}\nb", "\n}", "// é")]
    [InlineData("→\n}\n→", "\n}", "→")]
    public void Text_OfAHole_EndsBefore(string written, string behind, string expected)
    {
        (TextCanvas text, List<DenoisingStep> steps) = Written(behind, written);
        GenerationResult result = text.ToResult();
        Assert.Equal(expected, result.Holes[0].Text);
        Assert.Equal("z" + expected + behind, result.Text);
        Assert.Equal(Encoding.UTF8.GetByteCount(expected.Replace("\r\n", "\n", StringComparison.Ordinal)), result.Holes[0].TokenIds.Count);

        // In whatever pieces it comes: what was given out stays.
        SettledText settled = new(text, Tokenizer, 0, []);
        Assert.Equal(expected, string.Concat(steps.Select(settled.Append)) + settled.Finish(result));
        Assert.Equal(expected != written, settled.IsCut);
        Assert.Equal(result.Holes[0].TokenIds.Count, settled.TokensOf(text.Canvas.TextOf(0)));
        SettledText all = new(text, Tokenizer, 0, [], mayRepeat: true);
        Assert.Equal(written, string.Concat(steps.Select(all.Append)));
        Assert.Equal("", all.Finish(result));
    }

    [Fact]
    public void Text_StreamThatRepeats_IsStoppedThere()
    {
        (TextCanvas text, List<DenoisingStep> steps) = Written("\n}", "x\n}\ny");
        SettledText settled = new(text, Tokenizer, 0, ["y"]);
        int until = steps.FindIndex(step => settled.Append(step) is not null && settled.IsStopped);
        Assert.Equal(3, until);
        Assert.Equal(["y", "\n}\n"], settled.Stops);

        // A stop text in what is repeated leaves nothing of that either.
        SettledText brace = new(text, Tokenizer, 0, ["}"]);
        Assert.Equal("x", string.Concat(steps.Select(brace.Append)) + brace.Finish(text.ToResult()));
        Assert.True(brace.IsStopped && brace.IsCut);
        SettledText other = new(text, Tokenizer, 0, ["x"]);
        Assert.Equal("", string.Concat(steps.Select(other.Append)) + other.Finish(text.ToResult()));
        Assert.False(other.IsCut);
    }

    [Fact]
    public void Text_WithAPin_IsNotCut()
    {
        TextCanvas text = serving.Model.CanvasFor(new TextWithHoles(["z", "\n}"], [3]));
        text.Canvas.Pin(text.Canvas.Holes[0].Start + 1, serving.ByteTokens("}")[0]);
        Assert.Null(text.RepetitionOf(0));
    }

    // A hole that gets these tokens from the left, one a step.
    private (TextCanvas Text, List<DenoisingStep> Steps) Written(string behind, string written)
    {
        int[] ids = serving.ByteTokens(written.Replace("\r\n", "\n", StringComparison.Ordinal));
        TextCanvas text = serving.Model.CanvasFor(new TextWithHoles(["z", behind], [ids.Length]));
        return (text, ServingModel.Write(text, ids, atATime: 1));
    }
}
