// Windows of text for a network that reads left to right, every token of them wanted. A share of the sequences is a row of
// fill-in-the-middle examples (Bavarian et al. 2022): each is a window of its own, 48 tokens to all that is left, split at two places and
// laid out as Diffusion/FillInTheMiddle.cs says, so that the network learns to fill a hole whose surroundings it has read. A middle is
// shaped like the holes of HoleShapes, and ends where its document ends, since end of text ends it. Several examples a sequence, because
// middles are short: one example a sequence would leave them a fiftieth of the loss, and after 13 million tokens such a network still
// could not find the place its middle belongs to.
using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws windows and rows of fill-in-the-middle examples.</summary>
/// <param name="data">At least one sequence long.</param>
/// <param name="options">Sizes and infill_share.</param>
/// <param name="holes">How middles lie in text.</param>
/// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
public sealed class MiddleWindows(TokenDataset data, TrainingOptions options, HoleShapes holes) : WindowSource(data, options)
{
    /// <summary>Share of fill-in-the-middle sequences when a configuration has no infill_share.</summary>
    public const double DefaultInfillShare = 0.5;

    private const int MinExampleLength = 48;

    private readonly FillInTheMiddle _layout = new(options.ModelConfig);
    private readonly double _infillShare = options.InfillShare ?? DefaultInfillShare;
    private readonly int _eosTokenId = options.ModelConfig.EosTokenId;

    /// <inheritdoc/>
    protected override int DrawSequence(Span<int> sequence, Span<bool> wanted, DeterministicRandom random)
    {
        wanted.Fill(true);
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

        return sequence.Length;
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
        (int start, int length) = holes.Choose(window, random);
        int documentEnd = Array.IndexOf(window, _eosTokenId, start, length);
        return (start, documentEnd >= 0 ? documentEnd : start + length);
    }
}
