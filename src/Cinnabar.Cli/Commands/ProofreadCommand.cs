// cinnabar proofread FILE: the places of a text that are probably wrong, and what may stand there; or the repaired text.
//
//   3:17: int total = ⟦cuont⟧ + 1;                  line:column, and the line; the place underlined instead where there are colours
//       → count (0.93), amount (0.04); score 17.2 bits
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Proofreading;

namespace Cinnabar.Cli.Commands;

internal sealed class ProofreadCommand
{
    private static readonly ProofreadingOptions s_standard = new();

    private readonly Argument<string> _file = new("file") { Description = "Text file in UTF-8; - is standard input." };
    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "Least score of a suggestion, in bits.",
        HelpName = "bits",
        DefaultValueFactory = _ => s_standard.Threshold,
    };

    private readonly Option<int> _most = new("--most")
    {
        Description = "Most suggestions, the best are kept; with --fix most edits.",
        HelpName = "n",
        DefaultValueFactory = _ => s_standard.Most,
    };

    private readonly Option<int> _places = new("--places")
    {
        Description = "Places at which edits are tried, for every 100 tokens; 0: none, each token's most probable one is suggested.",
        HelpName = "n",
        DefaultValueFactory = _ => s_standard.PlacesPerHundredTokens,
    };

    private readonly Option<bool> _fix = new("--fix")
    {
        Description = "Apply the suggestions, the best first, and print the repaired text. [default: print the suggestions]",
    };

    private readonly Option<string?> _out = new("--out", "-o", "--output")
    {
        Description = "With --fix: write the repaired text to this new file. [default: standard output]",
        HelpName = "file",
    };

    private readonly Option<bool> _force = new("--force") { Description = "Let --out replace a file. [default: refuse]" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: a line for each suggestion]" };
    private readonly Option<bool> _plain = new("--plain") { Description = "No colours. [default: colours on a terminal]" };
    private readonly ModelArguments _model = new();

    public static Command Create() => new ProofreadCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("proofread", "Find places of a text that are probably wrong, and what may stand there.")
        {
            _file, _threshold, _most, _places, _fix, _out, _force, _json, _plain,
        };
        _threshold.RequireRange(0, 1000);
        _most.RequireRange(1, 100_000);
        _places.RequireRange(0, 100);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_out) is not null && !result.GetValue(_fix))
            {
                result.AddError("Expected --fix with --out, found --out alone.");
            }

            if (result.GetValue(_force) && result.GetValue(_out) is null)
            {
                result.AddError("Expected --out with --force, found --force alone.");
            }
        });
        _model.AddTo(command);
        command.SetWork(Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string text = InputText.Read(parsed.GetValue(_file)!);
        string? target = NewFile.Require(parsed.GetValue(_out), parsed.GetValue(_force));
        DiffusionModel model = _model.Load(parsed, cancellation);
        Proofreader proofreader = new(model, s_standard with
        {
            Threshold = parsed.GetValue(_threshold),
            Most = parsed.GetValue(_most),
            PlacesPerHundredTokens = parsed.GetValue(_places),
        });
        EvaluationProgress progress = new("proofreading", "percent", 100);
        if (parsed.GetValue(_fix))
        {
            RepairedText repaired = proofreader.Fix(text, parsed.GetValue(_most), Show, cancellation);
            PrintRepaired(parsed, model, repaired, target);
        }
        else
        {
            ProofreadText read = proofreader.Read(text, Show, cancellation);
            PrintSuggestions(parsed, model, text, read);
        }

        return 0;

        void Show(double done) => progress.Show(Math.Max(1, (int)(100 * done)));
    }

    private void PrintRepaired(ParseResult parsed, DiffusionModel model, RepairedText repaired, string? target)
    {
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
                json.WriteString("text", repaired.Text);
                WriteSuggestions(json, "applied", repaired.Applied);
            });
        }
        else
        {
            if (target is null)
            {
                Console.Out.Write(Screen.Detect(plain: true).ResultIsShown ? TerminalText.Safe(repaired.Text) : repaired.Text);
            }

            foreach (Suggestion edit in repaired.Applied)
            {
                Console.Error.WriteLine($"{edit.Line}:{edit.Column}: {TerminalText.Quote(edit.Text)} → {Shown(edit.Replacements[0])}");
            }

            if (repaired.Applied.Count == 0)
            {
                Console.Error.WriteLine(
                    $"Nothing was changed: no suggestion of at least {Invariant(parsed.GetValue(_threshold), "G4")} bits.");
            }
        }

        if (target is not null)
        {
            AtomicFile.Write(target, Encoding.UTF8.GetBytes(repaired.Text));
        }
    }

    private void PrintSuggestions(ParseResult parsed, DiffusionModel model, string text, ProofreadText read)
    {
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
                json.WriteNumber("tokens", read.Tokens.Count);
                WriteSuggestions(json, "suggestions", read.Suggestions);
            });
            return;
        }

        Screen screen = Screen.Detect(parsed.GetValue(_plain));
        bool colours = screen.Colours && screen.ResultIsShown;
        foreach (Suggestion place in read.Suggestions)
        {
            Console.Out.WriteLine(ProofreadLine.Of(text, place, colours));
            string replacements = string.Join(", ", place.Replacements.Select(Shown));
            Console.Out.WriteLine($"    → {replacements}; score {Invariant(place.Score, "F1")} bits");
        }

        Console.Error.WriteLine(
            $"{read.Suggestions.Count} suggestion{(read.Suggestions.Count == 1 ? "" : "s")} of at least "
            + $"{Invariant(parsed.GetValue(_threshold), "G4")} bits in {read.Tokens.Count} tokens (model {model.Name})");
    }

    private static string Shown(Replacement replacement)
    {
        string text = replacement.Text.Length == 0 ? "(nothing)" : TerminalText.Safe(replacement.Text).Replace('\n', '\u240A');
        return $"{text} ({Invariant(replacement.Probability, "F2")})";
    }

    private static string Invariant(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static void WriteSuggestions(Utf8JsonWriter json, string name, IReadOnlyList<Suggestion> suggestions)
    {
        json.WriteStartArray(name);
        foreach (Suggestion place in suggestions)
        {
            json.WriteStartObject();
            json.WriteNumber("start", place.Start);
            json.WriteNumber("length", place.Length);
            json.WriteNumber("line", place.Line);
            json.WriteNumber("column", place.Column);
            json.WriteString("text", place.Text);
            json.WriteNumber("surprise", Math.Round(place.Surprise, 4));
            json.WriteNumber("score", Math.Round(place.Score, 4));
            json.WriteStartArray("replacements");
            foreach (Replacement replacement in place.Replacements)
            {
                json.WriteStartObject();
                json.WriteString("text", replacement.Text);
                json.WriteNumber("probability", Math.Round(replacement.Probability, 6));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
