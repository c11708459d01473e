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
    public void Recipe_OfTheTwin_DiffersInLittleElse()
    {
        string recipes = Path.Combine(RepositoryFolder.Path, "recipes");
        TrainingOptions original = TrainingOptions.Load(Path.Combine(recipes, "csharp-12m.json"));
        TrainingOptions twin = TrainingOptions.Load(Path.Combine(recipes, "csharp-12m-ar.json"));
        Assert.Equal(TrainingObjective.Autoregressive, twin.Objective);
        ModelConfig leftToRight = original.ModelConfig with { AttentionKind = AttentionKind.Causal, ShiftLogits = true };
        Assert.Equal(leftToRight, twin.ModelConfig);
        TrainingOptions same = twin with { Objective = original.Objective, Output = original.Output, Model = original.Model };

        // Each objective shows holes in its own way, and the warm-up of the first run was not that of its twin.
        Assert.Equal(original, same with { InfillShare = original.InfillShare, WarmupSteps = original.WarmupSteps });
    }

    private static string ErrorOf(TrainingOptions options) => Assert.Throws<CinnabarException>(options.Validate).Message;
}
