using System.Text;
using System.Text.Json;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>A row of a family's golden file.</summary>
internal sealed record FamilyGolden(string Text, int[] Ids, int[] Before, int[] After, string Decoded);

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

    /// <summary>The families in Data.</summary>
    public static string[] Families { get; } =
        ["gpt2", "roberta", "qwen2", "llada", "llada-moe", "llama2", "metaspace", "gemma", "bert"];

    /// <summary>A small tokenizer of the structure of a family; families.mjs in Data made them.</summary>
    public static Tokenizer Family(string name) => Tokenizer.Load(FamilyPath(name));

    public static string FamilyPath(string name) => Path.Combine(Folder, "families", $"{name}.json");

    public static FamilyGolden[] FamilyGolden(string name)
    {
        byte[] json = File.ReadAllBytes(Path.Combine(Folder, "families", $"{name}.golden.json"));
        return JsonSerializer.Deserialize<FamilyGolden[]>(json, JsonSerializerOptions.Web)!;
    }

    /// <summary>Any code points, many of them marks, spaces, beyond U+FFFF or not assigned; no surrogates.</summary>
    public static string RandomUnicode(Random random, int count)
    {
        StringBuilder text = new();
        for (int i = 0; i < count; i++)
        {
            int point = random.Next(8) switch
            {
                0 => random.Next(0x20),
                1 or 2 => random.Next(0x20, 0x7F),
                3 => random.Next(0x80, 0x800),
                4 => random.Next(0x300, 0x370),
                5 => random.Next(0x800, 0xD800),
                6 => random.Next(0xE000, 0x10000),
                _ => random.Next(0x10000, 0x110000),
            };
            text.Append(char.ConvertFromUtf32(point));
        }

        return text.ToString();
    }

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
