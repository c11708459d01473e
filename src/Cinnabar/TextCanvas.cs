// The way between a caller's text and a canvas.
//
// Each known text becomes tokens by itself, and comes back as the caller's own string. On the way in:
//   - a byte order mark at the start is not shown to the network, and CR LF is shown as LF if the text has no other line ends; a hole's
//     text then gets CR LF in turn;
//   - a single space before a hole is not shown: tokens carry the space before their word, so in training a hole almost never starts
//     after a space. If the network writes the space, it is dropped from the hole's text, as it stands already; so is a space that the
//     tokenizer cannot leave out where none is needed (KnownText);
//   - nor are line ends, or the beginning of a word, where tokens go across the place where the hole begins: the first token of the hole is
//     one that begins with them, and what it repeats is dropped (FirstTokens).
//   - many tokenizers put a space in front of a text and leave it out again at its begin. Only the first known text is one that begins,
//     and a hole only where nothing stands before it; all others go on, so that no space comes in or is lost where two of them meet.
//
// A constraint is about the text that the caller gets: a space that is dropped does not count, and lines end with LF. Where LF becomes
// CR LF, a carriage return of the network's own would vanish in that, so under a constraint it writes none.
//
// The answer to a conversation is a hole without a text of the caller's around it.
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>A text, or a conversation, laid out as a canvas; not thread-safe.</summary>
public sealed class TextCanvas
{
    private readonly Tokenizer _tokenizer;
    private readonly ConstraintLifter _constraints;
    private readonly TextWithHoles _text;
    private readonly bool _holeBegins;
    private readonly bool _usesCrLf;

    private TextCanvas(
        DiffusionModel model, TextWithHoles text, Canvas canvas, bool holeBegins, bool usesCrLf, int omitted)
    {
        _tokenizer = model.Tokenizer;
        _constraints = model.Constraints;
        _text = text;
        Canvas = canvas;
        _holeBegins = holeBegins;
        _usesCrLf = usesCrLf;
        OmittedTokens = omitted;
        for (int hole = 0; hole < text.Constraints.Count; hole++)
        {
            if (text.Constraints[hole] is Constraint constraint)
            {
                Constrain(hole, constraint);
            }
        }
    }

    /// <summary>What is denoised.</summary>
    public Canvas Canvas { get; }

    /// <summary>Tokens of known text that did not fit into the context.</summary>
    public int OmittedTokens { get; }

    /// <summary>What finding the lengths of the holes took.</summary>
    public LengthCost LengthCost => _text.LengthCost;

    /// <summary>
    /// The most tokens that a hole could have got: more than it has positions where it grows, or where a smaller length was found.
    /// </summary>
    public int MostTokensOf(int hole) =>
        _text.AskedTokens.Count > 0
            ? _text.AskedTokens[hole]
            : Math.Min(Canvas.Holes[hole].MostLength, Canvas.Holes[hole].MostText ?? int.MaxValue);

    /// <summary>Whether the text begins with a hole: no token of known text stands before it.</summary>
    public bool BeginsText(int hole) => hole == 0 && _holeBegins;

    /// <summary>Whether the text of a hole is constrained.</summary>
    public bool IsConstrained(int hole) => Canvas.AutomatonOf(hole) is not null;

    /// <summary>Lets a hole hold only text that matches a constraint, as the caller will see it but with LF for line ends.</summary>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="constraint">What its text must be.</param>
    /// <exception cref="CinnabarException">The tokens of the model cannot write any such text.</exception>
    public void Constrain(int hole, Constraint constraint) => Canvas.Constrain(
        hole,
        _constraints.Lift(constraint, Canvas.Holes[hole].Kind, Canvas.Tokens, Canvas.Holes[hole].Lead, _usesCrLf, BeginsText(hole)));

    /// <summary>A text and a tail of at most <paramref name="maxNewTokens"/> tokens, cut to what the context has left.</summary>
    internal static TextCanvas ForPrompt(string prompt, int maxNewTokens, DiffusionModel model)
    {
        TextWithHoles text = new([prompt, ""], [maxNewTokens]);
        bool usesCrLf = UsesCrLf(text.Texts);
        KnownText before = Known(text, 0);
        KnownTokens shown = before.Show(model.Tokenizer, usesCrLf, model.FirstTokens, mayEndInAWord: false);
        int[] ids = [.. Beginning(model), .. shown.Ids];
        CanvasSegment tail = CanvasSegment.Continuation(RoomBehind(ids.Length, maxNewTokens, model), mostText: maxNewTokens);
        Canvas canvas = new([CanvasSegment.Text(ids), shown.Before(tail)], model.TokensFor(exactLength: false));
        return new TextCanvas(model, text, canvas, shown.Ids.Length == 0, usesCrLf, omitted: 0);
    }

