namespace Cinnabar.Server.Api;

/// <summary>Texts of clients in errors: an error is not to be as long as the request.</summary>
internal static class ShortText
{
    private const int Most = 100;

    /// <summary>The beginning of a text, without half of a character.</summary>
    public static string Of(string text) => text.Length <= Most ? text
        : $"{text[..(char.IsHighSurrogate(text[Most - 1]) ? Most - 1 : Most)]}…";
}
