// The message of Inception's next-edit requests. Its sections, in order, with literal tags; empty ones keep their tags:
//
//   <|recently_viewed_code_snippets|>  any number of <|recently_viewed_code_snippet|> code_snippet_file_path: … ⏎ text  each with its end
//   <|current_file_content|>           current_file_path: … ⏎ text  <|code_to_edit|> text <|cursor|> text <|/code_to_edit|>  text
//   <|edit_diff_history|>              unified diffs
//
// A model without a chat template cannot be told to edit, but it can write where the cursor is, seeing the text on both sides: snippets,
// file, region │ hole │ region, file. The history is not shown: to such a model it would be text that stands before the file.
// Source: docs.inceptionlabs.ai, next edit.
using System.Text;
using System.Text.RegularExpressions;

namespace Cinnabar.Server.Api;

/// <summary>A file with a region to edit.</summary>
/// <param name="Before">What stands before the region: snippets of other files, then the file.</param>
/// <param name="Region">The text of the region, without the line breaks next to its tags and without the cursor.</param>
/// <param name="Cursor">Where in the region the cursor is; null: nowhere.</param>
/// <param name="After">What stands behind the region.</param>
internal sealed partial record NextEdit(string Before, string Region, int? Cursor, string After)
{
    private const string Mark = "<|cursor|>";
    private const string SnippetOpening = "<|recently_viewed_code_snippet|>";
    private const string SnippetClosing = "<|/recently_viewed_code_snippet|>";

    /// <summary>The text with a hole at the cursor.</summary>
    /// <param name="maxTokens">The most tokens of the hole.</param>
    public TextWithHoles TextWithHole(int maxTokens)
    {
        int cursor = Cursor ?? throw new InvalidOperationException("There is no cursor.");
        return new TextWithHoles([$"{Before}{Region[..cursor]}", $"{Region[cursor..]}{After}"], [maxTokens]);
    }

    /// <summary>The region as a reply gives it.</summary>
    /// <param name="written">What was written at the cursor.</param>
    public string Reply(string written)
    {
        int cursor = Cursor ?? throw new InvalidOperationException("There is no cursor.");
        return $"```\n{Region[..cursor]}{written}{Region[cursor..]}\n```";
    }

    /// <summary>Takes a message apart.</summary>
    /// <param name="message">The text of the message.</param>
    /// <exception cref="ApiException">400: a section is missing, or the cursor is at several places.</exception>
    public static NextEdit Parse(string message)
    {
        string file = new TaggedText(message).Section("current_file_content");
        (string above, string tagged, string below) = new TaggedText(file).Split("code_to_edit");
        (string leading, string region, string trailing) = TaggedText.OuterBreaks(tagged);
        int cursor = region.IndexOf(Mark, StringComparison.Ordinal);
        if (cursor != region.LastIndexOf(Mark, StringComparison.Ordinal))
        {
            throw ApiException.Invalid(
                $"Expected at most one {Mark} in the region to edit, found more. Leave it where text is wanted, and remove the others.",
                "messages[0].content");
        }

        return new NextEdit(
            SnippetsOf(message) + WithoutPath(above) + leading,
            cursor < 0 ? region : region.Remove(cursor, Mark.Length),
            cursor < 0 ? null : cursor,
            trailing + below);
    }

    // Behind an opening without its closing there is no closing at all: the search ends there, or many openings would each take it to the
    // end of the message.
    private static string SnippetsOf(string message)
    {
        StringBuilder snippets = new();
        int opening = message.IndexOf(SnippetOpening, StringComparison.Ordinal);
        while (opening >= 0)
        {
            int start = opening + SnippetOpening.Length;
            int end = message.IndexOf(SnippetClosing, start, StringComparison.Ordinal);
            if (end < 0)
            {
                break;
            }

            snippets.Append(WithoutPath(message[start..end]).Trim('\r', '\n')).Append('\n');
            opening = message.IndexOf(SnippetOpening, end + SnippetClosing.Length, StringComparison.Ordinal);
        }

        return snippets.ToString();
    }

    // The first line may be the path of the file.
    private static string WithoutPath(string text) => PathLine().Replace(text, "", 1);

    [GeneratedRegex(@"\A\s*(current_file_path|code_snippet_file_path):[^\n]*(\n|\z)")]
    private static partial Regex PathLine();
}
