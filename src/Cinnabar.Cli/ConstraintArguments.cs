// What the text must be, asked for on the command line: --regex, --json-schema or --json-object.
using System.CommandLine;
using Cinnabar.Constraints;

namespace Cinnabar.Cli;

/// <summary>The constraint of a command that writes text.</summary>
internal sealed class ConstraintArguments
{
    private readonly Option<string?> _regex = new("--regex")
    {
        Description = "Write only text that matches this regular expression as a whole. [default: any text]",
        HelpName = "pattern",
    };

    private readonly Option<string?> _jsonSchema = new("--json-schema")
    {
        Description = "Write only JSON that this JSON Schema allows. [default: any text]",
        HelpName = "file",
    };

    private readonly Option<bool> _jsonObject = new("--json-object") { Description = "Write only a JSON object. [default: any text]" };

    public void AddTo(Command command)
    {
        command.Add(_regex);
        command.Add(_jsonSchema);
        command.Add(_jsonObject);
        command.Validators.Add(result =>
        {
            bool[] given =
                [result.GetValue(_regex) is not null, result.GetValue(_jsonSchema) is not null, result.GetValue(_jsonObject)];
            if (given.Count(isGiven => isGiven) > 1)
            {
                result.AddError("Expected one of --regex, --json-schema and --json-object, found more.");
            }
        });
    }

    /// <summary>The constraint; null: none was asked for.</summary>
    /// <exception cref="CinnabarException">The pattern or the schema is wrong, or its file cannot be read.</exception>
    public Constraint? Read(ParseResult parsed)
    {
        if (parsed.GetValue(_regex) is string pattern)
        {
            return Constraint.FromRegex(pattern);
        }

        if (parsed.GetValue(_jsonSchema) is string file)
        {
            return Constraint.FromJsonSchema(InputText.Read(file).TrimStart('\uFEFF')); // editors on Windows may begin a file so
        }

        return parsed.GetValue(_jsonObject) ? Constraint.AnyJsonObject : null;
    }
}
