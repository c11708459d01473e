using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests;

/// <summary>Which objectives there are, and which models they take.</summary>
public sealed class ObjectiveOptionsTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Fact]
    public void Validate_UnknownObjective_ListsTheKnown()
    {
        string message = ErrorOf(runs.Options("x") with { Objective = "next_token" });
        Assert.Contains("\"objective\"", message, StringComparison.Ordinal);
        Assert.Contains("\"masked_diffusion\", \"block_diffusion\", \"autoregressive\"", message, StringComparison.Ordinal);
        Assert.Contains("\"next_token\"", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AttentionKind.Full, false, "attention_kind \"causal\", found attention_kind \"full\"")]
    [InlineData(AttentionKind.Full, true, "attention_kind \"causal\", found attention_kind \"full\"")]
    [InlineData(AttentionKind.BlockCausal, true, "attention_kind \"causal\", found attention_kind \"block_causal\"")]
    [InlineData(AttentionKind.Causal, false, "shift_logits true, found shift_logits false")]
    public void Validate_AutoregressiveObjectiveOfAnotherModel_NamesTheKey(AttentionKind kind, bool shift, string expected)
    {
        ModelConfig config = runs.Config with { AttentionKind = kind, ShiftLogits = shift };
        Assert.Contains(
            expected, ErrorOf(runs.Options("x", config) with { Objective = TrainingObjective.Autoregressive }), StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_MaskedDiffusionOfAnAutoregressiveModel_IsRefused()
    {
        TrainingOptions options = runs.Options("x", runs.AutoregressiveConfig);
        options.Validate();
        string message = ErrorOf(options with { Objective = TrainingObjective.MaskedDiffusion });
        Assert.Contains("both sides of a mask", message, StringComparison.Ordinal);
        Assert.Contains("attention_kind \"causal\" with shift_logits true", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_CausalShare_NeedsShiftedLogits()
    {
        (runs.Options("x", runs.Config with { ShiftLogits = true }) with { CausalShare = 0.5 }).Validate();
        Assert.Contains(
            "\"causal_share\" should be 0 for a model without shift_logits",
            ErrorOf(runs.Options("x") with { CausalShare = 0.5 }),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Validate_SharesAndLengths_AreThoseOfTheObjective()
    {
        // Its continuation share does not count, and a sequence has room for the markers of the layout.
        TrainingOptions options = runs.Options("x", runs.AutoregressiveConfig) with { InfillShare = 1 };
        options.Validate();
        Assert.Contains("continuation_share", ErrorOf(runs.Options("x") with { InfillShare = 1 }), StringComparison.Ordinal);
        (options with { SequenceLength = AutoregressiveObjective.MinSequenceLength }).Validate();
        Assert.Contains("sequence_length", ErrorOf(options with { SequenceLength = 7 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Recipes_OfTheShippedModelAndItsTwin_DifferInLittleElse()
    {
        string recipes = Path.Combine(RepositoryFolder.Path, "recipes");
        TrainingOptions shipped = TrainingOptions.Load(Path.Combine(recipes, "csharp-12m.json"));
        TrainingOptions twin = TrainingOptions.Load(Path.Combine(recipes, "csharp-12m-ar.json"));
        Assert.Equal(TrainingObjective.Autoregressive, twin.Objective);
        Assert.Equal(shipped.ModelConfig with { AttentionKind = AttentionKind.Causal }, twin.ModelConfig);
        TrainingOptions same = twin with
        {
            Objective = shipped.Objective,
            Output = shipped.Output,
            Model = shipped.Model,
            InfillShare = shipped.InfillShare,
            CausalShare = shipped.CausalShare,
            TailShare = shipped.TailShare,
            SeparateTimes = shipped.SeparateTimes,
        };
        Assert.Equal(shipped, same);
    }

    [Fact]
    public void Validate_KeyThatTheObjectiveDoesNotRead_IsRefused()
    {
        TrainingOptions left = runs.Options("x", runs.AutoregressiveConfig);
        Assert.Contains("tail_share", ErrorOf(left with { TailShare = 0.3 }), StringComparison.Ordinal);
        Assert.Contains("separate_times", ErrorOf(left with { SeparateTimes = true }), StringComparison.Ordinal);
        Assert.Contains("token_weight", ErrorOf(runs.Options("x") with { TokenWeight = 0.1 }), StringComparison.Ordinal);
        Assert.Contains("latent_noise", ErrorOf(runs.Options("x") with { LatentNoise = 0.1 }), StringComparison.Ordinal);
        (runs.Options("x") with { TailShare = 0.3, SeparateTimes = true }).Validate();
    }

    private static string ErrorOf(TrainingOptions options) => Assert.Throws<CinnabarException>(options.Validate).Message;
}
