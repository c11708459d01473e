// POST /v1/completions (OpenAI) and POST /v1/fim/completions (Inception): continues a prompt, or with a suffix fills the hole between the
// two, which a diffusion model sees from both sides.
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Completions and fill-in-the-middle.</summary>
internal static class CompletionsEndpoint
{
    private const string InceptionsPenalty = "1.5";

    /// <summary>POST /v1/completions.</summary>
    public static Task CompleteAsync(HttpContext http) => AnswerAsync(http, presencePenalty: null);

    /// <summary>POST /v1/fim/completions.</summary>
    public static Task FillAsync(HttpContext http) => AnswerAsync(http, InceptionsPenalty);

    private static async Task AnswerAsync(HttpContext http, string? presencePenalty)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        string prompt = PromptOf(fields.Require("prompt"));
        string? suffix = fields.Get("suffix")?.Text();
        int? maxTokens = GenerationRequest.MaxTokens(fields, model, "max_tokens", "max_completion_tokens");
        bool echoes = fields.Flag("echo") ?? false;
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields, presencePenalty);
        fields.Finish();

        await Generation.AnswerAsync(http, request, LayOut, new CompletionFormat(request, echoes ? prompt : "")).ConfigureAwait(false);

        TextCanvas LayOut()
        {
            if (string.IsNullOrEmpty(suffix))
            {
                return PromptLayout.ForPrompt(model, prompt, maxTokens);
            }

            TextWithHoles text = new([prompt, suffix], [maxTokens ?? TextWithHoles.DefaultHoleTokens]);
            return PromptLayout.ForHoles(model, text, "suffix", "max_tokens");
        }
    }

    // OpenAI also takes lists of texts and of tokens.
    private static string PromptOf(JsonField field) => field.IsList ? field.Items(1, 1)[0].Text() : field.Text();
}
