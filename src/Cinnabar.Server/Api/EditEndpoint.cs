// POST /v1/edit/completions (Inception): one message of the user with a file and a region of it, answered with the region's new text in
// triple backticks, or with the word None. A chat model gets the message as it is; another one writes at the cursor (NextEdit).
using Cinnabar.Chat;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>The next edit of a file.</summary>
internal static class EditEndpoint
{
    private const string InceptionsPenalty = "1";
    private const string NoSuggestion = "None";

    /// <summary>POST /v1/edit/completions.</summary>
    public static async Task EditAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        ChatMessage message = ChatMessages.ReadSingle(fields);
        int? maxTokens = GenerationRequest.MaxTokens(fields, model, "max_tokens", "max_completion_tokens");
        fields.Refuse("stream", "Edits come in one piece: ask without a stream.");
        fields.Refuse("n", "Send a request for each edit, with another seed.", "1");
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields, InceptionsPenalty);
        fields.Finish();

        ChatFormat format = new(request);
        if (model.ChatTemplate is not null)
        {
            await Generation.AnswerAsync(http, request, () => PromptLayout.ForMessages(model, [message], maxTokens), format)
                .ConfigureAwait(false);
            return;
        }

        NextEdit edit = NextEdit.Parse(message.Content!);
        if (edit.Cursor is null)
        {
            await JsonAnswer.WriteAsync(http, format.Whole([Answer.Empty(request)], _ => NoSuggestion)).ConfigureAwait(false);
            return;
        }

        TextWithHoles text = edit.TextWithHole(maxTokens ?? TextWithHoles.DefaultHoleTokens);
        Answer[] answers = await Generation.WriteAsync(
            http, request, () => PromptLayout.ForHoles(model, text, "model", "max_tokens")).ConfigureAwait(false);
        await JsonAnswer.WriteAsync(http, format.Whole(answers, answer => edit.Reply(answer.Texts[0]))).ConfigureAwait(false);
    }
}
