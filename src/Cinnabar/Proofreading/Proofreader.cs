// Finds places of a text that are probably wrong, and what may stand there: a masked diffusion model knows
// p(token | everything on both sides).
//
//   surprise of a token     −log2 p(x_i | both sides)                                            TokenJudge.cs
//   suspicion of a token    p(best) · (log2 p(best) − log2 p(x_i)), the leading term of Σ_v p(v) (log2 p(v) − log2 p(x_i)): high
//                           where this token is improbable and another probable, low where all are improbable, as at a new name
//   score of a place        the largest suspicion of its tokens
//
// 1. Every token is judged. A text longer than L, the context but at most MostContext, is read in windows of L tokens; the L/8 at either
//    side that is not an end of the text is judged by the window beside, so each token is judged with L/8 tokens or more on both sides.
// 2. At the words of the highest score edits are tried (EditSearch.cs). Blank tokens are judged, but are no places.
// 3. Places whose best edit explains the text better than no edit are the suggestions: the place by its score, the replacement by its
//    neighbourhood.
//
// An autoregressive model knows the left side only: its suspicion is one-sided, its windows overlap by half. A block-causal network sees
// the rest of its block besides, and was trained with masks in its last block alone, so several places cannot share a pass: refused.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;

namespace Cinnabar.Proofreading;

/// <summary>Proofreads texts of any length with one model. Deterministic; not thread-safe.</summary>
/// <example>
/// <code>
/// Proofreader proofreader = new(DiffusionModel.Load("csharp-12m"));
/// foreach (Suggestion place in proofreader.Read(code).Suggestions)
/// {
///     Console.WriteLine($"{place.Line}:{place.Column} {place.Text} → {place.Replacements[0].Text}");
/// }
/// </code>
/// </example>
public sealed partial class Proofreader
{
    private const int LeastContext = 16;
    private const int MostContext = 2048; // what is further away says little, and logits of a pass grow with it

    private readonly ProofreadingOptions _options;
    private readonly Tokenizer _tokenizer;
    private readonly TokenWords _words;
    private readonly TokenJudge _judge;
    private readonly EditSearch _search;
    private readonly int[] _begin;
    private readonly int _context;

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The model; nothing else may use it meanwhile.</param>
    /// <param name="options">What is looked for; null: the defaults.</param>
    /// <exception cref="CinnabarException">
    /// Its noise is random tokens, it is block-causal, its context shorter than 16 tokens, or an option out of range.
    /// </exception>
    public Proofreader(DiffusionModel model, ProofreadingOptions? options = null)
        : this(
            (model ?? throw new ArgumentNullException(nameof(model))).Denoiser,
            model.Tokenizer,
            model.TokensFor(exactLength: true),
            model.Config.IsAutoregressive,
            model.Config.BosTokenId is int bos ? [bos] : [],
            options)
    {
    }

    internal Proofreader(
        IDenoiser denoiser,
        Tokenizer tokenizer,
        CanvasTokens tokens,
        bool isAutoregressive,
        int[] begin,
        ProofreadingOptions? options = null)
    {
        denoiser.RequireMask("proofreading");
        if (!isAutoregressive && !SeesBothSides(denoiser))
        {
            throw new CinnabarException(
                "Expected for proofreading a network that sees the text on both sides of every token, or an autoregressive one, "
                + "found one that sees nothing behind a token or its block.",
                "Use a masked-diffusion model with full attention.");
        }

        _options = options ?? new ProofreadingOptions();
        _options.Validate();
        if (denoiser.MaxLength < LeastContext)
        {
            throw new CinnabarException(
                $"Expected for proofreading a context of {LeastContext} tokens or more, found one of {denoiser.MaxLength}.",
                "Use another model.");
        }

        (_tokenizer, _begin, _context) = (tokenizer, begin, Math.Min(denoiser.MaxLength, MostContext));
        _words = new TokenWords(tokenizer);
        _judge = new TokenJudge(denoiser, _words, tokens.Forbidden(HoleKind.Infill), isAutoregressive);
        EditProposals proposals = new(_judge, _words, tokens.MaskTokenId);
        _search = new EditSearch(_judge, proposals, tokenizer, begin, denoiser.MaxLength, _options.Alternatives);
    }

    /// <summary>Proofreads a text.</summary>
    /// <param name="text">The text; an empty one has no suggestions.</param>
    /// <param name="progress">Told the share that is done, 0 … 1, after every pass through the network.</param>
    /// <param name="cancellation">Looked at after every pass.</param>
    /// <exception cref="CinnabarException">The tokenizer does not give the text back.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ProofreadText Read(string text, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        ProofreadingRun run = Start(text);
        while (run.Step())
        {
            cancellation.ThrowIfCancellationRequested();
            progress?.Invoke(run.Progress);
        }

