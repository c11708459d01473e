namespace Cinnabar.Cli;

/// <summary>What `cinnabar` alone prints.</summary>
internal static class Welcome
{
    public const string Text = """
        Cinnabar: diffusion language models in C#, on the CPU. They write text by refining all of it at once.

          cinnabar infill samples/Stack.cs                          fill the <fill> holes of a file
          cinnabar generate "public static int Max(int a, int b)"   continue a text
          cinnabar corpus ~/code --out corpus/mine                  turn your own code into a corpus
          cinnabar train recipes/csharp-12m.json                    train a model on a corpus

        Also: show, score, eval, logits, bench. 'cinnabar COMMAND --help' lists every option with its default.

        Models are folders in models/ (config.json, tokenizer.json, model.safetensors); --model takes a name or a path.
        Documentation: docs/README.md
        """;
}
