// A canvas as its network reads it left to right. A continuation it reads as it stands; a hole with text behind it in the layout of
// Diffusion/FillInTheMiddle.cs, where the hole comes last:
//
//   canvas     prefix [hole] suffix
//   sequence   [bos] [mask] suffix [pad] prefix [hole]           text far from the hole is left out where it does not fit
//
// A hole of the canvas ends with padding, the middle of the sequence with end of text: their logits change places.
using System.Runtime.InteropServices;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Sampling;

/// <summary>The order in which one canvas is read left to right; not thread-safe.</summary>
/// <param name="config">Of the network.</param>
internal sealed class CausalLayout(ModelConfig config)
{
    private readonly FillInTheMiddle _middle = new(config);
    private readonly List<int> _rows = [];
    private int[] _sequence = [];
    private Hole _hole;
    private int _known; // positions of the sequence before the hole

    /// <summary>Number of positions.</summary>
    public int Length => _known + _hole.Length;

    /// <summary>
    /// Whether a canvas can be written left to right without passing over anything: it has one hole, whose end is its noise. That is a
    /// continuation; or it may end before its last position, since reading left to right does not know how long it is to become, the network
    /// was trained to fill it so, and text stands before it, which in training it nearly always did.
    /// </summary>
    /// <param name="canvas">The canvas.</param>
    /// <param name="config">Of the network; null: it cannot be read in two ways.</param>
    public static bool Takes(Canvas canvas, ModelConfig? config)
    {
        if (canvas.Holes is not [Hole hole])
        {
            return false;
        }

        int first = hole.Start;
        while (first < hole.End && canvas.StateOf(first) != PositionState.Noisy)
        {
            first++;
        }

        return canvas.NoisyCount == hole.End - first && (hole.Kind == HoleKind.Continuation
            || (config is { CausalInfill: true } && canvas.Ids[..hole.Start].ContainsAnyExcept(config.BosTokenId ?? -1)
                && canvas.Tokens.PaddingTokenId == config.PadTokenId
                && hole.LeastLength < hole.Length && !hole.Grows && new FillInTheMiddle(config).Fits(
                    hole.Start, canvas.Length - hole.Next, hole.Length, config.MaxSequenceLength)));
    }

    /// <summary>Starts with a canvas that it takes.</summary>
    public void Begin(Canvas canvas)
    {
        _hole = canvas.Holes[0];
        int[] known = _hole.Kind == HoleKind.Continuation
            ? canvas.Ids[.._hole.Start].ToArray()
            : _middle.PromptFor(canvas.Ids[.._hole.Start], canvas.Ids[_hole.Next..], _hole.Length, config.MaxSequenceLength);
        _known = known.Length;
        _sequence = [.. known, .. new int[_hole.Length]];
    }

    /// <summary>The ids of a canvas in the order of the sequence [<see cref="Length"/>]; until the next call.</summary>
    public ReadOnlySpan<int> Sequence(ReadOnlySpan<int> ids)
    {
        ids[_hole.Start.._hole.End].CopyTo(_sequence.AsSpan(_known));
        return _sequence;
    }

    /// <summary>Where positions of the hole are in the sequence; until the next call.</summary>
    public ReadOnlySpan<int> PositionsOf(List<int> positions)
    {
        _rows.Clear();
        foreach (int position in positions)
        {
            _rows.Add(position - _hole.Start + _known);
        }

        return CollectionsMarshal.AsSpan(_rows);
    }

    /// <summary>Makes of logits of the sequence those of the canvas.</summary>
    /// <param name="logits">[rows, V].</param>
    /// <param name="rows">How many.</param>
    public void Translate(Tensor logits, int rows)
    {
        for (int i = 0; i < rows && _hole.Kind == HoleKind.Infill; i++)
        {
            Span<float> row = logits.Row(i);
            (row[config.EosTokenId], row[config.PadTokenId]) = (row[config.PadTokenId], row[config.EosTokenId]);
        }
    }
}
