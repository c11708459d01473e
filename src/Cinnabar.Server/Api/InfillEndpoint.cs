// POST /v1/infill, ours: known text and holes in any order, all holes filled at once.
//
//   {"segments": ["text", {"hole": {"max_tokens": 32, "min_tokens": 0, "exact": false, "regex": "[0-9]+"}}, "text", …],
//    "grow_from": 4}
//
// "exact" is a min_tokens of max_tokens. With grow_from holes start with so many positions and grow where the model asks for more.
using Cinnabar.Constraints;
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
        TextWithHoles text = TextOf(fields.Require("segments"), fields.Integer("grow_from", 1, model.Config.MaxSequenceLength), served);
        fields.Refuse("n", "Send a request for each text, with another seed.", "1");
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields);
        fields.Finish();

        await Generation.AnswerAsync(
            http,
            request,
            () => PromptLayout.ForHoles(model, text, "segments", "segments"),
            new InfillFormat(request, text)).ConfigureAwait(false);
    }

    private static TextWithHoles TextOf(JsonField segments, int? growsFrom, ServedModel served)
    {
        int context = served.Engine.Model.Config.MaxSequenceLength;
        List<string> texts = [""];
        List<int> holes = [];
        List<int> least = [];
        List<Constraint?> constraints = [];
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
            constraints.Add(ResponseFormat.OfHole(hole, served.Constraints));
            texts.Add("");
        }

        if (holes.Count == 0)
        {
            throw segments.Wrong("texts and at least one hole", "texts alone", "Add {\"hole\": {}} where text is wanted.");
        }

        return new TextWithHoles(texts, holes) { LeastTokens = least, GrowsFrom = growsFrom, Constraints = constraints };
    }
}
