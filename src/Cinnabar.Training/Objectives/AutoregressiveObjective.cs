// Next-token cross-entropy, for the twin that writes left to right:
//
//   loss = 1/(B·L) · Σ_b Σ_{i=1}^{L−1} −log f(x_b^i | x_b^0 … x_b^{i−1})
//
// Normalised over all B·L tokens, like the masked-diffusion loss; nothing stands before position 0, so it is no row of the loss. Rows
// are named by the position of their target: with shifted logits TransformerDenoiser answers row i from its output at i − 1.
//
// A sequence is a window of the corpus, or, for a share of them, a row of fill-in-the-middle examples (Bavarian et al. 2022): each is a
// window of its own, 48 tokens to all that is left, split at two places and laid out as Diffusion/FillInTheMiddle.cs says, so that the
// network learns to fill a hole whose surroundings it has read. A middle is shaped like the holes of HoleShapes, and ends where its
// document ends, since end of text ends it. Every token is predicted, markers included. Several examples a sequence, because middles are
// short: one example a sequence would leave them a fiftieth of the loss, and after 13 million tokens such a network still could not
// find the place its middle belongs to.
using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws batches of clean text for an autoregressive model from a corpus.</summary>
public sealed class AutoregressiveObjective : TrainingObjective
{
    /// <summary>Share of fill-in-the-middle sequences when a configuration has no infill_share.</summary>
    public const double DefaultInfillShare = 0.5;

    /// <summary>Fewest tokens of a sequence: the markers of the layout and a few of text.</summary>
    public const int MinSequenceLength = 8;

    private const int MinExampleLength = 48;

    private readonly HoleShapes _holes;
    private readonly FillInTheMiddle _layout;
    private readonly double _infillShare;
    private readonly int _eosTokenId;

    /// <summary>Prepares drawing.</summary>
    /// <param name="data">Where windows of text come from; at least one sequence long.</param>
    /// <param name="options">Batch sizes, infill_share and seed.</param>
    /// <param name="holes">How middles lie in text.</param>
    /// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
    public AutoregressiveObjective(TokenDataset data, TrainingOptions options, HoleShapes holes)
        : base(data, options)
    {
        _holes = holes;
        _layout = new FillInTheMiddle(options.ModelConfig);
        _infillShare = options.InfillShare ?? DefaultInfillShare;
        _eosTokenId = options.ModelConfig.EosTokenId;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<TrainingBatch> Draw(int step)
    {
        DeterministicRandom random = RandomOf(step);
        int length = Options.SequenceLength;
        int micro = Options.MicroBatchSize;
        float scale = (float)(1.0 / Options.BatchSize / length);
        List<TrainingBatch> batches = [];
        for (int first = 0; first < Options.BatchSize; first += micro)
        {
            int[] ids = new int[micro * length];
            for (int b = 0; b < micro; b++)
            {
                DrawSequence(ids.AsSpan(b * length, length), random);
            }

            int[] rows = [.. Enumerable.Range(0, ids.Length).Where(i => i % length != 0)];
            int[] targets = Array.ConvertAll(rows, row => ids[row]);
            int[] valid = new int[micro];
            Array.Fill(valid, length);
            float[] scales = new float[rows.Length];
            Array.Fill(scales, scale);
            batches.Add(new TrainingBatch(ids, micro, valid, rows, targets, scales));
        }

        return batches;
    }

    private void DrawSequence(Span<int> sequence, DeterministicRandom random)
    {
        Span<int> left = sequence;
        if (random.NextDouble() < _infillShare)
        {
            while (left.Length >= Math.Min(MinExampleLength, sequence.Length))
            {
                int length = left.Length - random.NextInt(Math.Max(left.Length - MinExampleLength, 0) + 1);
                DrawExample(left[..length], random);
                left = left[length..];
            }
        }

        if (left.Length > 0)
        {
            ReadWindow(left, random);
        }
    }

    private void DrawExample(Span<int> example, DeterministicRandom random)
    {
        int[] window = new int[example.Length - _layout.MarkerCount];
        ReadWindow(window, random);
        (int start, int end) = ChooseMiddle(window, random);
        _layout.Sequence(window.AsSpan(0, start), window.AsSpan(start..end), window.AsSpan(end)).CopyTo(example);
    }

    /// <summary>Splits a window: the middle is what lies from Start to before End, and ends where its document ends.</summary>
    internal (int Start, int End) ChooseMiddle(int[] window, DeterministicRandom random)
    {
        (int start, int length) = _holes.Choose(window, random);
        int documentEnd = Array.IndexOf(window, _eosTokenId, start, length);
        return (start, documentEnd >= 0 ? documentEnd : start + length);
    }
}
