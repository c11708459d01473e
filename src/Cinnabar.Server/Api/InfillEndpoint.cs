// POST /v1/infill, ours: known text and holes in any order, all holes filled at once.
//
//   {"segments": ["text", {"hole": {"max_tokens": 32, "min_tokens": 0, "exact": false, "regex": "[0-9]+"}}, "text", …],
//    "length": "trim", "grow_from": 4}
//
// "exact" is a min_tokens of max_tokens. "length" says how long the other holes become (LengthPolicy): fixed, trim, grow (from grow_from
// positions), probe. The last first finds the lengths, in passes that count as "length_passes"; then the text is filled, and streamed, as
// if they had been given. Lengths are found for holes that may hold anything; those of a request that is constrained as a whole end
// themselves.
using Cinnabar.Constraints;
using Cinnabar.Models;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Fills several holes of a text.</summary>
internal static class InfillEndpoint
{
    private const int MostSegments = 1024;

    /// <summary>POST /v1/infill.</summary>
    public static async Task FillAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        (TextWithHoles text, string?[] constraintParams) = TextOf(fields.Require("segments"), served);
        text = WithPolicy(text, fields, model, out string lengthParam);
        fields.Refuse("n", "Send a request for each text, with another seed.", "1");
        GenerationRequest request = GenerationRequest.Read(fields, served) with
        {
            HoleConstraintParams = constraintParams,
            LengthParam = lengthParam,
        };
        UnsupportedFields.Check(fields);
        fields.Finish();

        text = request.Constraint is not null && text.Length != LengthPolicy.Fixed ? Trimmed(text) : text;
        using EngineWork? search = BeginSearch(text, served);
        if (search is not null)
        {
            text = await WithLengthsAsync(http, text, request, search).ConfigureAwait(false);
            request = request with { Begun = search };
        }

        await Generation.AnswerAsync(
            http,
            request,
            () => PromptLayout.ForHoles(model, text, "segments", "segments"),
            new InfillFormat(request, text)).ConfigureAwait(false);
    }

    private static TextWithHoles WithPolicy(TextWithHoles text, JsonFields fields, DiffusionModel model, out string lengthParam)
    {
        string[] names = [.. Enum.GetNames<LengthPolicy>().Select(name => name.ToLowerInvariant())];
        string word = fields.Get("length")?.Word(names) ?? "trim";
        LengthPolicy policy = Enum.Parse<LengthPolicy>(word, ignoreCase: true);
        JsonField? growsFrom = fields.Get("grow_from");
        lengthParam = growsFrom?.Path ?? "length";
        int first = (int?)growsFrom?.Integer(1, model.Config.MaxSequenceLength) ?? TextWithHoles.DefaultGrowsFrom;
        if (policy != LengthPolicy.Grow)
        {
            return growsFrom is null ? text with { Length = policy } : throw growsFrom.Wrong(
                "absent without \"length\": \"grow\"", $"it beside \"{word}\"", "Leave it out, or set length to grow.");
        }

        ApiException.Naming(lengthParam, model.TokensForGrowth);
        return text with { Length = policy, GrowsFrom = first };
    }

    private static TextWithHoles Trimmed(TextWithHoles text) => text with { Length = LengthPolicy.Trim };

    // A search and the filling behind it are admitted as one. What does not fit into the context is the fault of the segments.
    private static EngineWork? BeginSearch(TextWithHoles text, ServedModel served)
    {
        if (!text.FindsLengths)
        {
            return null;
        }

        PromptLayout.ForHoles(served.Engine.Model, Trimmed(text), "segments", "segments");
        return served.Engine.BeginWork();
    }

    private static async Task<TextWithHoles> WithLengthsAsync(
        HttpContext http, TextWithHoles text, GenerationRequest request, EngineWork search)
    {
        try
        {
            return await WallTime.LimitAsync(
                http, cancellation => search.FindLengthsAsync(text, request.Options, cancellation)).ConfigureAwait(false);
        }
        catch (CinnabarException error)
        {
            throw request.Refused(error, request.LengthParam);
        }
    }

    // And of each hole the field with its constraint.
    private static (TextWithHoles Text, string?[] ConstraintParams) TextOf(JsonField segments, ServedModel served)
    {
        int context = served.Engine.Model.Config.MaxSequenceLength;
        List<string> texts = [""];
        List<int> holes = [];
        List<int> least = [];
        List<Constraint?> constraints = [];
        List<string?> constraintParams = [];
        foreach (JsonField segment in segments.Items(1, MostSegments))
        {
            if (segment.IsText)
            {
                texts[^1] += segment.Text();
                continue;
            }

            JsonFields hole = segment.Object().Require("hole").Object();
            holes.Add(hole.Integer("max_tokens", 1, context) ?? TextWithHoles.DefaultHoleTokens);
            int most = holes[^1];
            int fewest = hole.Integer("min_tokens", 0, most) ?? 0;
            least.Add(hole.Flag("exact") ?? false ? most : fewest);
            constraints.Add(ResponseFormat.OfHole(hole, served));
            constraintParams.Add((hole.Get("regex") ?? hole.Get("json_schema"))?.Path);
            texts.Add("");
        }

        if (holes.Count == 0)
        {
            throw segments.Wrong("texts and at least one hole", "texts alone", "Add {\"hole\": {}} where text is wanted.");
        }

        if (holes.Count > 1 && served.Engine.Model.Denoiser.Noise == NoiseKind.Gaussian)
        {
            throw segments.Wrong(
                $"texts and one hole for {served.Id}, which denoises latents",
                $"{holes.Count} holes",
                "Fill the holes one after the other, or choose another model.");
        }

        return (new TextWithHoles(texts, holes) { LeastTokens = least, Constraints = constraints }, [.. constraintParams]);
    }
}
