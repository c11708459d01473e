// A discriminator that tells latents of text from those that a denoiser guesses, and the denoiser's wish to be taken for text.
//
//   D: [B·n, d] → in → transformer blocks → RMSNorm → one number a latent
//   discriminator   mean max(0, 1 − D(x)) + mean max(0, 1 + D(x̂))  + γ · mean (D(x) − D(x + 0.1 ξ))²      hinge (Lim & Ye 2017)
//   denoiser        − w · ramp · mean α(t)² D(x̂),  ramp = 0 in the first fifth of the steps, then rising to 1 over the next fifth
//
// α², as for the cross-entropy of tokens: x̂ of much noise is rightly a mean of many texts, and no text.
// The last term of the discriminator stands for R1: the squared change of D along a random direction has the squared gradient's norm as its
// mean, up to a factor, and needs no gradient of a gradient (Lin et al. 2025, APT, arXiv 2501.08316).
// The denoiser's pass leaves gradients in the discriminator's weights; they are thrown away before its own are worked out, on the same
// latents, so both move in the same step.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Training.Networks;

/// <summary>The discriminator of a run, and both sides' losses.</summary>
internal sealed class AdversarialLoss
{
    private const double Nudge = 0.1;
    private const double PenaltyWeight = 10;

    private readonly TrainingOptions _options;
    private readonly LatentDiscriminator _network;
    private readonly Tape _tape;
    private readonly int _size;
    private readonly List<(float[] Real, float[] Guessed, float[] Nudged, int Batch)> _seen = [];

    public AdversarialLoss(TrainingOptions options, TrainingCheckpoint state, Tape tape)
    {
        (_options, _tape) = (options, tape);
        ModelConfig config = options.ModelConfig;
        _size = config.Latents!.Size;
        _network = new LatentDiscriminator(config, state.Weights);
    }

    /// <summary>The discriminator's tensors.</summary>
    public IReadOnlyList<Parameter> Parameters => _network.Parameters;

    /// <summary>Adds the denoiser's loss on a pass, and remembers the pass.</summary>
    /// <param name="guessed">x̂ [M, d].</param>
    /// <param name="real">x, as many numbers.</param>
    /// <param name="latents">What x̂ was guessed from.</param>
    /// <param name="batch">B.</param>
    /// <param name="step">From 1.</param>
    /// <param name="noise">Draws ξ.</param>
    /// <returns>The loss.</returns>
    public double Accumulate(
        Variable guessed, float[] real, NoisyLatents latents, int batch, int step, DeterministicRandom noise)
    {
        float[] nudged = [.. real.Select(x => (float)(x + (Nudge * noise.NextGaussian())))];
        _seen.Add((real, guessed.Value.Floats.ToArray(), nudged, batch));
        double ramp = Math.Clamp((5.0 * step / _options.Steps) - 1, 0, 1);
        if (ramp == 0)
        {
            return 0;
        }

        Variable scores = _network.Scores(_tape, guessed, batch);
        double weight = _options.AdversarialWeight * ramp / PassesOf(batch) / scores.Value.Count;
        float[] gradient = new float[scores.Value.Count];
        double loss = 0;
        for (int row = 0; row < gradient.Length; row++)
        {
            double own = weight * latents.SignalOf(row) * latents.SignalOf(row);
            loss -= own * scores.Value.Floats[row];
            gradient[row] = (float)-own;
        }

        _tape.AddGradient(scores, gradient);
        return loss;
    }

    /// <summary>Works out the discriminator's gradients on all passes of the step, in the place of what others left there.</summary>
    public void AddOwnGradients()
    {
        foreach (Parameter parameter in Parameters)
        {
            parameter.ZeroGradient();
        }

        foreach ((float[] real, float[] guessed, float[] nudged, int batch) in _seen)
        {
            float[] realScores = Score(real, batch);
            float[] nudgedScores = Score(nudged, batch);
            double weight = 1.0 / PassesOf(batch) / realScores.Length;
            Follow(real, batch, (score, i) =>
                weight * ((score < 1 ? -1 : 0) + (2 * PenaltyWeight * (score - nudgedScores[i]))));
            Follow(nudged, batch, (score, i) => weight * 2 * PenaltyWeight * (score - realScores[i]));
            Follow(guessed, batch, (score, _) => weight * (score > -1 ? 1 : 0));
        }

        _seen.Clear();
    }

    private int PassesOf(int batch) => _options.BatchSize / batch;

    private Variable Scores(float[] latents, int batch) =>
        _network.Scores(_tape, _tape.Input(latents, latents.Length / _size, _size), batch);

    private float[] Score(float[] latents, int batch)
    {
        float[] scores = Scores(latents, batch).Value.Floats.ToArray();
        _tape.Reset();
        return scores;
    }

    // gradient: ∂loss/∂score of each latent.
    private void Follow(float[] latents, int batch, Func<float, int, double> gradient)
    {
        Variable scores = Scores(latents, batch);
        float[] values = scores.Value.Floats.ToArray();
        _tape.AddGradient(scores, [.. values.Select((score, i) => (float)gradient(score, i))]);
        _tape.Backward();
    }
}
