// A text of many times the context: how it begins, lines that it is to hold, and room between them.
//
//   prompt  room 0  ¶line 1  room 1  ¶line 2  room 2  …        rooms of equal size, up to one token; ¶ is an empty line
//
// The lines are the plan of the whole: they stand from the start, so that every segment sees where the text before and behind it is going.
// Line ends, spaces before a room, a byte order mark and where a text begins: all as in TextCanvas.
using Cinnabar.Diffusion;

namespace Cinnabar;

/// <summary>What <see cref="DiffusionModel.WriteLong"/> writes.</summary>
/// <param name="Prompt">How the text begins; may be empty.</param>
/// <param name="Tokens">Tokens to write, lines of the outline not counted.</param>
public sealed record LongText(string Prompt, int Tokens)
{
    private const string BeforeLine = "\n\n";

    /// <summary>Lines that the text is to hold, each at the beginning of a paragraph. Default none.</summary>
    public IReadOnlyList<string> Outline { get; init; } = [];

    /// <summary>
    /// Whether segments meet at the same places in every step, as they do with <see cref="Sampling.SamplerOptions.BlockSize"/>. Default
    /// false: the places move, so that the text has no seams.
    /// </summary>
    public bool SegmentsStay { get; init; }

    /// <summary>The text of a canvas.</summary>
    /// <param name="model">Its model.</param>
    /// <param name="canvas">Without noise.</param>
    public string Of(DiffusionModel model, Canvas canvas) =>
        string.Concat(Enumerable.Range(0, Rooms).Select(room => Known(room) + Written(model, canvas, room, canvas.TextOf(room))));

    /// <summary>The beginning of the text that will not change any more.</summary>
    /// <param name="model">The model.</param>
    /// <param name="canvas">As a step left it.</param>
    /// <param name="finalBefore">See <see cref="Sampling.DenoisingStep.FinalBefore"/>.</param>
    public string Settled(DiffusionModel model, Canvas canvas, int finalBefore)
    {
        string text = "";
        for (int room = 0; room < Rooms; room++)
        {
            ReadOnlySpan<int> settled = canvas.SettledTextOf(room, finalBefore);
            text += Known(room) + Written(model, canvas, room, settled);
            if (settled.Length < canvas.Holes[room].Length)
            {
                break;
            }
        }

        return text;
    }

    /// <summary>The canvas to denoise.</summary>
    /// <exception cref="CinnabarException">There is less than a token for each room.</exception>
    internal Canvas Layout(DiffusionModel model)
    {
        if (Tokens < Rooms)
        {
            throw new CinnabarException(
                $"Expected at least {Rooms} tokens to write, one before and behind each of {Outline.Count} lines, found {Tokens}.",
                "Ask for more tokens, or give fewer lines.");
        }

        List<CanvasSegment> segments = [];
        for (int room = 0; room < Rooms; room++)
        {
            int[] beginning = room == 0 ? TextCanvas.Beginning(model) : [];
            KnownTokens shown = Before(room).Show(model.Tokenizer, UsesCrLf, model.FirstTokens, mayEndInAWord: false);
            segments.Add(CanvasSegment.Text([.. beginning, .. shown.Ids]));
            int size = (Tokens / Rooms) + (room < Tokens % Rooms ? 1 : 0);
            CanvasSegment hole = room == Rooms - 1 ? CanvasSegment.Continuation(size) : CanvasSegment.Hole(size);
            segments.Add(shown.Before(hole));
        }

        return new Canvas(segments, model.TokensForLongText());
    }

    /// <summary>Tokens that the network wrote in a room as text: the caller's line ends, and nothing that stands there already.</summary>
    internal string Written(DiffusionModel model, Canvas canvas, int room, ReadOnlySpan<int> ids)
    {
        bool begins = room == 0 && canvas.Holes[0].Start == TextCanvas.Beginning(model).Length; // no token of a prompt
        string text = model.Tokenizer.Decode(ids, first: begins);
        string lead = canvas.Holes[room].Lead;
        return WithLineEnds(text.StartsWith(lead, StringComparison.Ordinal) ? text[lead.Length..] : text);
    }

    private int Rooms => Outline.Count + 1;

    private bool UsesCrLf => TextCanvas.UsesCrLf([Prompt, .. Outline]);

    private string WithLineEnds(string text) => UsesCrLf ? TextCanvas.ToCrLf(text) : text;

    // What stands before a room, for the caller.
    private string Known(int room) => room == 0 ? Prompt : WithLineEnds(BeforeLine) + Outline[room - 1];

    private KnownText Before(int room) => new(Known(room), IsFirst: room == 0, IsBeforeHole: true);
}
