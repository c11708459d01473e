using System.Text.Json;

namespace Cinnabar.Tests.Chat;

/// <summary>The files of Chat/Data: golden.mjs and golden.py say what they are.</summary>
internal static class ChatData
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Chat", "Data");

    public static JsonElement Json(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, file)));
        return document.RootElement.Clone();
    }

    public static string Template(string name) => File.ReadAllText(Path.Combine(Folder, "templates", name + ".jinja"));
}
