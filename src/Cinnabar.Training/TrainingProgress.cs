using System.Text.Json.Serialization;

namespace Cinnabar.Training;

/// <summary>What one optimiser step did, reported as it ends.</summary>
/// <param name="Step">Step just done, from 1.</param>
/// <param name="Steps">Steps in all.</param>
/// <param name="Loss">Loss of the batch in nats per token, over the batch's mix of shapes.</param>
/// <param name="SmoothedLoss">Exponential average of the loss over about 50 steps.</param>
/// <param name="LearningRate">η of the step.</param>
/// <param name="GradientNorm">Global gradient norm before clipping.</param>
/// <param name="Tokens">Tokens seen since the run began.</param>
/// <param name="TokensPerSecond">Speed of this sitting, evaluation and checkpoints included.</param>
/// <param name="FlopsPerSecond">6·N·positions per second of the step alone, N without the embedding but with the head.</param>
/// <param name="HeldOutBitsPerByte">Likelihood of held-out text (exact, or the bound), when this step measured it.</param>
/// <param name="Checkpointed">Whether this step ended with a checkpoint.</param>
/// <param name="Remaining">Estimated time to the end.</param>
public sealed record TrainingProgress(
    int Step,
    int Steps,
    double Loss,
    double SmoothedLoss,
    double LearningRate,
    double GradientNorm,
    long Tokens,
    double TokensPerSecond,
    double FlopsPerSecond,
    double? HeldOutBitsPerByte,
    bool Checkpointed,
    TimeSpan Remaining);

/// <summary>Where a run stands: what a checkpoint stores beside the tensors.</summary>
public sealed record TrainingProgressMark
{
    /// <summary>Optimiser steps done.</summary>
    [JsonRequired]
    public int Step { get; set; }

    /// <summary>Tokens seen.</summary>
    [JsonRequired]
    public long Tokens { get; set; }

    /// <summary>Smoothed loss.</summary>
    [JsonRequired]
    public double SmoothedLoss { get; set; }

    /// <summary>Floating-point operations spent, 6·N·positions.</summary>
    [JsonRequired]
    public double Flops { get; set; }

    /// <summary>Last measured likelihood of held-out text in bits per byte; 0 if there was none yet.</summary>
    [JsonRequired]
    public double HeldOutBitsPerByte { get; set; }
}
