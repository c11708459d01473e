// The denoiser of a latent model, behind an encoder that is finished. For each sequence of n latents x of d numbers, a time t and noise ε:
//
//   z = α(t) x + σ(t) ε, but x itself where it is known      v = α ε − σ x      v̂ = network(z, x̂', t)
//   loss = Σ over the numbers that are not known of (v̂ − v)², divided by the number of all
//
// What each switch adds, all off by default but the first two:
//   condition_share          share of sequences with a known prefix, suffix or both; the others know nothing, which guidance needs
//   self_conditioning_share  share of passes that are given x̂' of a pass before, without a gradient (Chen et al. 2022); the others zeros
//   noise_curriculum         "low_first": times from [0, 0.3] at the first step, from [0, 1] after half of the steps
//   token_weight w           + w · mean over tokens of α(t)² · cross-entropy of the text decoded from x̂ = α z − σ v̂ (Difformer's anchor
//                            loss through a decoder); α² because x̂ of pure noise is a mean that is no text
//   adversarial_weight w     − w · ramp · mean of α(t)² D(x̂), AdversarialLoss
//
// Times are stratified over the sequences of a step.
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Networks;

/// <summary>Trains the denoiser.</summary>
internal sealed class LatentDiffusionTraining : TrainedNetwork
{
    private const ulong NoiseStream = 1;
    private const double FirstTimes = 0.3;

    private readonly TrainingOptions _options;
    private readonly int _padTokenId;
    private readonly LatentShape _shape;
    private readonly GaussianSchedule _schedule;
    private readonly SequenceSource _source;
    private readonly LatentAutoencoder _autoencoder;
    private readonly LatentUNet _network;
    private readonly AdversarialLoss? _adversary;
    private readonly Tape _tape;
    private readonly Tape _encoding;

