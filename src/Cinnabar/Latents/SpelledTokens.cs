using Cinnabar.Diffusion;

namespace Cinnabar.Latents;

/// <summary>Which tokens may be written where latents are spelled.</summary>
internal sealed class SpelledTokens
{
    private readonly bool[] _forbidden;
    private readonly int[] _ends;
    private readonly int _least;

    /// <summary>Allows all tokens.</summary>
    /// <param name="vocabularySize">V.</param>
    public SpelledTokens(int vocabularySize) => (_forbidden, _ends) = (new bool[vocabularySize], []);

    /// <summary>Allows what a hole may hold, and the ends of texts of either kind: training knows one.</summary>
    /// <param name="vocabularySize">V.</param>
    /// <param name="tokens">The special ids of the canvas.</param>
    /// <param name="hole">The hole.</param>
    public SpelledTokens(int vocabularySize, CanvasTokens tokens, Hole hole)
        : this(vocabularySize)
    {
        End = tokens.EndsOf(hole.Kind).Cast<int?>().FirstOrDefault();
        _least = hole.LeastLength;
        IEnumerable<int> ends = tokens.EndsOf(HoleKind.Continuation).Union(tokens.EndsOf(HoleKind.Infill));
        _ends = End is null ? [] : [.. ends];
        foreach (int id in tokens.Forbidden(hole.Kind, allowPadding: true).Except(_ends))
        {
            _forbidden[id] = true;
        }
    }

    /// <summary>What ends the text of the hole; null: it fills the hole.</summary>
    public int? End { get; }

    /// <summary>Where the text ends; −1: nowhere.</summary>
    /// <param name="ids">What was spelled.</param>
    public int EndOf(ReadOnlySpan<int> ids) => ids.IndexOfAny(_ends);

    /// <summary>The likeliest token and its probability among those that may be written.</summary>
    /// <param name="logits">[V] or more.</param>
    /// <param name="place">Position in the hole, from 0.</param>
    /// <exception cref="CinnabarException">A logit is NaN.</exception>
    public (int Id, float Probability) Likeliest(ReadOnlySpan<float> logits, int place)
    {
        bool mayEnd = place >= _least;
        int best = -1;
        double sum = 0;
        for (int id = 0; id < _forbidden.Length; id++)
        {
            best = MayBe(id, mayEnd) && (best < 0 || logits[id] > logits[best]) ? id : best;
        }

        for (int id = 0; id < _forbidden.Length; id++)
        {
            sum += MayBe(id, mayEnd) ? Math.Exp(logits[id] - logits[best]) : 0;
        }

        return double.IsFinite(sum) ? (best, (float)(1 / sum)) : throw new CinnabarException(
            "Expected finite logits from the decoder of latents, found NaN.", "Check that the model is complete and was not damaged.");
    }

    private bool MayBe(int id, bool mayEnd) => !_forbidden[id] && (mayEnd || Array.IndexOf(_ends, id) < 0);
}
