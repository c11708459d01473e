// Learning rate by step s = 1 … S, with warm-up W, highest rate η and final share f:
//   warm-up (s ≤ W):   η·s/W
//   "cosine":          η·(f + (1−f)·½(1 + cos(π·(s−W)/(S−W))))
//   "wsd":             η until S − D, then linear to η·f at S; η to the end if D = 0   (warm-up, stable, decay; Hu et al. 2024, MiniCPM)
// The stable part of "wsd" does not know S, so a run can be prolonged before its decay begins.
namespace Cinnabar.Training;

/// <summary>The learning rate of each step.</summary>
public static class LearningRateSchedule
{
    /// <summary>η at step <paramref name="step"/>, counted from 1.</summary>
    public static double At(int step, TrainingOptions options)
    {
        if (step <= options.WarmupSteps)
        {
            return options.LearningRate * step / options.WarmupSteps;
        }

        double final = options.FinalLearningRateRatio;
        if (options.Schedule == "cosine")
        {
            double progress = (double)(step - options.WarmupSteps) / Math.Max(1, options.Steps - options.WarmupSteps);
            return options.LearningRate * (final + ((1 - final) * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, progress)))));
        }

        double left = options.DecaySteps == 0 ? 1 : (double)(options.Steps - step) / options.DecaySteps;
        return options.LearningRate * (left >= 1 ? 1 : final + ((1 - final) * Math.Max(0, left)));
    }
}
