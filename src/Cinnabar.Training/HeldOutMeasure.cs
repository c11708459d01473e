// How well the averaged weights of a run predict held-out text, in bits per byte, always on the same text under the same noise:
//
//   windows, masked diffusion     the likelihood bound, one sample each of windows spread over the split (LikelihoodBound)
//   windows, autoregressive       the exact likelihood of the same windows
//   examples, block diffusion     the loss of the run's own objective with the weights of the bound (1/t, every masking rate): bits per
//                                 byte of what is wanted
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <summary>Measures a network on the validation split of its corpus.</summary>
internal sealed class HeldOutMeasure : IHeldOutMeasure
{
    private const ulong Seed = 20_240_229;

    // Fewer examples, or fewer windows, than this are measured several times, each time with other noise.
    private const int FewWindows = 64;

    private readonly TrainingOptions _options;
    private readonly TransformerDenoiser _network;
    private readonly KernelTable _kernels;
    private readonly Tokenizer _tokenizer;
    private readonly TokenDataset _heldOut;
    private readonly Tape _tape;
    private readonly TrainingObjective? _objective; // null: windows of text are measured

    /// <summary>Opens the validation split.</summary>
    /// <param name="options">Corpus, objective and sizes.</param>
    /// <param name="network">The weights to measure.</param>
    /// <param name="tokenizer">Of the corpus.</param>
    /// <param name="kernels">Where it runs.</param>
    public HeldOutMeasure(TrainingOptions options, TransformerDenoiser network, Tokenizer tokenizer, KernelTable kernels)
    {
        _options = options;
        _network = network;
        _kernels = kernels;
        _tokenizer = tokenizer;
        _heldOut = TokenDataset.Open(options.Corpus, "validation");
        _tape = new Tape(kernels, recording: false, MatMulPrecision.BF16);

        // What is wrong with the split shall not show only when it is first measured.
        bool isOfObjective = _heldOut.HasQuestions || options.Objective == TrainingObjective.BlockDiffusion;
        _objective = isOfObjective && _heldOut.TokenCount > 0 ? Objective() : null;
    }

    /// <inheritdoc/>
    public bool HasText => _heldOut.TokenCount > 0;

    /// <inheritdoc/>
    public double? BitsPerByte()
    {
        if (!HasText)
        {
            return null;
        }

        foreach (Parameter parameter in _network.Parameters)
        {
            parameter.Changed();
        }

        return _objective is null ? OfWindows() : Of(_objective);
    }

    private double OfWindows()
    {
        List<int[]> windows = _heldOut.Windows(_options.SequenceLength, _options.EvaluationWindows);
        LikelihoodEstimate total = _options.ModelConfig.IsAutoregressive
            ? new AutoregressiveLikelihood(_network, _kernels).OfWindows(windows)
            : new LikelihoodBound(_network, _kernels).EstimateWindows(windows, Seed);
        return total.BitsPer(windows.Sum(window => BytesOf(window))).Nats;
    }

    private TrainingObjective Objective()
    {
        int there = _heldOut.HasQuestions ? _heldOut.DocumentCount : (int)(_heldOut.TokenCount / _options.SequenceLength);
        bool fits = _heldOut.HasQuestions || _heldOut.TokenCount >= _options.SequenceLength;
        TrainingOptions bound = _options with
        {
            Seed = Seed,
            BatchSize = Math.Min(_options.EvaluationWindows, Math.Max(FewWindows, there)),
            MicroBatchSize = 1,
            SequenceLength = fits ? _options.SequenceLength : (int)_heldOut.TokenCount,
            InfillShare = 0,
            ContinuationShare = 0,
            RandomLengthShare = 0,
            AnswerPadding = 0,
            NoiseEpsilon = NoiseSchedule.MinimumTime,
            MaxMaskRate = 1,
            TimeWeight = NoiseTimes.Elbo,
            SeparateTimes = false,
            ExpandShare = 0,
            TailShare = 0,
            CausalShare = 0,
        };
        return TrainingObjective.Create(bound, _heldOut, _tokenizer);
    }

    private double Of(TrainingObjective objective)
    {
        SequenceDraw clean = objective.DrawClean(1);
        long bytes = clean.Batches.Sum(batch => BytesOf(batch.Ids.Where((_, i) => batch.Wanted[i])));
        double nats = 0;
        foreach (TrainingBatch batch in objective.Draw(1).Where(batch => batch.Rows.Length > 0))
        {
            _tape.Reset();
            Variable logits = _network.Forward(_tape, batch.Ids, batch.Batch, batch.Rows, batch.ValidLengths, batch.HasNoisyHalf);
            ReadOnlySpan<float> losses = _tape.CrossEntropy(logits, batch.Targets, batch.Scales).Floats;
            for (int r = 0; r < batch.Rows.Length; r++)
            {
                nats += batch.Scales[r] * (double)losses[r];
            }
        }

        return nats * clean.Counted / Math.Max(1, bytes) / Math.Log(2);
    }

    private long BytesOf(IEnumerable<int> ids) => ids.Sum(id => (long)_tokenizer.ByteLength(id));
}