    public LatentDiffusionTraining(TrainingOptions options, TrainingCheckpoint state, SequenceSource source, KernelTable kernels)
    {
        ModelConfig config = options.ModelConfig;
        (_options, _shape, _source) = (options, config.Latents!, source);
        _padTokenId = config.PadTokenId;
        _schedule = _shape.Denoiser!.Schedule;
        _autoencoder = new LatentAutoencoder(config, state.Weights);
        _network = new LatentUNet(config, state.Weights);
        _tape = new Tape(kernels, recording: true, options.MatMulPrecision(kernels.MatMul));
        _encoding = new Tape(kernels, recording: false);
        _adversary = options.AdversarialWeight > 0 ? new AdversarialLoss(options, state, _tape) : null;
        Parameters = _adversary is null ? _network.Parameters : [.. _network.Parameters, .. _adversary.Parameters];
        FlopsPerToken = LatentFlops.OfDenoiser(config, options.SelfConditioningShare);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters { get; }

    /// <inheritdoc/>
    public override double FlopsPerToken { get; }

    /// <inheritdoc/>
    public override (double Loss, long Tokens) AddGradients(int step)
    {
        DeterministicRandom random = new DeterministicRandom(_options.Seed).Fork((ulong)step);
        SequenceDraw draw = _source.Draw(step, random);
        DeterministicRandom noise = random.Fork(NoiseStream);
        double longest = _options.NoiseCurriculum == TrainingOptions.LowNoiseFirst
            ? Math.Min(1, FirstTimes + ((1 - FirstTimes) * 2 * step / _options.Steps))
            : 1;
        double[] times = NoiseSchedule.Times(_options.BatchSize, noise, GaussianSchedule.MinimumTime, longest);
        noise.Shuffle(times.AsSpan());
        double loss = 0;
        for (int i = 0, next = 0; i < draw.Batches.Count; i++)
        {
            SequenceBatch batch = draw.Batches[i];
            loss += Accumulate(batch, times.AsSpan(next, batch.Batch), draw.Counted, step, noise);
            next += batch.Batch;
        }

        _adversary?.AddOwnGradients();
        return (loss, draw.Counted);
    }

    private double Accumulate(SequenceBatch batch, ReadOnlySpan<double> times, long counted, int step, DeterministicRandom noise)
    {
        bool[] known = Revealed(batch, noise);
        float[] clean = Encode(batch.Ids, batch.Batch);
        UseWhatIsKnown(clean, known, batch);
        NoisyLatents latents = NoisyLatents.Draw(clean, known, times, _schedule, noise);
        float[] before = new float[clean.Length];
        if (noise.NextDouble() < _options.SelfConditioningShare)
        {
            Variable guess = _network.Velocity(_tape, latents.Noisy, before, latents.Known, times);
            latents.CleanOf(guess.Value.Floats).CopyTo(before, 0);
            _tape.Reset();
        }

        Variable velocity = _network.Velocity(_tape, latents.Noisy, before, latents.Known, times);
        double weight = (double)_shape.Downsampling / ((double)counted * _shape.Size);
        (double loss, float[] gradient) = latents.SquaredError(velocity.Value.Floats, weight);
        _tape.AddGradient(velocity, gradient);
        if (_options.TokenWeight > 0 || _adversary is not null)
        {
            Variable cleaned = _tape.Affine(velocity, latents.NegativeNoise, latents.ScaledNoisy);
            loss += _options.TokenWeight > 0 ? TokenLoss(cleaned, batch, latents, counted) : 0;
            loss += _adversary?.Accumulate(cleaned, clean, latents, batch.Batch, step, noise) ?? 0;
        }

        _tape.Backward();
        return loss;
    }

    private float[] Encode(int[] ids, int batch)
    {
        _encoding.Reset();
        return _autoencoder.Encode(_encoding, ids, batch).Value.Floats.ToArray();
    }

    // Of some sequences a prefix, a suffix or both, at least one latent left to be denoised.
    private bool[] Revealed(SequenceBatch batch, DeterministicRandom random)
    {
        int length = batch.Length / _shape.Downsampling;
        bool[] known = new bool[batch.Batch * length];
        for (int sequence = 0; sequence < batch.Batch; sequence++)
        {
            if (random.NextDouble() < _options.ConditionShare)
            {
                (int kind, int unknown) = (random.NextInt(3), 1 + random.NextInt(length));
                int first = kind == 0 ? length - unknown : kind == 1 ? 0 : random.NextInt(length - unknown + 1);
                known.AsSpan(sequence * length, first).Fill(true);
                known.AsSpan((sequence * length) + first + unknown, length - first - unknown).Fill(true);
            }
        }

        return known;
    }

    // Latents tell of the text around theirs. A writer knows no more than the known text, so known latents are those of the known text
    // alone, padding in the place of the rest.
    private void UseWhatIsKnown(float[] clean, bool[] known, SequenceBatch batch)
    {
        if (!known.Contains(true))
        {
            return;
        }

        int[] ids = [.. batch.Ids.Select((id, i) => known[i / _shape.Downsampling] ? id : _padTokenId)];
        float[] alone = Encode(ids, batch.Batch);
        for (int i = 0; i < clean.Length; i++)
        {
            clean[i] = known[i / _shape.Size] ? alone[i] : clean[i];
        }
    }

    // The decoder's own weights get gradients here too, which nobody reads.
    private double TokenLoss(Variable cleaned, SequenceBatch batch, NoisyLatents latents, long counted)
    {
        Variable logits = _autoencoder.Logits(_tape, cleaned, batch.Ids, batch.Batch);
        float[] scales = new float[batch.Ids.Length];
        for (int i = 0; i < scales.Length; i++)
        {
            int latent = i / _shape.Downsampling;
            double signal = latents.SignalOf(latent);
            scales[i] = latents.Known[latent] ? 0 : (float)(_options.TokenWeight * signal * signal / counted);
        }

        return CrossEntropy(_tape, logits, batch.Ids, scales);
    }
}
