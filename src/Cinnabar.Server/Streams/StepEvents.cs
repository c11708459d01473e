// The member "diffusion" of the chunks of a stream with "include_steps": what the canvas is, what each step did, and how it came out.
// Clients that know nothing of it ignore it.
//
//   first chunk  {"type":"canvas", "mask", "length", "holes":[{"start","length","kind","ends","lead"}], "ids":[L], "pieces":[L]}
//                pieces: null where noisy
//                ends: tokens that end the text of the hole, which what stands behind the first of them is no part of
//                lead: what its tokens may repeat of the text before it, and its text then lacks
//   each step    {"type":"step", "step", "passes", "block", "remaining", "settled", "committed":[…], "edited":[…], "renoised":[…]}
//                and with "alternatives" > 0 "noisy":[…], the positions that are still noisy, with the alternatives that the step saw
//                there: none behind its block, nor where it has just masked again. settled: tokens that will not change any more
//                where holes grow "expanded":[…], positions that became two, numbered as before the step like all others of it
//                step: counts from 1, and leaps over what a client that reads slowly has missed; then there is also
//                "canvas":{"length", "holes", "ids", "pieces", "confidences":[L]}, the whole canvas after the step
//   last chunk   {"type":"done", "steps", "passes", "seconds", "tokens_per_second", "new_tokens", "seed"}
//                and "length_passes" where the lengths of holes were searched for
//
// A piece is the text of a token; bytes that are a part of a character show as \xNN, special tokens as their name.
using System.Text.Json.Nodes;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;
using Cinnabar.Tokenizers;

namespace Cinnabar.Server.Streams;

/// <summary>Describes the steps of one text, one after the other.</summary>
/// <param name="request">What was asked for.</param>
internal sealed class StepEvents(GenerationRequest request)
{
    private readonly Tokenizer _tokenizer = request.Model.Engine.Model.Tokenizer;
    private readonly bool _showsAlternatives = request.Options.Alternatives > 0;
    private int _lastStep;

    /// <summary>How a text came out; also part of answers in one piece.</summary>
    /// <param name="answers">One or more texts: numbers add, time is the longest, the seed is the first's.</param>
    public static JsonObject Summary(params IReadOnlyList<Answer> answers)
    {
        double seconds = answers.Max(answer => answer.Elapsed.TotalSeconds);
        int tokens = answers.Sum(answer => answer.NewTokens);
        JsonObject summary = new()
        {
            ["steps"] = answers.Sum(answer => answer.Steps),
            ["passes"] = answers.Sum(answer => answer.Passes),
            ["seconds"] = Math.Round(seconds, 6),
            ["tokens_per_second"] = seconds > 0 ? Math.Round(tokens / seconds, 2) : 0,
            ["new_tokens"] = tokens,
            ["seed"] = answers[0].Seed,
        };
        if (answers.Sum(answer => answer.LengthPasses) is int searched and > 0)
        {
            summary["length_passes"] = searched;
        }

        return summary;
    }

    /// <summary>The last event of a text.</summary>
    public static JsonObject Done(Answer answer)
    {
        JsonObject done = Summary(answer);
        done.Insert(0, "type", "done");
        return done;
    }

    /// <summary>The event before the first step.</summary>
    public JsonObject Canvas(Canvas canvas)
    {
        JsonObject shown = StateOf(canvas);
        shown.Insert(0, "type", "canvas");
        shown.Insert(1, "mask", canvas.Tokens.MaskTokenId);
        return shown;
    }

    /// <summary>The event of a step, behind those of all steps before it that were sent.</summary>
    public JsonObject Step(DenoisingStep step)
    {
        Dictionary<int, Alternatives> alternatives = step.Alternatives.ToDictionary(row => row.Position);
        Canvas canvas = step.Canvas;
        JsonObject shown = new()
        {
            ["type"] = "step",
            ["step"] = step.Step,
            ["passes"] = step.ForwardPasses,
            ["block"] = step.Block,
            ["remaining"] = step.Remaining,
            ["settled"] = Enumerable.Range(0, canvas.Holes.Count).Sum(hole => canvas.SettledTextOf(hole, step.FinalBefore).Length),
            ["committed"] = List(step.Commits, commit => Written(commit, alternatives)),
            ["edited"] = List(step.Edits, edit => Written(edit, alternatives)),
            ["renoised"] = List(step.Renoised, position => position),
        };
        if (step.Expanded.Count > 0)
        {
            shown["expanded"] = List(step.Expanded, position => position);
        }

        if (_showsAlternatives)
        {
            IEnumerable<int> noisy = canvas.NoisyPositions().Select(position => BeforeGrowth(position, step.Expanded)).Distinct();
            shown["noisy"] = List(noisy, position => new JsonObject
            {
                ["position"] = position,
                ["alternatives"] = AlternativesAt(position, alternatives),
            });
        }

        if (step.Step != _lastStep + 1)
        {
            JsonObject state = StateOf(canvas);
            state["confidences"] = List(
                Enumerable.Range(0, canvas.Length),
                i => canvas.StateOf(i) == PositionState.Committed ? Probability(canvas.ConfidenceOf(i)) : null);
            shown["canvas"] = state;
        }

        _lastStep = step.Step;
        return shown;
    }

    private JsonObject StateOf(Canvas canvas) => new()
    {
        ["length"] = canvas.Length,
        ["holes"] = List(canvas.Holes, hole => new JsonObject
        {
            ["start"] = hole.Start,
            ["length"] = hole.Length,
            ["kind"] = hole.Kind == HoleKind.Infill ? "infill" : "continuation",
            ["ends"] = List(canvas.Tokens.EndsOf(hole.Kind), id => id),
            ["lead"] = hole.Lead,
        }),
        ["ids"] = List(canvas.Ids.ToArray(), id => id),
        ["pieces"] = List(Enumerable.Range(0, canvas.Length), i => canvas.StateOf(i) == PositionState.Noisy ? null : Piece(canvas.Ids[i])),
    };

    // Where a position was before the step: two stand now where one did.
    private static int BeforeGrowth(int position, IReadOnlyList<int> expanded)
    {
        foreach (int grown in expanded)
        {
            position -= position > grown ? 1 : 0;
        }

        return position;
    }

    private static JsonArray List<T>(IEnumerable<T> items, Func<T, JsonNode?> show) => new([.. items.Select(show)]);

    private JsonObject Written(Commit commit, Dictionary<int, Alternatives> alternatives) => new()
    {
        ["position"] = commit.Position,
        ["token"] = commit.TokenId,
        ["text"] = Piece(commit.TokenId),
        ["confidence"] = Probability(commit.Confidence),
        ["alternatives"] = AlternativesAt(commit.Position, alternatives),
    };

    private JsonArray AlternativesAt(int position, Dictionary<int, Alternatives> alternatives) =>
        List(alternatives.GetValueOrDefault(position)?.Tokens ?? [], other => new JsonObject
        {
            ["token"] = other.TokenId,
            ["text"] = Piece(other.TokenId),
            ["probability"] = Probability(other.Probability),
        });

    private static double Probability(double value) => Math.Round(value, 6);

    // A network may have more rows than its tokenizer has tokens.
    private string Piece(int id) => id < _tokenizer.VocabularySize ? _tokenizer.TokenPiece(id) : $"[{id}]";
}