    /// <summary>The answer to a conversation: its text is the answer alone.</summary>
    internal static TextCanvas ForAnswer(int[] prompt, int maxNewTokens, DiffusionModel model)
    {
        int length = RoomBehind(prompt.Length, maxNewTokens, model);
        TextWithHoles text = new(["", ""], [maxNewTokens]);
        Canvas canvas = new(
            [CanvasSegment.Text(prompt), CanvasSegment.Continuation(length, mostText: maxNewTokens)],
            model.TokensFor(exactLength: false));
        return new TextCanvas(model, text, canvas, holeBegins: true, usesCrLf: false, omitted: 0);
    }

    /// <summary>The length of a canvas behind so many known tokens.</summary>
    /// <param name="known">Known tokens.</param>
    /// <param name="wanted">
    /// Tokens asked for. A network that attends in blocks was trained on whole ones, so the last block of the canvas is filled up.
    /// </param>
    /// <param name="model">The model, whose context cuts it.</param>
    /// <exception cref="CinnabarException">There is no room.</exception>
    private static int RoomBehind(int known, int wanted, DiffusionModel model)
    {
        int context = model.Config.MaxSequenceLength;
        int block = model.Denoiser.BlockSize ?? 1;
        long whole = (((long)known + wanted + block - 1) / block * block) - known;
        return known < context ? (int)Math.Min(whole, context - known) : throw new CinnabarException(
            $"Expected a prompt shorter than the model's context of {context} tokens, found one of {known} tokens.",
            "Shorten the prompt.");
    }

    /// <summary>A text with holes, cut to what the context holds.</summary>
    internal static TextCanvas ForHoles(TextWithHoles text, DiffusionModel model)
    {
        if (text.FindsLengths)
        {
            throw new ArgumentException($"The lengths of these holes ({text.Length}) are found first, by FindLengths.", nameof(text));
        }

        bool usesCrLf = UsesCrLf(text.Texts);
        KnownTokens[] shown = [.. text.Texts.Select((_, i) => Known(text, i).Show(
            model.Tokenizer, usesCrLf, text.IsConstrained(i) ? null : model.FirstTokens, MayEndInAWord(text, i)))];
        if (model.Config.IsAutoregressive)
        {
            return ForMiddle(text, shown, usesCrLf, model);
        }

        int[][] ids = [.. shown.Select(piece => piece.Ids)];
        bool holeBegins = ids[0].Length == 0;
        ids[0] = [.. Beginning(model), .. ids[0]];
        int[] lengths = [.. ids.Select(piece => piece.Length)];
        CanvasTokens tokens = text.Length == LengthPolicy.Grow ? model.TokensForGrowth() : model.TokensFor(exactLength: false);
        CanvasSegment[] holes = [.. text.HoleTokens.Select((_, i) => shown[i].Before(HoleOf(text, i)))];
        KeptText[] kept = ContextWindow.Choose(
            lengths, holes.Sum(hole => (long)hole.MostPositions(tokens)), model.Config.MaxSequenceLength);

        List<CanvasSegment> segments = [];
        for (int i = 0; i < ids.Length; i++)
        {
            segments.Add(CanvasSegment.Text(ids[i].AsSpan(0, kept[i].Head)));
            segments.Add(CanvasSegment.Text(ids[i].AsSpan(ids[i].Length - kept[i].Tail)));
            if (i < holes.Length)
            {
                segments.Add(holes[i]);
            }
        }

        int omitted = lengths.Sum() - kept.Sum(k => k.Count);
        Canvas canvas = new(segments, tokens);
        return new TextCanvas(model, text, canvas, holeBegins, usesCrLf, omitted);
    }

    private static KnownText Known(TextWithHoles text, int i) =>
        new(text.Texts[i], IsFirst: i == 0, IsBeforeHole: i < text.HoleTokens.Count);

    // A hole of a length of its own was thought of as a whole.
    private static bool MayEndInAWord(TextWithHoles text, int i) => i < text.HoleTokens.Count && text.LeastOf(i) < text.HoleTokens[i];

    // A constrained hole needs all its positions: only then is it known that a text fits.
    private static CanvasSegment HoleOf(TextWithHoles text, int i)
    {
        (int most, int least) = (text.HoleTokens[i], text.LeastOf(i));
        return text.Length == LengthPolicy.Grow && !text.IsConstrained(i)
            ? CanvasSegment.GrowingHole(Math.Min(most, Math.Max(text.GrowsFrom, Math.Max(least, 1))), most, least)
            : CanvasSegment.Hole(most, least);
    }

