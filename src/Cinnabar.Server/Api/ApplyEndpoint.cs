// POST /v1/apply/completions (Inception): one message of the user with a file and an abbreviated snippet, answered with the whole new file.
//
//   <|original_code|> … <|/original_code|>   <|update_snippet|> … <|/update_snippet|>
//
// A chat model gets the message as it is; without one the snippet is merged by a rule (SnippetMerge), which costs no pass.
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Applies an edit to a file.</summary>
internal static class ApplyEndpoint
{
    /// <summary>POST /v1/apply/completions.</summary>
    public static async Task ApplyAsync(HttpContext http)
    {
        EditRequest asked = await EditRequest.ReadAsync(
            http, "The file comes in one piece: ask without a stream.", "There is one file to answer with.").ConfigureAwait(false);
        if (await asked.TryChatAsync(http).ConfigureAwait(false))
        {
            return;
        }

        TaggedText text = new(asked.Message.Content!);
        string merged = SnippetMerge.Merge(text.Section("original_code"), text.Section("update_snippet"));
        await WholeAnswer.WriteJsonAsync(http, asked.Format.Whole([Answer.Empty(asked.Request)], _ => merged)).ConfigureAwait(false);
    }
}
