using System.Text.Json;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>The files in Data, and texts that break careless tokenizers.</summary>
internal static class TokenizerData
{
    private static readonly string[] s_parts =
    [
        " ", "  ", "\t", "\n", "\r\n", "\n    ", "a", "Zz", "_", "7", "42", "1234", "(", ")", ";", "=>", "'s", "'ll", "'", "é",
        "e\u0301", "日本", "😀", "\u00A0", "\u2028", "½", "٣", "\0", "\u0085", "return", "public", "<|mask|>", "𝒜", "𝟘",
    ];

    public static string Folder => Path.Combine(AppContext.BaseDirectory, "Tokenizers", "Data");

    /// <summary>640 tokens, trained on C#.</summary>
    public static string SmallPath => Path.Combine(Folder, "tokenizer.json");

    /// <summary>A tokenizer without merges: one token for each byte.</summary>
    public static Tokenizer BytesOnly { get; } = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 260, Threads = 1 }).Train([]);

    public static IEnumerable<(string Text, int[] Ids, int[] Gpt2Ids)> Golden()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "golden.json")));
        foreach (JsonElement entry in document.RootElement.EnumerateArray())
        {
            yield return (entry.GetProperty("text").GetString()!, Ids(entry.GetProperty("ids")), Ids(entry.GetProperty("gpt2Ids")));
        }
    }

    /// <summary>A text of <paramref name="count"/> parts, the same for the same seed.</summary>
    public static string Jumble(int seed, int count)
    {
        Random random = new(seed);
        return string.Concat(Enumerable.Range(0, count).Select(_ => s_parts[random.Next(s_parts.Length)]));
    }

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
