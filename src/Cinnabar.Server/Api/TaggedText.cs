namespace Cinnabar.Server.Api;

/// <summary>A text with sections between tags: &lt;|name|&gt; … &lt;|/name|&gt;, as Inception's edit requests have them.</summary>
/// <param name="text">The text, from the one message of a request.</param>
internal sealed class TaggedText(string text)
{
    /// <summary>Parts the line breaks next to the tags from the text between them: a tag may stand on a line of its own.</summary>
    public static (string Leading, string Text, string Trailing) OuterBreaks(string inside)
    {
        string leading = inside.StartsWith("\r\n", StringComparison.Ordinal) ? "\r\n" : inside.StartsWith('\n') ? "\n" : "";
        string rest = inside[leading.Length..];
        string trailing = rest.EndsWith("\r\n", StringComparison.Ordinal) ? "\r\n" : rest.EndsWith('\n') ? "\n" : "";
        return (leading, rest[..^trailing.Length], trailing);
    }

    /// <summary>What stands in the first section of a name, without the line breaks next to its tags.</summary>
    /// <exception cref="ApiException">400: there is none.</exception>
    public string Section(string name) => OuterBreaks(Split(name).Inside).Text;

    /// <summary>What stands before, in and behind the first section of a name, without its tags.</summary>
    /// <exception cref="ApiException">400: there is none.</exception>
    public (string Before, string Inside, string After) Split(string name)
    {
        (string open, string close) = ($"<|{name}|>", $"<|/{name}|>");
        int at = text.IndexOf(open, StringComparison.Ordinal);
        int start = at + open.Length;
        int end = at < 0 ? -1 : text.IndexOf(close, start, StringComparison.Ordinal);
        return end >= 0 ? (text[..at], text[start..end], text[(end + close.Length)..]) : throw ApiException.Invalid(
            $"Expected the section {open} … {close}, found {(at < 0 ? "no beginning" : "no end")} of it. "
            + "Send the sections that the API describes.",
            "messages[0].content");
    }
}
