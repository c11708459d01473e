using Cinnabar.Constraints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Cinnabar.Tests.Serving;

namespace Cinnabar.Tests;

public sealed class LengthSearchTests(ServingModel serving) : IClassFixture<ServingModel>
{
    private static readonly TextWithHoles s_text = new(["int Max(int a) { return ", "; }\r\n // ", "\r\n"], [9, 6]);

    [Theory]
    [InlineData(LengthPolicy.Fixed)]
    [InlineData(LengthPolicy.Trim)]
    [InlineData(LengthPolicy.Grow)]
    public void FindLengths_NothingToFind_IsTheTextItself(LengthPolicy policy)
    {
        TextWithHoles text = s_text with { Length = policy };
        Assert.Same(text, serving.Model.FindLengths(text));
    }

    [Fact]
    public void Infill_Fixed_FillsEveryHoleToItsEnd()
    {
        GenerationResult result = serving.Model.Infill(s_text with { Length = LengthPolicy.Fixed, LeastTokens = [1, 2] });
        Assert.Equal([9, 6], result.Holes.Select(hole => hole.TokenIds.Count));
        Assert.Equal(0, result.LengthPasses);
    }

    [Fact]
    public void Infill_LengthsThatAreFound_TellsThemAndWhatTheyTook()
    {
        DiffusionModel model = WithBias();
        TextWithHoles text = s_text with { Length = LengthPolicy.Probe, LeastTokens = [3, 6] }; // the second is exact
        TextWithHoles found = model.FindLengths(text);
        GenerationResult result = model.Infill(text);

        Assert.Equal(LengthPolicy.Trim, found.Length);
        Assert.Equal(6, found.HoleTokens[1]);
        Assert.InRange(found.HoleTokens[0], 3, 9);
        Assert.Equal(found.LengthCost.Passes, result.LengthPasses);
        Assert.InRange(result.LengthPasses, 2, 7);
        Assert.Equal(model.Infill(found).Text, result.Text);
        Assert.Equal(6, result.Holes[1].TokenIds.Count);
        Assert.Equal(found.HoleTokens[0], result.Holes[0].TokenIds.Count);
    }

    [Fact]
    public async Task FindLengthsAsync_BesideOtherTexts_FindsWhatTheModelFinds()
    {
        SamplerOptions options = new() { Temperature = 1, Seed = 7 };
        TextWithHoles text = s_text with { Length = LengthPolicy.Probe };
        TextWithHoles expected = WithBias().FindLengths(text, options);
        await using ModelEngine engine = new(WithBias());
        DenoisingJob neighbour = engine.Submit(engine.Model.CanvasFor("int x", 30));
        TextWithHoles found = await engine.FindLengthsAsync(text, options);
        Assert.Equal(expected.HoleTokens, found.HoleTokens);
        Assert.Equal(expected.LeastTokens, found.LeastTokens);
        Assert.Equal(expected.LengthCost.Passes, found.LengthCost.Passes);
        Assert.NotEqual("", (await neighbour.Completion).Text);

        using CancellationTokenSource gone = new();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.FindLengthsAsync(text, options, gone.Token));
        Assert.NotEqual("", (await engine.Submit(engine.Model.CanvasFor("int x", 3)).Completion).Text);
    }

    [Fact]
    public async Task FindLengthsAsync_EngineThatStops_IsFinished()
    {
        ModelEngine engine = new(WithBias());
        using SemaphoreSlim gate = new(0);
        Task<bool> held = engine.RunAsync(_ => gate.Wait(10_000));
        Task<TextWithHoles> search = engine.FindLengthsAsync(s_text with { Length = LengthPolicy.Probe });
        Task stop = engine.StopAsync(TimeSpan.FromSeconds(30));
        gate.Release();

        Assert.InRange((await search).LengthCost.Passes, 2, 50);
        Assert.True(await held);
        await stop.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void FindLengths_ConstrainedHole_KeepsItsRoom()
    {
        TextWithHoles text = s_text with { Length = LengthPolicy.Probe, Constraints = [Constraint.FromRegex("[0-9]{9}"), null] };
        GenerationResult result = WithBias().Infill(text);
        Assert.Matches("^[0-9]{9}\\z", result.Holes[0].Text);
        Assert.Equal(9, result.Holes[0].CanvasLength);
        Assert.True(result.LengthPasses > 0);

        // Beside a hole whose length is given there is nothing to find.
        Assert.Equal(0, WithBias().Infill(text with { LeastTokens = [0, 6] }).LengthPasses);
    }

    [Fact]
    public void FindLengths_WhatDoesNotGoTogether_IsRefusedWithOneSentence()
    {
        TextWithHoles probed = s_text with { Length = LengthPolicy.Probe };
        AssertRefused("--save-bias", () => serving.Model.Infill(probed));
        AssertRefused("Deadline", () => serving.Model.Infill(probed, new() { Deadline = TimeSpan.FromSeconds(1) }));
        AssertRefused("at most the 16", () => WithBias().Infill(
            new TextWithHoles(["a", "b"], [30]) { Length = LengthPolicy.Probe, LeastTokens = [20] }));
        DiffusionModel left = serving.Load(
            threads: 1, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        foreach (LengthPolicy policy in (LengthPolicy[])[LengthPolicy.Probe, LengthPolicy.Grow])
        {
            AssertRefused("left to right", () => left.Infill(new TextWithHoles(["a", "b"], [4]) { Length = policy }));
        }

        AssertRefused("<|expand|>", () => serving.Model.Infill(s_text with { Length = LengthPolicy.Grow }));
        Assert.Throws<ArgumentException>(() => serving.Model.CanvasFor(probed));
        Assert.Equal(9, WithBias().FindLengths(new TextWithHoles(["a", "b"], [9]) { Length = LengthPolicy.Probe, LeastTokens = [9] })
            .HoleTokens[0]);
    }

    private static void AssertRefused(string says, Action work) =>
        Assert.Contains(says, Assert.Throws<CinnabarException>(work).Message, StringComparison.Ordinal);

    // The model with a bias of 16 lengths, which nothing has fitted.
    private DiffusionModel WithBias()
    {
        DiffusionModel model = serving.Load(threads: 1);
        File.WriteAllText(
            Path.Combine(model.Path, LengthBias.FileName), $"{{\"bias\": [{string.Join(", ", Enumerable.Repeat("0.5", 16))}]}}");
        return DiffusionModel.Load(model.Path, KernelTable.Create(threads: 1));
    }
}
