// cinnabar infill FILE: fills the holes in a text and leaves everything else as it is, byte for byte.
using System.CommandLine;
using System.Text.RegularExpressions;
using Cinnabar.Constraints;

namespace Cinnabar.Cli.Commands;

internal sealed class InfillCommand
{
    private const string StandardLength = "trim";

    private readonly Argument<string?> _file = new("file")
    {
        Description = "Text file with holes marked <fill>, or <fill:N> for at most N tokens; - is standard input.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _prefixFile = new("--prefix-file")
    {
        Description = "Text before the hole, instead of a file with markers. [default: none]",
        HelpName = "file",
    };

    private readonly Option<string?> _suffixFile = new("--suffix-file")
    {
        Description = "Text behind the hole, instead of a file with markers. [default: none]",
        HelpName = "file",
    };

    private readonly Option<string> _marker = new("--marker")
    {
        Description = "What marks a hole.",
        HelpName = "text",
        DefaultValueFactory = _ => TextWithHoles.DefaultMarker,
    };

    private readonly Option<int> _holeTokens = new("--hole-tokens", "-n")
    {
        Description = "The most tokens for a hole; it may end up shorter.",
        HelpName = "n",
        DefaultValueFactory = _ => TextWithHoles.DefaultHoleTokens,
    };

    private readonly Option<string> _length = new("--length")
    {
        Description = "How long holes become: fixed (exactly their number of tokens), trim (at most, the model ends them), grow (the model "
            + "adds tokens), probe (passes find the length first).",
        HelpName = "policy",
        DefaultValueFactory = _ => StandardLength,
    };

    private readonly Option<int> _leastTokens = new("--least-tokens")
    {
        Description = "The fewest tokens for a hole.",
        HelpName = "n",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<int?> _growsFrom = new("--grow-from")
    {
        Description = $"With how many tokens holes start under --length grow. [default: {TextWithHoles.DefaultGrowsFrom}]",
        HelpName = "n",
    };

    private readonly Option<bool> _inPlace = new("--in-place", "-i")
    {
        Description = "Write the completed text back to the file. [default: standard output]",
    };

    private readonly TextCommand _text = new();

    public static Command Create() => new InfillCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("infill", "Fill the <fill> holes in a text.")
        {
            _file, _prefixFile, _suffixFile, _marker, _holeTokens, _leastTokens, _length, _growsFrom, _inPlace,
        };
        _text.AddTo(command);
        command.Validators.Add(result =>
        {
            bool around = result.GetValue(_prefixFile) is not null || result.GetValue(_suffixFile) is not null;
            string? file = result.GetValue(_file);
            if (around == file is not null)
            {
                string found = around ? "both" : "neither";
                result.AddError($"Expected a file with markers, or --prefix-file and --suffix-file, found {found}.");
            }

            if (around && result.GetResult(_marker) is { Implicit: false })
            {
                result.AddError("Expected --marker beside a file with markers, found it beside --prefix-file or --suffix-file.");
            }

            if (result.GetValue(_inPlace) && file is null or InputText.StandardInput)
            {
                result.AddError("Expected a file to write back to with --in-place, found none.");
            }
        });
        _leastTokens.RequireRange(0, TextWithHoles.MaxHoleTokens);
        _length.AcceptOnlyFromAmong([.. Enum.GetNames<LengthPolicy>().Select(name => name.ToLowerInvariant())]);
        _growsFrom.RequireRange(1, TextWithHoles.MaxHoleTokens);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_growsFrom) is not null && result.GetValue(_length) is var policy && policy != "grow")
            {
                result.AddError($"Expected --grow-from beside --length grow, found it beside --length {policy ?? StandardLength}.");
            }
        });
        command.SetWork(Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        TextWithHoles text = Read(parsed);
        string? inPlace = parsed.GetValue(_inPlace) ? FileBehind(parsed.GetValue(_file)!) : null;
        return _text.Run(
            parsed,
            inPlace,
            endWithLineBreak: false,
            cancellation,
            (model, options, constraint, show) => model.Infill(Constrained(text, constraint), options, show, cancellation));
    }

    // Every hole alike.
    private static TextWithHoles Constrained(TextWithHoles text, Constraint? constraint) =>
        text with { Constraints = [.. text.HoleTokens.Select(_ => constraint)] };

    private TextWithHoles Read(ParseResult parsed)
    {
        int tokens = parsed.GetValue(_holeTokens);
        if (parsed.GetValue(_file) is not string file)
        {
            return Sized(parsed, [ReadOrEmpty(parsed.GetValue(_prefixFile)), ReadOrEmpty(parsed.GetValue(_suffixFile))], [tokens]);
        }

        string marked = InputText.Read(file);
        string marker = parsed.GetValue(_marker)!;
        RequireSizes(marked, marker);
        TextWithHoles text = TextWithHoles.Parse(marked, marker, tokens);
        return Sized(parsed, text.Texts, text.HoleTokens);
    }

    private TextWithHoles Sized(ParseResult parsed, IReadOnlyList<string> texts, IReadOnlyList<int> most)
    {
        int least = parsed.GetValue(_leastTokens);
        return new TextWithHoles(texts, most)
        {
            Length = Enum.Parse<LengthPolicy>(parsed.GetValue(_length)!, ignoreCase: true),
            LeastTokens = [.. most.Select(tokens => Math.Min(least, tokens))],
            GrowsFrom = parsed.GetValue(_growsFrom) ?? TextWithHoles.DefaultGrowsFrom,
        };
    }

    // To the library what is nearly a marker is text; here somebody mistyped it.
    private static void RequireSizes(string text, string marker)
    {
        if (!marker.EndsWith('>'))
        {
            return;
        }

        Match wrong = Regex.Match(text, $"{Regex.Escape(marker[..^1])}:(?![0-9]+>)[^<>\\r\\n]*>", RegexOptions.CultureInvariant);
        if (wrong.Success)
        {
            int line = text.AsSpan(0, wrong.Index).Count('\n') + 1;
            throw new CinnabarException(
                $"Expected a number of tokens in {marker[..^1]}:N>, found {TerminalText.Quote(wrong.Value)} in line {line}.",
                "Correct it, or choose another --marker.");
        }
    }

    // A link stays one, and the file that it leads to is rewritten.
    private static string FileBehind(string path)
    {
        FileInfo file = new(path);
        return file.LinkTarget is null ? path : file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
    }

    private static string ReadOrEmpty(string? path) => path is null ? "" : InputText.Read(path);
}
