// Runs the parsed command and turns every failure into one message on stderr and an exit code:
//   0 done   1 failed   2 the command line was wrong   130 stopped by Ctrl-C (StopSignals)
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Cinnabar.Numerics;

namespace Cinnabar.Cli;

internal static partial class CommandRunner
{
    public const int Failed = 1;
    public const int WrongCommandLine = 2;
    public const int Cancelled = 130;

    private static readonly Option<bool> s_verbose = new("--verbose")
    {
        Description = "Show details, such as where the network runs, and the stack trace of an error.",
        Recursive = true,
    };

    /// <summary>Whether details are wanted.</summary>
    public static bool IsVerbose(this ParseResult parsed) => parsed.GetValue(s_verbose);

    public static async Task<int> RunAsync(RootCommand root, string[] arguments)
    {
        root.Add(s_verbose);
        // No response files: a text that begins with @ is that text.
        ParseResult parsed = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        string? unknownOption = parsed.Action is HelpAction ? null : OptionAsArgument(parsed);
        if (unknownOption is not null || parsed.Errors.Count > 0)
        {
            return TellWrongCommandLine(root, parsed, unknownOption);
        }

        bool verbose = parsed.IsVerbose();
        try
        {
            RequireKnownKernelForm();
            using StopSignals signals = new(Environment.Exit);
            InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(invocation, signals.Token);
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync("Stopped.");
            return Cancelled;
        }
        catch (DeviceException e)
        {
            string details = e.Details is null ? e.StackTrace ?? "" : e.Details;
            await Console.Error.WriteLineAsync(TerminalText.Safe($"error: {e.InWords}{(verbose ? $"\n{details}" : "")}"));
            return Failed;
        }
        catch (Exception e) when (e is CinnabarException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(TerminalText.Safe(verbose ? e.ToString() : $"error: {SamplerWords.InWords(e.Message)}"));
            return Failed;
        }
        catch (Exception e)
        {
            string brief = $"error: {e.GetType().Name}: {e.Message} "
                + "This is a defect in Cinnabar; run again with --verbose and report the output.";
            await Console.Error.WriteLineAsync(TerminalText.Safe(verbose ? e.ToString() : brief));
            return Failed;
        }
    }

    /// <summary>Lets a command run off the main thread, so that Ctrl-C is heard while it computes.</summary>
    public static void SetWork(this Command command, Func<ParseResult, CancellationToken, int> work) =>
        command.SetAction((parsed, cancellation) => Task.Run(() => work(parsed, cancellation), CancellationToken.None));

    // Numerics reports a wrong CINNABAR_ISA as a wrong argument; here it is something the user gave.
    private static void RequireKnownKernelForm()
    {
        try
        {
            KernelForms.FromEnvironment();
        }
        catch (ArgumentException e)
        {
            throw new CinnabarException(e.Message, "");
        }
    }

    // An option that the command does not have is an argument to the parser, if one is missing. What stands behind -- is none.
    private static string? OptionAsArgument(ParseResult parsed)
    {
        Token[] before = [.. parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash)];
        return parsed.CommandResult.Command.Arguments
            .SelectMany(argument => parsed.GetResult(argument)?.Tokens ?? [])
            .FirstOrDefault(token => before.Contains(token) && LikeAnOption().IsMatch(token.Value))?.Value;
    }

    private static int TellWrongCommandLine(RootCommand root, ParseResult parsed, string? unknownOption)
    {
        string[] known = [.. Names(root, parsed.CommandResult.Command)];
        string message = unknownOption is null
            ? $"{MessageOf(parsed)}{Suggestion(parsed.UnmatchedTokens, known)}"
            : $"Unrecognized command or argument '{unknownOption}'.{Suggestion([unknownOption], known)} "
                + "An argument that looks like an option goes last, behind --.";
        Console.Error.WriteLine(TerminalText.Safe($"error: {message}"));
        List<string> path = [];
        for (SymbolResult? at = parsed.CommandResult; at is CommandResult { Command: { } command } && command != root; at = at.Parent)
        {
            path.Insert(0, command.Name);
        }

        Console.Error.WriteLine($"Run '{string.Join(' ', ["cinnabar", .. path])} --help' for what it takes.");
        return WrongCommandLine;
    }

    // The parser names .NET types, or no option at all; people are told what to type.
    private static string MessageOf(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (command.Action is null && command.Subcommands.Count > 0)
        {
            string found = parsed.UnmatchedTokens.Count > 0 ? TerminalText.Quote(parsed.UnmatchedTokens[0]) : "none";
            return $"Expected one of {string.Join(", ", command.Subcommands.Select(c => c.Name))}, found {found}.";
        }

        ParseError error = parsed.Errors[0];
        OptionResult? result = error.SymbolResult as OptionResult ?? error.SymbolResult?.Parent as OptionResult;
        string[] lines = error.Message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (result is not null && lines.Length > 1 && lines[0].EndsWith("Must be one of:", StringComparison.Ordinal))
        {
            string choices = string.Join(", ", lines[1..].Select(line => line.Trim('\'')));
            string found = lines[0][lines[0].IndexOf('\'')..(lines[0].LastIndexOf('\'') + 1)];
            return $"Expected {result.Option.Name} to be one of {choices}, found {found}.";
        }

        if (result is not { Tokens: [Token token, ..] }
            || !error.Message.StartsWith("Cannot parse argument", StringComparison.Ordinal))
        {
            return error.Message;
        }

        Type type = Nullable.GetUnderlyingType(result.Option.ValueType) ?? result.Option.ValueType;
        string expected = type == typeof(double) ? "a number" : type == typeof(ulong) ? "a whole number from 0" : "a whole number";
        return $"Expected {result.Option.Name} to be {expected}, found {TerminalText.Quote(token.Value)}.";
    }

    private static string Suggestion(IReadOnlyList<string> unknown, string[] known)
    {
        foreach (string token in unknown)
        {
            string? near = NearestMatch.Find(token, known);
            if (near is not null)
            {
                return $" Did you mean '{near}'?";
            }
        }

        return "";
    }

    private static IEnumerable<string> Names(RootCommand root, Command command) =>
        command.Subcommands.Select(c => c.Name)
            .Concat(command.Options.Concat(root.Options.Where(o => o.Recursive)).Select(o => o.Name));

    [GeneratedRegex(@"^--?[A-Za-z][\w-]*(=.*)?\z")]
    private static partial Regex LikeAnOption();
}