        return run.Result;
    }

    /// <summary>Begins to proofread a text, for callers that do other work between passes. Finish one run before the next.</summary>
    /// <inheritdoc cref="Read"/>
    public ProofreadingRun Start(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ShownText shown = new(text, _tokenizer);
        TokenReading[] readings = new TokenReading[shown.Ids.Length];
        List<Suggestion> found = [];
        return new ProofreadingRun(Passes(shown, 0, readings.Length, readings, found), () => Result(shown, readings, found));
    }

    private static bool SeesBothSides(IDenoiser denoiser) =>
        denoiser.BlockSize is null && denoiser is not ICachingDenoiser { Config.AttentionKind: not AttentionKind.Full };

    // Judges tokens from … to − 1 and finds the suggestions there; after each pass comes the share that is done.
    private IEnumerable<double> Passes(ShownText text, int from, int to, TokenReading[] readings, List<Suggestion> found)
    {
        bool tries = _options.PlacesPerHundredTokens > 0;
        double judging = !tries ? 1 : _judge.IsAutoregressive ? 0.1 : 0.25; // share of the time, about
        int judged = 0;
        foreach (int tokens in Judge(text, from, to, readings))
        {
            judged += tokens;
            yield return judging * judged / (to - from);
        }

        if (!tries)
        {
            IEnumerable<Suggestion?> all = Enumerable.Range(from, to - from).Select(token => MostProbable(text, token, readings[token]));
            found.AddRange(all.OfType<Suggestion>());
        }

        List<(int First, int End, double Score)> places = tries ? SuspiciousWords(text, from, to, readings) : [];
        foreach ((int index, (int first, int end, double score)) in places.Index())
        {
            foreach (int pass in _search.Search(text, first, end, readings.AsMemory(first, end - first), score, found))
            {
                yield return judging + ((1 - judging) * index / places.Count);
            }
        }

        List<Suggestion> kept = WithoutOverlaps(found);
        found.Clear();
        found.AddRange(kept);
    }

    private IEnumerable<int> Judge(ShownText text, int from, int to, TokenReading[] readings)
    {
        int count = text.Ids.Length;
        int best = Math.Max(EditProposals.BestTokens, _options.Alternatives);
        (int before, int behind) = _judge.IsAutoregressive ? (_context / 2, 0) : (_context / 8, _context / 8);
        for (int position = from; position < to;)
        {
            int start = Math.Clamp(position - before, 0, Math.Max(0, count + _begin.Length - _context));
            int[] begin = start == 0 ? _begin : [];
            int end = Math.Min(count, start + _context - begin.Length);
            int judged = Math.Min(to, end == count ? end : Math.Max(position + 1, end - behind));
            int offset = begin.Length - start;
            Memory<TokenReading> into = readings.AsMemory(position, judged - position);
            int[] ids = [.. begin, .. text.Ids.AsSpan(start, end - start)];
            foreach (int tokens in _judge.Read(ids, position + offset, judged + offset, best, into))
            {
                yield return tokens;
            }

            position = judged;
        }
    }

    private List<(int First, int End, double Score)> SuspiciousWords(ShownText text, int from, int to, TokenReading[] readings)
    {
        List<(int First, int End, double Score)> places = [];
        for (int first = from; first < to;)
        {
            int end = Math.Min(to, _words.EndOf(text.Ids, first));
            double score = 0;
            for (int token = first; token < end; token++)
            {
                score = Math.Max(score, SuspicionOf(text.Ids[token], readings[token]));
            }

            if (score > 0 && score >= _options.Threshold)
            {
                places.Add((first, end, score));
            }

            first = end;
        }

        int most = 1 + (int)((long)(to - from) * _options.PlacesPerHundredTokens / 100);
        return [.. places.OrderByDescending(place => place.Score).ThenBy(place => place.First).Take(most)];
    }

    private double SuspicionOf(int id, TokenReading reading) => _words.IsBlank(id) ? 0 : reading.Suspicion;

    private Suggestion? MostProbable(ShownText text, int token, TokenReading reading)
    {
        double score = SuspicionOf(text.Ids[token], reading);
        if (score == 0 || score < _options.Threshold || !text.IsWhole(token) || !text.IsWhole(token + 1))
        {
            return null;
        }

        (int start, int end) = (text.StartOf(token), text.StartOf(token + 1));
        List<(TextEdit Edit, double Probability)> edits = [];
        foreach ((int id, double probability) in reading.Best.Take(_options.Alternatives))
        {
            if (id != text.Ids[token] && _words.TextOf(id, beginsText: token == 0) is string other)
            {
                edits.Add((new TextEdit(start, end, other, UndoesSlip: false), probability));
            }
        }

        return edits.Count == 0 ? null : SuggestedPlace.Of(text, edits, reading.Bits, score);
    }

    private List<Suggestion> WithoutOverlaps(List<Suggestion> found)
    {
        List<Suggestion> kept = [];
        foreach (Suggestion place in found.OrderByDescending(s => s.Score).ThenBy(s => s.Start))
        {
            if (kept.Count == _options.Most)
            {
                break;
            }

            if (!kept.Exists(other => place.Start <= other.Start + other.Length && other.Start <= place.Start + place.Length))
            {
                kept.Add(place);
            }
        }

        return [.. kept.OrderBy(s => s.Start)];
    }

    private ProofreadText Result(ShownText text, TokenReading[] readings, List<Suggestion> found)
    {
        JudgedToken[] tokens = new JudgedToken[readings.Length];
        for (int i = 0; i < tokens.Length; i++)
        {
            int start = text.Original(text.StartOf(i));
            int length = text.Original(text.StartOf(i + 1)) - start;
            tokens[i] = new JudgedToken(start, length, text.Ids[i], readings[i].Bits, SuspicionOf(text.Ids[i], readings[i]));
        }

        return new ProofreadText(tokens, found);
    }
}
