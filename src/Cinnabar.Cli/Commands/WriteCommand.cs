// cinnabar write [PROMPT]: a text longer than the model's context, all of it denoised at once. What is finished from the left is printed
// while the rest is still noise.
using System.CommandLine;

namespace Cinnabar.Cli.Commands;

internal static class WriteCommand
{
    private const int DefaultTokens = 2000;
    private const int MostTokens = 1_000_000;

    public static Command Create()
    {
        Argument<string?> prompt = new("prompt")
        {
            Description = "How the text begins; - reads standard input. [default: from nothing]",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<int> tokens = new("--tokens", "-n")
        {
            Description = "Tokens to write.", HelpName = "n", DefaultValueFactory = _ => DefaultTokens,
        };
        Option<int?> overlap = new("--overlap")
        {
            Description = "Tokens that two neighbouring segments share. [default: an eighth of the model's context]", HelpName = "n",
        };
        Option<string?> outline = new("--outline")
        {
            Description = "Lines that the text is to hold, evenly spread, each at the beginning of a paragraph. [default: none]",
            HelpName = "file",
        };
        Command command = new("write", "Write a text longer than the model's context, all of it denoised at once.")
        {
            prompt, tokens, overlap, outline,
        };
        TextOutput destination = new();
        destination.AddTo(command);
        SamplerArguments sampler = new();
        sampler.AddTo(command);
        ModelArguments models = new ModelArguments().AddTo(command);
        tokens.RequireRange(1, MostTokens);
        command.SetWork((parsed, cancellation) =>
        {
            string? path = destination.TargetOf(parsed);
            string start = parsed.GetValue(prompt) is string given
                ? given == InputText.StandardInput ? InputText.Read(given) : given
                : "";
            string[] lines = parsed.GetValue(outline) is string file
                ? InputText.Read(file).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                : [];
            DiffusionModel model = models.Load(parsed, cancellation);
            int wanted = parsed.GetValue(tokens);
            LongText text = new(start, wanted) { Outline = lines };
            EvaluationProgress progress = new("writing", "tokens", wanted);
            bool streams = destination.IsPrinted(parsed, path);
            Printed printed = new(Screen.Detect(plain: false).ResultIsShown);
            GenerationResult result = model.WriteLong(
                text,
                parsed.GetValue(overlap),
                sampler.Read(parsed, model.DefaultOptions),
                step =>
                {
                    progress.Show(wanted - step.Remaining);
                    if (streams)
                    {
                        printed.Add(text.Settled(model, step.Canvas, step.FinalBefore));
                    }
                },
                cancellation);
            destination.Write(parsed, path, result, () => printed.Finish(result.Text));
            TextOutput.Summarize(path, result);
            return 0;
        });
        return command;
    }

    /// <summary>What has been printed of the text.</summary>
    private sealed class Printed(bool isShown)
    {
        private int _length;

        /// <summary>Prints whole lines that will not change any more: a character may be of several tokens, a line end is one.</summary>
        public void Add(string settled)
        {
            int end = settled.LastIndexOf('\n') + 1;
            if (end > _length)
            {
                Print(settled[_length..end]);
                _length = end;
            }
        }

        public void Finish(string text) => Print(text.EndsWith('\n') ? text[_length..] : text[_length..] + "\n");

        private void Print(string text) => Console.Out.Write(isShown ? TerminalText.Safe(text) : text);
    }
}
