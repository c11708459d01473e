using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests;

/// <summary>Synthetic source files and a tokenizer trained on them.</summary>
internal static class SampleCode
{
    private static readonly string[] s_names = ["count", "total", "name", "index", "value", "size", "left", "right"];

    public static string[] Texts { get; } = [.. Enumerable.Range(0, 24).Select(Write)];

    public static Tokenizer Tokenizer { get; } = new BpeTrainer(new BpeTrainerOptions { VocabularySize = 420, Threads = 1 }).Train(Texts);

    public static int[][] Documents { get; } = [.. Texts.Select(ToDocument)];

    /// <summary>As in a corpus: begin, text, end.</summary>
    public static int[] ToDocument(string text) => [Tokenizer.BeginOfTextTokenId, .. Tokenizer.Encode(text), Tokenizer.EndOfTextTokenId];

    private static string Write(int file)
    {
        StringBuilder text = new($"class File{file}\n{{\n");
        for (int i = 0; i < 6; i++)
        {
            string name = s_names[(file + (i * 3)) % s_names.Length];
            text.Append($"    // Keeps the {name} of item {i}.\n    private int _{name}{i};\n\n");
            text.Append($"    public int Get{name}{i}()\n    {{\n        return _{name}{i} + {file};\n    }}\n\n");
        }

        return text.Append("}\n").ToString();
    }
}
