using Cinnabar.Chat;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>A request of Inception's for an edit: one message of the user, answered in one piece.</summary>
/// <param name="Request">What all requests have.</param>
/// <param name="Message">The message.</param>
/// <param name="MaxTokens">Length asked for; null: not said.</param>
internal sealed record EditRequest(GenerationRequest Request, ChatMessage Message, int? MaxTokens)
{
    /// <summary>How the answer is written.</summary>
    public ChatFormat Format { get; } = new(Request);

    private DiffusionModel Model => Request.Model.Engine.Model;

    /// <summary>Reads one.</summary>
    /// <param name="http">The request.</param>
    /// <param name="noStream">What to do without a stream.</param>
    /// <param name="noCount">What to do without n.</param>
    /// <param name="presencePenalty">See <see cref="UnsupportedFields.Check"/>.</param>
    /// <exception cref="ApiException">A field is wrong.</exception>
    public static async Task<EditRequest> ReadAsync(HttpContext http, string noStream, string noCount, string? presencePenalty = null)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        ChatMessage message = ChatMessages.ReadSingle(fields);
        int? maxTokens = GenerationRequest.MaxTokens(fields, served.Engine.Model, "max_tokens", "max_completion_tokens");
        fields.Refuse("stream", noStream);
        fields.Refuse("n", noCount, "1");
        fields.Refuse("response_format", "Ask /v1/chat/completions for an answer in a given form.", "{\"type\":\"text\"}");
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields, presencePenalty);
        fields.Finish();
        return new EditRequest(request, message, maxTokens);
    }

    /// <summary>Hands the message as it is to a chat model.</summary>
    /// <returns>False: the model is none, and nothing has been answered.</returns>
    public async Task<bool> TryChatAsync(HttpContext http)
    {
        if (Model.ChatTemplate is null)
        {
            return false;
        }

        await Generation.AnswerAsync(http, Request, () => PromptLayout.ForMessages(Model, [Message], MaxTokens), Format)
            .ConfigureAwait(false);
        return true;
    }
}
