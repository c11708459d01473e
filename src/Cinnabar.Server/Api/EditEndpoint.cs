// POST /v1/edit/completions (Inception): one message of the user with a file and a region of it, answered with the region's new text in
// triple backticks, or with the word None. A chat model gets the message as it is; another one writes at the cursor (NextEdit).
using Cinnabar.Server.Hosting;
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
        EditRequest asked = await EditRequest.ReadAsync(
            http,
            "Edits come in one piece: ask without a stream.",
            "Send a request for each edit, with another seed.",
            InceptionsPenalty).ConfigureAwait(false);
        if (await asked.TryChatAsync(http).ConfigureAwait(false))
        {
            return;
        }

        NextEdit edit = NextEdit.Parse(asked.Message.Content!);
        if (edit.Cursor is null)
        {
            await WholeAnswer.WriteJsonAsync(http, asked.Format.Whole([Answer.Empty(asked.Request)], _ => NoSuggestion))
                .ConfigureAwait(false);
            return;
        }

        DiffusionModel model = asked.Request.Model.Engine.Model;
        TextWithHoles text = edit.TextWithHole(asked.MaxTokens ?? TextWithHoles.DefaultHoleTokens);
        Answer[] answers = await Generation.WriteAsync(
            http, asked.Request, () => PromptLayout.ForHoles(model, text, "model", "max_tokens")).ConfigureAwait(false);
        await WholeAnswer.WriteJsonAsync(http, asked.Format.Whole(answers, answer => edit.Reply(answer.Texts[0]))).ConfigureAwait(false);
    }
}
