using System.Text.Json;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

public sealed class InfillTaskTests
{
    private static readonly Tokenizer s_tokenizer = SampleCode.Tokenizer;
    private static readonly LineHoleOptions s_options = new() { Count = 30, WindowLength = 96 };
    private static readonly IReadOnlyList<LineHole> s_holes = LineHoles.Sample(SampleCode.Documents, s_tokenizer, s_options);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Run_OracleDenoiser_IsAlwaysExact(bool lengthGiven)
    {
        OracleDenoiser oracle = new(s_holes, s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, s_tokenizer.PaddingTokenId, 96);
        InfillResult result = InfillTask.Run(Infiller(oracle), s_holes, lengthGiven);
        Assert.Equal(new SampleMean(1, 0), result.ExactMatch);
        Assert.Equal(new SampleMean(1, 0), result.EditSimilarity);
        Assert.Equal(s_holes.Select(hole => hole.Text), result.Predictions);
        Assert.True(result.ForwardPasses >= 3);
        Assert.Equal(lengthGiven ? null : new SampleMean(1, 0), result.EndsHole);
    }

    // It says the line, and then what stands behind it once more, to the end of the canvas.
    [Fact]
    public void Run_DenoiserThatGoesOn_IsExactButDoesNotEndTheHole()
    {
        LineHole[] further = [.. s_holes.Select(hole => hole with
        {
            Reference = [.. hole.Reference, .. hole.After, .. Enumerable.Repeat(hole.After[0], s_options.CanvasLength)],
        })];
        OracleDenoiser oracle = new(further, s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, s_tokenizer.PaddingTokenId, 96);
        InfillResult result = InfillTask.Run(Infiller(oracle), s_holes, lengthGiven: false);
        Assert.Equal(new SampleMean(1, 0), result.ExactMatch);
        Assert.Equal(new SampleMean(0, 0), result.EndsHole);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Run_UniformDenoiser_IsNeverExact(bool lengthGiven)
    {
        UniformDenoiser uniform = new(s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, 96);
        InfillResult result = InfillTask.Run(Infiller(uniform), s_holes, lengthGiven);
        Assert.Equal(0, result.ExactMatch.Mean);
        Assert.True(result.EditSimilarity.Mean < 0.3, $"{result.EditSimilarity.Mean}");
    }

    [Fact]
    public void Run_Threshold_TakesFewerPasses()
    {
        OracleDenoiser oracle = new(s_holes, s_tokenizer.VocabularySize, s_tokenizer.MaskTokenId, s_tokenizer.PaddingTokenId, 96);
        double slow = InfillTask.Run(Infiller(oracle), s_holes, lengthGiven: true).ForwardPasses;
        double fast = InfillTask.Run(Infiller(oracle, new SamplerOptions { Threshold = 0.9 }), s_holes, lengthGiven: true).ForwardPasses;
        Assert.Equal(s_holes.Average(hole => hole.Reference.Length), slow, 10);
        Assert.Equal(1, fast, 10);
    }

    [Theory]
    [InlineData("x = 1;  ", "x = 1;", true)]
    [InlineData(" x = 1;", "x = 1;", false)]
    [InlineData("x = 2;", "x = 1;", false)]
    public void IsExact_SpacesAtTheEnd_DoNotCount(string prediction, string reference, bool expected) =>
        Assert.Equal(expected, InfillTask.IsExact(prediction, reference));

    [Fact]
    public void Report_Results_StandInMarkdownAndJson()
    {
        NearestLineCopy copy = new(s_tokenizer);
        InfillReport report = new(
            s_holes,
            s_options,
            new Dictionary<string, string> { [copy.Name] = copy.Description },
            [InfillTask.Run(copy, s_holes, lengthGiven: true), InfillTask.Run(copy, s_holes, lengthGiven: false)]);
        string markdown = report.ToMarkdown();
        Assert.Contains("| nearest-line copy | given |", markdown);
        Assert.Contains("| nearest-line copy | not given |", markdown);
        Assert.Contains("copies the line of the same context", markdown);
        Assert.Contains("30 single-line holes", markdown);
        JsonElement json = Json(report);
        Assert.Equal(30, json.GetProperty("holes").GetProperty("count").GetInt32());
        Assert.Equal(report.Results[1].ExactMatch.Mean, json.GetProperty("results")[1].GetProperty("exact_match").GetDouble());
    }

    private static JsonElement Json(InfillReport report)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            report.WriteMembers(json);
            json.WriteEndObject();
        }

        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }

    private static DiffusionInfiller Infiller(IDenoiser denoiser, SamplerOptions? options = null, LengthPolicy policy = LengthPolicy.Trim)
    {
        CanvasTokens tokens = new(s_tokenizer.MaskTokenId, s_tokenizer.EndOfTextTokenId, s_tokenizer.PaddingTokenId)
        {
            NeverEmitted = [s_tokenizer.BeginOfTextTokenId],
        };
        options ??= new SamplerOptions();
        return new DiffusionInfiller("fake", "A fake.", denoiser, s_tokenizer, tokens, options, s_options.CanvasLength, policy: policy);
    }
}
