// cinnabar write [PROMPT]: a text longer than the model's context, all of it denoised at once. What is finished from the left is printed
// while the rest is still noise.
using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Sampling;

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
        Option<string?> target = new("--out", "-o", "--output")
        {
            Description = "Write the text to this new file. [default: standard output]", HelpName = "file",
        };
        Option<bool> force = new("--force") { Description = "Let --out replace a file. [default: refuse]" };
        Option<bool> asJson = new("--json") { Description = "Print one JSON object: text, ids, counts. [default: the text]" };
        Command command = new("write", "Write a text longer than the model's context, all of it denoised at once.")
        {
            prompt, tokens, overlap, target, force, asJson,
        };
        SamplerArguments sampler = new();
        sampler.AddTo(command);
        ModelArguments models = new ModelArguments().AddTo(command);
        tokens.RequireRange(1, MostTokens);
        command.SetWork((parsed, cancellation) =>
        {
            string? path = NewFile.Require(parsed.GetValue(target), parsed.GetValue(force));
            string start = parsed.GetValue(prompt) is string given
                ? given == InputText.StandardInput ? InputText.Read(given) : given
                : "";
            DiffusionModel model = models.Load(parsed);
            int wanted = parsed.GetValue(tokens);
            EvaluationProgress progress = new("writing", "tokens", wanted);
            bool streams = path is null && !parsed.GetValue(asJson);
            Printed printed = new(model, Screen.Detect(plain: false).ResultIsShown);
            if (streams)
            {
                printed.Add(start);
            }

            GenerationResult result = model.WriteLong(
                start,
                wanted,
                parsed.GetValue(overlap),
                sampler.Read(parsed, model.DefaultOptions),
                step =>
                {
                    progress.Show(wanted - step.Remaining);
                    if (streams)
                    {
                        printed.Add(step);
                    }
                },
                cancellation);
            if (path is not null)
            {
                AtomicFile.Write(path, System.Text.Encoding.UTF8.GetBytes(result.Text));
            }
            else if (parsed.GetValue(asJson))
            {
                ResultWriter.WriteJson(json => ResultWriter.WriteMembers(json, result));
            }
            else
            {
                printed.Finish(result.Holes[0].Text);
            }

            Console.Error.WriteLine(ResultWriter.Summary(result));
            return 0;
        });
        return command;
    }

    /// <summary>What has been printed of the text.</summary>
    private sealed class Printed(DiffusionModel model, bool isShown)
    {
        private string _text = "";

        public void Add(string text) => Console.Out.Write(isShown ? TerminalText.Safe(text) : text);

        /// <summary>Prints whole lines that will not change any more: a character may be of several tokens, a line end is one.</summary>
        public void Add(DenoisingStep step)
        {
            string settled = model.Tokenizer.Decode(step.Canvas.SettledTextOf(0, step.FinalBefore));
            int end = settled.LastIndexOf('\n') + 1;
            if (end > _text.Length)
            {
                Add(settled[_text.Length..end]);
                _text = settled[..end];
            }
        }

        public void Finish(string text) => Add(text.EndsWith('\n') ? text[_text.Length..] : text[_text.Length..] + "\n");
    }
}
