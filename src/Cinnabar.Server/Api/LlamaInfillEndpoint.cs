// POST /infill, as llama.cpp's server has it and editors call it: input_extra, input_prefix, prompt │ hole │ input_suffix.
//
// An editor waits 2.5 s at most and says so in t_max_predict_ms: the text is then complete by that time, written in as few passes as it
// takes. A network that was trained to fill holes left to right does so, in a fraction of the time of masks, unless the request names an
// order, a rule or a number of passes. n_predict 0 is how it asks the server to get ready while somebody types; there is nothing to get
// ready here. A hole takes half of the context at most: the rest is for what stands around it.
using System.Text;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>llama.cpp's fill-in-the-middle.</summary>
internal static class LlamaInfillEndpoint
{
    private const int Unlimited = -1; // llama.cpp's default: until the model ends; a canvas has a length
    private const int MostExtras = 256;
    private const int MostMilliseconds = 600_000;

    /// <summary>POST /infill.</summary>
    public static async Task FillAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        string prefix = TextOf(fields, "input_prefix") + TextOf(fields, "prompt");
        int wanted = fields.Integer("n_predict", -1, model.Config.MaxSequenceLength) ?? Unlimited;
        TextWithHoles text = new(
            [ExtraOf(fields.Get("input_extra")) + prefix, TextOf(fields, "input_suffix")],
            [wanted > 0 ? Math.Min(wanted, model.Config.MaxSequenceLength / 2) : TextWithHoles.DefaultHoleTokens]);
        GenerationRequest request = ReadRequest(fields, served);
        UnsupportedFields.Check(fields);

        // Hints for llama.cpp's own cache, slots, sampler chain and answer.
        fields.Accept(
            "samplers", "cache_prompt", "id_slot", "n_indent", "response_fields", "t_max_prompt_ms", "n_keep", "n_discard", "min_keep",
            "repeat_last_n", "dynatemp_exponent", "xtc_threshold", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
            "dry_sequence_breakers", "mirostat_tau", "mirostat_eta", "timings_per_token", "return_tokens", "post_sampling_probs");
        fields.Finish();

        LlamaInfillFormat format = new(request);
        if (wanted == 0)
        {
            await Generation.GiveAsync(http, request, Answer.Empty(request), format).ConfigureAwait(false);
            return;
        }

        await Generation.AnswerAsync(
            http, request, () => PromptLayout.ForHoles(model, text, "input_suffix", "n_predict"), format).ConfigureAwait(false);
    }

    private static GenerationRequest ReadRequest(JsonFields fields, ServedModel served)
    {
        fields.Refuse("n", "This endpoint writes one text; ask again with another seed for another.", "1");
        int? milliseconds = fields.Integer("t_max_predict_ms", -1, MostMilliseconds);
        DiffusionModel model = served.Engine.Model;
        SamplerOptions own = model.DefaultOptions;
        bool fillsLeftToRight = model.Config.CausalInfill && own.CfgScale == 0 && fields.Get("max_passes") is null;
        GenerationRequest request = GenerationRequest.Read(
            fields, served, own with { LeftToRight = own.LeftToRight || fillsLeftToRight }) with { Count = 1 };
        bool keepsTime = milliseconds is > 0 && model.Denoiser.Noise == NoiseKind.Mask; // the others take few passes anyway
        TimeSpan? deadline = keepsTime ? TimeSpan.FromMilliseconds(milliseconds!.Value) : request.Options.Deadline;
        return request with { Options = request.Options with { Deadline = deadline } };
    }

    private static string TextOf(JsonFields fields, string name) => fields.Get(name)?.Text() ?? "";

    // Other files come before this one; those that the context has no room for are left out first.
    private static string ExtraOf(JsonField? field)
    {
        StringBuilder extra = new();
        foreach (JsonField item in field?.Items(0, MostExtras) ?? [])
        {
            JsonFields chunk = item.Object();
            string text = chunk.Require("text").Text();
            chunk.Get("filename")?.Text();
            extra.Append(text).Append(text.EndsWith('\n') ? "" : "\n");
        }

        return extra.ToString();
    }
}
