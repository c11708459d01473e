using System.CommandLine;
using Cinnabar.Checkpoints;

namespace Cinnabar.Cli;

/// <summary>Where a text that was written goes: standard output, a new file, or one JSON object.</summary>
internal sealed class TextOutput
{
    private readonly Option<string?> _out = new("--out", "-o", "--output")
    {
        Description = "Write the text to this new file. [default: standard output]",
        HelpName = "file",
    };

    private readonly Option<bool> _force = new("--force") { Description = "Let files be replaced. [default: refuse]" };
    private readonly Option<bool> _json = new("--json")
    {
        Description = "Print one JSON object: text, holes, ids, counts. [default: the text]",
    };

    /// <summary>Adds the options.</summary>
    /// <param name="command">To this command.</param>
    /// <param name="other">Another option that names a new file, or null.</param>
    public void AddTo(Command command, Option<string?>? other = null)
    {
        foreach (Option option in (Option[])[_out, _force, _json])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            bool namesFile = result.GetValue(_out) is not null || (other is not null && result.GetValue(other) is not null);
            if (result.GetValue(_force) && !namesFile)
            {
                string wanted = other is null ? "--out" : $"--out or {other.Name}";
                result.AddError($"Expected {wanted} with --force, found --force alone.");
            }
        });
    }

    /// <summary>The file of --out, checked before any work is done; null: there is none.</summary>
    public string? TargetOf(ParseResult parsed) => NewFile.Require(parsed.GetValue(_out), parsed.GetValue(_force));

    /// <summary>Whether files may be replaced.</summary>
    public bool MayReplace(ParseResult parsed) => parsed.GetValue(_force);

    /// <summary>Whether the text itself is printed.</summary>
    public bool IsPrinted(ParseResult parsed, string? target) => target is null && !parsed.GetValue(_json);

    /// <summary>Hands a result out, what is printed first: it stays if the file cannot be written.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="target">The file that receives the text, or null.</param>
    /// <param name="result">The text.</param>
    /// <param name="print">Prints it, where it is printed.</param>
    public void Write(ParseResult parsed, string? target, GenerationResult result, Action print)
    {
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json => ResultWriter.WriteMembers(json, result));
        }
        else if (target is null)
        {
            print();
        }

        if (target is not null)
        {
            AtomicFile.Write(target, System.Text.Encoding.UTF8.GetBytes(result.Text));
        }
    }

    /// <summary>The closing line.</summary>
    public static void Summarize(string? target, GenerationResult result)
    {
        string summary = ResultWriter.Summary(result);
        Console.Error.WriteLine(target is null ? summary : $"{TerminalText.Quote(target)}: {summary}");
    }
}