    // A model that reads left to right is shown what stands around the hole, and writes the hole behind it.
    private static TextCanvas ForMiddle(TextWithHoles text, KnownTokens[] shown, bool usesCrLf, DiffusionModel model)
    {
        if (text.HoleTokens.Count != 1)
        {
            throw new CinnabarException(
                $"Expected one hole for the autoregressive model {model.Name}, found {text.HoleTokens.Count}.",
                "Fill the holes one after the other, or use a diffusion model.");
        }

        if (text.Length == LengthPolicy.Grow)
        {
            throw LengthSearch.EndsHolesItself(model, text.Length);
        }

        FillInTheMiddle layout = new(model.Config);
        int middle = text.HoleTokens[0];
        CanvasSegment hole = shown[0].Before(CanvasSegment.Continuation(middle, text.LeastOf(0)));
        (int[] before, int[] behind) = (shown[0].Ids, shown[1].Ids);
        Canvas canvas = layout.CanvasFor(before, behind, hole, model.TokensFor(exactLength: false), model.Config.MaxSequenceLength);
        int known = canvas.Length - middle - (layout.MarkerCount - 1);
        return new TextCanvas(model, text, canvas, before.Length == 0, usesCrLf, omitted: before.Length + behind.Length - known);
    }

    /// <summary>The text with what the canvas holds now; noise appears as nothing.</summary>
    public GenerationResult ToResult()
    {
        FilledHole[] holes = new FilledHole[Canvas.Holes.Count];
        for (int i = 0; i < holes.Length; i++)
        {
            int[] ids = Canvas.TextOf(i);
            string content = TextOfHole(i, ids);
            int end = Repetition.Find(content, RepetitionOf(i));
            holes[i] = new FilledHole(i, content[..end], end < content.Length ? ids[..FewestTokens(i, ids, content[..end])] : ids, Canvas.Holes[i].Length);
        }

        return new GenerationResult
        {
            Text = _text.Fill([.. holes.Select(hole => hole.Text)]),
            Holes = holes,
            TokenIds = Canvas.Text(),
            OmittedTokens = OmittedTokens,
            LengthPasses = LengthCost.Passes,
            Elapsed = LengthCost.Elapsed,
        };
    }

    /// <summary>
    /// What stands behind a hole, which its text ends before (<see cref="Repetition"/>); null: nothing that tells, or the text is
    /// constrained, or pinned somewhere.
    /// </summary>
    internal string? RepetitionOf(int hole)
    {
        bool isPinned = Enumerable.Range(Canvas.Holes[hole].Start, Canvas.Holes[hole].Length).Any(
            position => Canvas.StateOf(position) == PositionState.Frozen);
        return IsConstrained(hole) || isPinned ? null : Repetition.Behind(_text, hole);
    }

    /// <summary>What stands in the caller's text for tokens of a hole.</summary>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="ids">All of its tokens, or the first ones.</param>
    public string TextOfHole(int hole, ReadOnlySpan<int> ids) => TextOfHole(hole, _tokenizer.Decode(ids, first: BeginsText(hole)));

    /// <summary>What stands in the caller's text for a hole whose tokens decode to <paramref name="decoded"/>.</summary>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="decoded">All of its text, or the beginning; the begin of a text only if <see cref="BeginsText"/>.</param>
    public string TextOfHole(int hole, string decoded)
    {
        string lead = Canvas.Holes[hole].Lead;
        return WithLineEnds(decoded.StartsWith(lead, StringComparison.Ordinal) ? decoded[lead.Length..] : decoded);
    }

    /// <summary>The number of a hole's first tokens that hold the beginning of its text.</summary>
    internal int FewestTokens(int hole, ReadOnlySpan<int> ids, string beginning)
    {
        // More tokens only add text, so halving finds them.
        (int without, int with) = (-1, ids.Length);
        while (with - without > 1)
        {
            int middle = (without + with) / 2;
            bool holdsIt = TextOfHole(hole, ids[..middle]).StartsWith(beginning, StringComparison.Ordinal);
            (without, with) = holdsIt ? (without, middle) : (middle, with);
        }

        return with;
    }

    /// <summary>A text with the line ends of the caller's text.</summary>
    internal string WithLineEnds(string text) => _usesCrLf ? ToCrLf(text) : text;

    /// <summary>What stands before every text: begin of text, if the model has it.</summary>
    internal static int[] Beginning(DiffusionModel model) => model.Config.BosTokenId is int id ? [id] : [];

    /// <summary>A text with LF for CR LF.</summary>
    internal static string ToLf(string text) => text.Replace("\r\n", "\n", StringComparison.Ordinal);

    /// <summary>A text with CR LF for LF.</summary>
    internal static string ToCrLf(string text) => ToLf(text).Replace("\n", "\r\n", StringComparison.Ordinal);

    /// <summary>Whether texts have CR LF, and no other line ends.</summary>
    internal static bool UsesCrLf(IEnumerable<string> texts)
    {
        string all = string.Join('|', texts);
        int pairs = all.AsSpan().Count("\r\n");
        return pairs > 0 && pairs == all.AsSpan().Count('\n') && pairs == all.AsSpan().Count('\r');
    }
}
