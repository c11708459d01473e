using System.Xml.Linq;

namespace Cinnabar.Evaluation.Tests;

public sealed class DecodingBenchmarkTests
{
    [Fact]
    public void Standard_EveryMethod_HasValidOptionsAndAnOwnName()
    {
        Assert.All(DecodingMethod.Standard, method => method.Options.Validate());
        Assert.Equal(DecodingMethod.Standard.Count, DecodingMethod.Standard.DistinctBy(method => method.Name).Count());
        Assert.Equal(DecodingMethod.Standard.Count, DecodingMethod.Standard.DistinctBy(method => method.Options).Count());
    }

    [Fact]
    public void Cells_OneForEachColumn_SeparateTheFirstStep()
    {
        // 40 tokens in 2 s, of which 10 and 1 s belong to first steps.
        DecodingResult result = Result("x", 40, 2, 0.25);
        Assert.Equal(DecodingResult.Columns.Count, result.Cells.Length);
        Assert.Equal(20, result.TokensPerSecond);
        Assert.Equal(30, result.TokensPerSecondAfterFirstStep);
    }

    [Fact]
    public void Front_BeatenInBoth_IsLeftOut()
    {
        DecodingResult fast = Result("fast", 100, 1, 0.1);
        DecodingResult good = Result("good", 10, 1, 0.3);
        DecodingResult middle = Result("middle", 50, 1, 0.2);
        DecodingResult poor = Result("poor", 40, 1, 0.15);
        Assert.Equal(["fast", "middle", "good"], ParetoPlot.Front([good, poor, fast, middle]).Select(result => result.Method));
    }

    [Fact]
    public void Draw_AnyResults_IsWellFormedWithAPointForEach()
    {
        XDocument svg = XDocument.Parse(ParetoPlot.Draw([Result("a < b", 100, 1, 0), Result("c", 10, 1, 0.3)]));
        Assert.Equal(2, svg.Descendants().Count(element => element.Name.LocalName == "circle"));
        Assert.Contains(svg.Descendants(), element => element.Value == "a < b");
        Assert.DoesNotContain("NaN", ParetoPlot.Draw([Result("alone", 100, 1, 0)]), StringComparison.Ordinal);
    }

    private static DecodingResult Result(string method, int tokens, double seconds, double exact)
    {
        DecodingWork work = new(10, 1000, tokens, tokens / 4, seconds / 2, seconds);
        SampleMean mean = new(exact, 0.01);
        return new DecodingResult(method, "model", new InfillResult("i", true, mean, mean, null, 2, 0.1, work, []), 0.5, 100);
    }
}
