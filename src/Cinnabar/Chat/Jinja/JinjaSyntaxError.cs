namespace Cinnabar.Chat.Jinja;

/// <summary>The exception for a template that cannot be read.</summary>
internal static class JinjaSyntaxError
{
    /// <summary>Names the file, the line, what was expected there and what was found.</summary>
    public static CinnabarException At(string file, int line, string expected, string found) => new(
        $"{file}: line {line}: expected {expected}, found {found}.",
        "Correct the template, or give another one (a chat_template.jinja beside the model comes first).");
}
