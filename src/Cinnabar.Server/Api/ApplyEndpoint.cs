// POST /v1/apply/completions (Inception): one message of the user with a file and an abbreviated snippet, answered with the whole new file.
//
//   <|original_code|> … <|/original_code|>   <|update_snippet|> … <|/update_snippet|>
//
// A chat model gets the message as it is; without one the snippet is merged by a rule (SnippetMerge), which costs no pass.
using Cinnabar.Chat;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Applies an edit to a file.</summary>
internal static class ApplyEndpoint
{
    /// <summary>POST /v1/apply/completions.</summary>
    public static async Task ApplyAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        ChatMessage message = ChatMessages.ReadSingle(fields);
        int? maxTokens = GenerationRequest.MaxTokens(fields, model, "max_tokens", "max_completion_tokens");
        fields.Refuse("stream", "The file comes in one piece: ask without a stream.");
        fields.Refuse("n", "There is one file to answer with.", "1");
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields);
        fields.Finish();

        ChatFormat format = new(request);
        if (model.ChatTemplate is not null)
        {
            await Generation.AnswerAsync(http, request, () => PromptLayout.ForMessages(model, [message], maxTokens), format)
                .ConfigureAwait(false);
            return;
        }

        TaggedText text = new(message.Content!, "messages[0].content");
        string merged = SnippetMerge.Merge(text.Section("original_code"), text.Section("update_snippet"));
        await JsonAnswer.WriteAsync(http, format.Whole([Answer.Empty(request)], _ => merged)).ConfigureAwait(false);
    }
}
