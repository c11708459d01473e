// cinnabar generate [PROMPT]: continues a text, or writes one from nothing.
using System.CommandLine;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Commands;

internal static class GenerateCommand
{
    public static Command Create()
    {
        Argument<string?> prompt = new("prompt")
        {
            Description = "The text so far; - or none reads standard input if it is not a terminal; empty writes from nothing.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> promptFile = new("--prompt-file", "-f")
        {
            Description = "Read the prompt from this file. [default: the argument]",
            HelpName = "file",
        };
        Option<int?> maxNewTokens = new("--max-new-tokens", "-n")
        {
            Description = "Length of the canvas behind the prompt; the text may end earlier. "
                + $"[default: the model's, or {new SamplerOptions().MaxNewTokens}]",
            HelpName = "n",
        };
        maxNewTokens.RequireRange(1, SamplerOptions.MaximumCount);
        Option<int[]?> promptIds = new("--prompt-ids")
        {
            Description = "Continue these token ids instead of a text, for comparing with other programs: nothing is added in front, any "
                + "token may be written, and none ends the text. [default: none]",
            HelpName = "1,2,3",
            AllowMultipleArgumentsPerToken = false,
            CustomParser = IdsOption.Parse,
        };
        Command command = new("generate", "Continue a text.") { prompt, promptFile, promptIds, maxNewTokens };
        TextCommand text = new TextCommand().AddTo(command);
        command.Validators.Add(result =>
        {
            bool[] given =
                [result.GetValue(prompt) is not null, result.GetValue(promptFile) is not null, result.GetResult(promptIds) is not null];
            if (given.Count(isGiven => isGiven) > 1)
            {
                result.AddError("Expected one of a prompt, --prompt-file and --prompt-ids, found more.");
            }
        });
        command.SetWork((parsed, cancellation) =>
        {
            int[]? ids = parsed.GetResult(promptIds) is null ? null : parsed.GetValue(promptIds);
            string start = ids is null ? PromptOf(parsed.GetValue(prompt), parsed.GetValue(promptFile)) : "";
            return text.Run(parsed, inPlace: null, endWithLineBreak: true, cancellation, (model, options, constraint, show) =>
            {
                int wanted = parsed.GetValue(maxNewTokens) ?? options.MaxNewTokens;
                if (ids is not null)
                {
                    if (constraint is not null)
                    {
                        throw new CinnabarException(
                            "Expected no constraint beside --prompt-ids, found one.", "Give the prompt as text.");
                    }

                    IdsOption.Check(ids, model);
                    return model.Generate(ids, options with { MaxNewTokens = wanted }, show, cancellation);
                }

                GenerationResult result = model.Generate(
                    start, options with { MaxNewTokens = wanted }, show, cancellation, constraint);
                int canvas = result.Holes[0].CanvasLength;
                if (canvas < wanted && parsed.GetValue(maxNewTokens) is not null)
                {
                    Console.Error.WriteLine(
                        $"The canvas was cut to {canvas} tokens: {wanted} do not fit behind the prompt into the model's context of "
                        + $"{model.Config.MaxSequenceLength}.");
                }

                return result;
            });
        });
        return command;
    }

    private static string PromptOf(string? prompt, string? file) =>
        file is not null ? InputText.Read(file)
        : prompt == InputText.StandardInput || (prompt is null && Console.IsInputRedirected) ? InputText.Read(InputText.StandardInput)
        : prompt ?? "";
}
