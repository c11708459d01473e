namespace Cinnabar.Cli;

/// <summary>What `cinnabar` alone prints.</summary>
internal static class Welcome
{
    public const string Text = """
        Cinnabar: diffusion language models in C#, on a CPU or an NVIDIA GPU. They write text by refining all of it at once.

          cinnabar infill samples/Stack.cs                               fill the <fill> holes of a file
          cinnabar generate "public static int Max(int a, int b)"        continue a text
          cinnabar corpus ~/code --out corpus/mine                       turn your own code into a corpus
          cinnabar train recipes/text-12m.json --corpus corpus/mine      train a model on it; set vocab_size as corpus says

          cinnabar pull org/name                                         fetch an open model from the Hugging Face hub
          cinnabar chat --model org/name                                 talk with it
          cinnabar serve                                                 an HTTP server, with a page that shows the text refining

        Also: write, proofread, score, solve, show, examples, eval, logits, bench, quantize, convert, random, mcp,
        worker.
        'cinnabar COMMAND --help' lists every option.

        Models are folders in the manner of Hugging Face, or GGUF files; --model takes a name under models/, a path, or org/name.
        Documentation: docs/README.md
        """;
}
