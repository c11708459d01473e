using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>How tokens are drawn, and which may be drawn where: the same for all steps of a canvas.</summary>
internal sealed class DrawingRules
{
    private readonly CanvasTokens _tokens;
    private readonly int[] _inContinuation;
    private readonly int[] _inInfill;
    private readonly int[] _reviewedInContinuation;
    private readonly int[] _reviewedInInfill;
    private readonly int _vocabularySize;
    private uint[]? _masks;

    /// <summary>Makes the rules of canvases with these special ids.</summary>
    /// <param name="tokens">The special ids.</param>
    /// <param name="options">How tokens are drawn.</param>
    /// <param name="vocabularySize">V of the network.</param>
    /// <exception cref="CinnabarException">
    /// An option is outside its range, two contradict each other, or a special id is not in the vocabulary.
    /// </exception>
    public DrawingRules(CanvasTokens tokens, SamplerOptions options, int vocabularySize)
    {
        options.Validate();
        _tokens = tokens;
        _vocabularySize = vocabularySize;
        Options = options;
        MostProbable = options with { Temperature = 0 };
        _inContinuation = tokens.Forbidden(HoleKind.Continuation, options.AllowPadding);
        _inInfill = tokens.Forbidden(HoleKind.Infill);
        _reviewedInContinuation = [.. _inContinuation, .. tokens.EndsOf(HoleKind.Continuation)];
        _reviewedInInfill = [.. _inInfill, .. tokens.EndsOf(HoleKind.Infill)];
        CheckIds(_reviewedInContinuation, vocabularySize);
        CheckIds(_reviewedInInfill, vocabularySize);
        if (tokens.ExpandTokenId is int expand)
        {
            CheckIds([expand], vocabularySize);
        }
    }

    /// <summary>How a noisy position is drawn; valid.</summary>
    public SamplerOptions Options { get; }

    /// <summary>How a committed position is reviewed: its most probable token counts.</summary>
    public SamplerOptions MostProbable { get; }

    /// <summary>What is forbidden as bits, one mask of ⌈V/32⌉ words after the other (<see cref="MaskOf"/>).</summary>
    public ReadOnlySpan<uint> Masks => _masks ??= MakeMasks();

    /// <summary>Whether these are the rules of canvases with these special ids under these options.</summary>
    public bool Are(CanvasTokens tokens, SamplerOptions options) => _tokens == tokens && Options == options;

    /// <summary>What must not be drawn at a noisy position in a hole of this kind.</summary>
    public ReadOnlySpan<int> Forbidden(HoleKind kind) => kind == HoleKind.Infill ? _inInfill : _inContinuation;

    /// <summary>What must not replace a committed token: an edit never ends a hole.</summary>
    public ReadOnlySpan<int> ForbiddenInReview(HoleKind kind) =>
        kind == HoleKind.Infill ? _reviewedInInfill : _reviewedInContinuation;

    /// <summary>Which of <see cref="Masks"/> counts in a hole of this kind, at a noisy or a committed position.</summary>
    public static int MaskOf(HoleKind kind, bool isNoisy) => (kind == HoleKind.Infill ? 2 : 0) + (isNoisy ? 0 : 1);

    /// <summary>Throws unless the network knows all <paramref name="ids"/>.</summary>
    /// <exception cref="CinnabarException">An id is not in the vocabulary.</exception>
    public static void CheckIds(ReadOnlySpan<int> ids, int vocabularySize)
    {
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabularySize)
            {
                throw new CinnabarException(
                    $"Expected token ids below {vocabularySize} (the network's vocabulary), found {id}.",
                    "Use the tokenizer that belongs to this network.");
            }
        }
    }

    // In the order of MaskOf.
    private uint[] MakeMasks()
    {
        const int BitsOfWord = 32;
        int[][] lists = [_inContinuation, _reviewedInContinuation, _inInfill, _reviewedInInfill];
        int words = (_vocabularySize + BitsOfWord - 1) / BitsOfWord;
        uint[] masks = new uint[lists.Length * words];
        for (int mask = 0; mask < lists.Length; mask++)
        {
            foreach (int id in lists[mask])
            {
                masks[(mask * words) + (id / BitsOfWord)] |= 1u << (id % BitsOfWord);
            }
        }

        return masks;
    }
}
