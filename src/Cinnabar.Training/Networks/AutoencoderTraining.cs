// The autoencoder of a latent model: tokens → latents → codes → tokens. Loss per token
//
//   cross-entropy of every token given the latents, all at once (parallel decoder) or each after those before it (causal decoder)
//   + commitment β: mean over all numbers of (z − sg(e))²
//
// the gradient of the decoder passing the codes as if they were not there. With latent_noise the decoder sees latents with a little
// Gaussian noise, so that it bears what a denoiser gets wrong (LDLM, arXiv 2605.07933, does so as well).
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Networks;

/// <summary>Trains encoder, codes and decoder.</summary>
internal sealed class AutoencoderTraining : TrainedNetwork
{
    private const ulong NoiseStream = 1;
    private const ulong CodesStream = 2;

    private readonly TrainingOptions _options;
    private readonly LatentShape _shape;
    private readonly SequenceSource _source;
    private readonly LatentAutoencoder _network;
    private readonly VectorQuantizer? _quantizer;
    private readonly CodebookUpdate? _codes;
    private readonly Tape _tape;

    public AutoencoderTraining(TrainingOptions options, TrainingCheckpoint state, SequenceSource source, KernelTable kernels)
    {
        ModelConfig config = options.ModelConfig;
        (_options, _shape, _source) = (options, config.Latents!, source);
        _network = new LatentAutoencoder(config, state.Weights);
        if (_network.Codebook is Tensor codebook)
        {
            _quantizer = new VectorQuantizer(_shape, codebook, kernels);
            _codes = new CodebookUpdate(state, _shape, options.CodebookDecay);
        }

        _tape = new Tape(kernels, recording: true, options.MatMulPrecision(kernels.MatMul));
        FlopsPerToken = LatentFlops.OfAutoencoder(config);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Parameter> Parameters => _network.Parameters;

    /// <inheritdoc/>
    public override double FlopsPerToken { get; }

    /// <inheritdoc/>
    public override (double Loss, long Tokens) AddGradients(int step)
    {
        DeterministicRandom random = new DeterministicRandom(_options.Seed).Fork((ulong)step);
        SequenceDraw draw = _source.Draw(step, random);
        DeterministicRandom noise = random.Fork(NoiseStream);
        double loss = draw.Batches.Sum(batch => Accumulate(batch, draw.Counted, noise));
        return (loss, draw.Counted);
    }

    /// <inheritdoc/>
    public override void AfterUpdate(int step) =>
        _codes?.Move(new DeterministicRandom(_options.Seed).Fork((ulong)step).Fork(CodesStream));

    private double Accumulate(SequenceBatch batch, long counted, DeterministicRandom noise)
    {
        Variable latents = _network.Encode(_tape, batch.Ids, batch.Batch);
        double committed = 0;
        if (_quantizer is not null)
        {
            int[] codes = _quantizer.Nearest(latents.Value);
            _codes!.Add(latents.Value, codes);
            Tensor chosen = Tensor.Zeros(latents.Value.Shape);
            _quantizer.Lookup(codes, chosen);

            // A step has counted / s latents of d numbers.
            double pull = _options.Commitment * _shape.Downsampling / ((double)counted * _shape.Size);
            committed = pull * SquaredDistance(latents.Value.Floats, chosen.Floats);
            latents = _tape.StraightThrough(latents, chosen, (float)pull);
        }

        if (_options.LatentNoise > 0)
        {
            latents = Noisy(latents, noise);
        }

        Variable logits = _network.Logits(_tape, latents, batch.Ids, batch.Batch);
        float[] scales = new float[batch.Ids.Length];
        Array.Fill(scales, (float)(1.0 / counted));
        double loss = CrossEntropy(_tape, logits, batch.Ids, scales);
        _tape.Backward();
        return loss + committed;
    }

    private Variable Noisy(Variable latents, DeterministicRandom noise)
    {
        float[] ones = new float[latents.Value.Rows];
        float[] drawn = new float[latents.Value.Count];
        Array.Fill(ones, 1);
        for (int i = 0; i < drawn.Length; i++)
        {
            drawn[i] = (float)(_options.LatentNoise * noise.NextGaussian());
        }

        return _tape.Affine(latents, ones, drawn);
    }

    private static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0;
        for (int i = 0; i < b.Length; i++)
        {
            sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        }

        return sum;
    }
}
