using System.CommandLine;
using Cinnabar.Constraints;
using Cinnabar.Sampling;

namespace Cinnabar.Cli;

/// <summary>What `generate` and `infill` share: the model, the sampler, the display, and where the result goes.</summary>
internal sealed class TextCommand
{
    private readonly ModelArguments _model = new();
    private readonly SamplerArguments _sampler = new();
    private readonly ConstraintArguments _constraint = new();
    private readonly TextOutput _output = new();
    private readonly Option<bool> _plain = new("--plain") { Description = "No picture of the canvas. [default: a picture on a terminal]" };
    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "Write the ids before every pass and at the end to this JSON file; - prints every step as lines to standard error. "
            + "[default: off]",
        HelpName = "file",
    };

    public TextCommand AddTo(Command command)
    {
        _model.AddTo(command);
        _sampler.AddTo(command);
        _constraint.AddTo(command);
        _output.AddTo(command, _trace);
        command.Add(_plain);
        command.Add(_trace);
        return this;
    }

    /// <summary>Loads the model, writes the text, and hands it out.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="inPlace">The file that is rewritten, or null.</param>
    /// <param name="endWithLineBreak">Whether printed text gets a line break at its end.</param>
    /// <param name="cancellation">Stops the loading of the model.</param>
    /// <param name="write">Writes the text with the given options and constraint, telling every step.</param>
    public int Run(
        ParseResult parsed,
        string? inPlace,
        bool endWithLineBreak,
        CancellationToken cancellation,
        Func<DiffusionModel, SamplerOptions, Constraint?, Action<DenoisingStep>, GenerationResult> write)
    {
        string? target = _output.TargetOf(parsed);
        if (inPlace is not null && target is not null)
        {
            throw new CinnabarException("Expected the text to go to one file, found --in-place and --out.", "Leave one of them out.");
        }

        target = inPlace ?? target;
        bool printsTrace = parsed.GetValue(_trace) == InputText.StandardInput;
        string? traceFile = printsTrace ? null : parsed.GetValue(_trace);
        RequireOther(traceFile, target);
        NewFile.Require(traceFile, _output.MayReplace(parsed), "--trace");

        TraceFile? trace = traceFile is null ? null : new TraceFile();
        Constraint? constraint = _constraint.Read(parsed);
        DiffusionModel model = _model.Load(parsed, cancellation);
        SamplerOptions options = _sampler.Read(parsed, model.DefaultOptions) with { MeasureDrift = parsed.IsVerbose() };
        Screen screen = Screen.Detect(parsed.GetValue(_plain));
        GenerationResult result;
        using (CanvasDisplay display = new(Console.Error, model.Tokenizer, screen, printsTrace))
        {
            result = write(model, options, constraint, step =>
            {
                trace?.Add(step);
                display.Show(step);
            });
        }

        if (result.OmittedTokens > 0)
        {
            Console.Error.WriteLine(
                $"The model saw the {model.Config.MaxSequenceLength} tokens around the holes that fit its context; "
                + $"{result.OmittedTokens} tokens farther away were left out.");
        }

        try
        {
            _output.Write(parsed, target, result, () =>
            {
                string text = endWithLineBreak && !result.Text.EndsWith('\n') ? result.Text + "\n" : result.Text;
                Console.Out.Write(screen.ResultIsShown ? TerminalText.Safe(text) : text);
                if (screen.ResultIsShown && !Console.IsErrorRedirected && !text.EndsWith('\n'))
                {
                    Console.Error.WriteLine(); // what follows does not stand behind the text
                }
            });
        }
        finally
        {
            trace?.Write(traceFile!, model.Name, options.Seed);
        }

        if (parsed.IsVerbose())
        {
            Console.Error.WriteLine(ResultWriter.Details(result));
        }

        TextOutput.Summarize(target, result);
        return 0;
    }

    private static void RequireOther(string? traceFile, string? target)
    {
        if (traceFile is null || target is null)
        {
            return;
        }

        NewFile.RequirePath(traceFile, "--trace");
        if (Path.GetFullPath(traceFile) == Path.GetFullPath(target))
        {
            throw new CinnabarException(
                $"Expected --trace to name another file than the text's, found {TerminalText.Quote(traceFile)} for both.",
                "Give another name.");
        }
    }
}
