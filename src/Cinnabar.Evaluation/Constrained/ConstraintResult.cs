using System.Globalization;
using System.Text.Json;
using Cinnabar.Constraints;

namespace Cinnabar.Evaluation.Constrained;

/// <summary>What came of the constraints of one kind at one temperature.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Temperature">The temperature.</param>
/// <param name="Valid">Texts that satisfy their constraint.</param>
/// <param name="Texts">Texts that were written.</param>
/// <param name="TooLong">Constraints that no text on their canvas satisfies; none was written.</param>
/// <param name="Seconds">Median time of a text; this and what follows are shown only if there is a text.</param>
/// <param name="FreeSeconds">Median time of a text without constraint.</param>
/// <param name="Overhead">
/// Median of the ratios of time with and without constraint over the passes that both took on the same canvas, less 1.
/// </param>
public sealed record ConstraintResult(
    ConstraintKind Kind, double Temperature, int Valid, int Texts, int TooLong, double Seconds, double FreeSeconds, double Overhead)
{
    /// <summary>Titles of <see cref="Cells"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } =
        ["kind", "temperature", "valid", "texts", "too long", "ms a text", "without", "overhead"];

    /// <summary>A row of a table.</summary>
    public string[] Cells =>
    [
        NameOf(Kind),
        Number(Temperature),
        Valid.ToString("N0", CultureInfo.InvariantCulture),
        Texts.ToString("N0", CultureInfo.InvariantCulture),
        TooLong.ToString("N0", CultureInfo.InvariantCulture),
        Texts == 0 ? "" : Number(1000 * Seconds),
        Texts == 0 ? "" : Number(1000 * FreeSeconds),
        Texts == 0 ? "" : $"{Number(100 * Overhead)} %",
    ];

    /// <summary>A kind in words.</summary>
    public static string NameOf(ConstraintKind kind) => kind == ConstraintKind.Regex ? "regex" : "json_schema";

    /// <summary>Writes the members of the result.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("kind", NameOf(Kind));
        json.WriteNumber("temperature", Temperature);
        json.WriteNumber("valid", Valid);
        json.WriteNumber("texts", Texts);
        json.WriteNumber("too_long", TooLong);
        WriteMeasured(json, "median_seconds", Seconds);
        WriteMeasured(json, "median_seconds_without", FreeSeconds);
        WriteMeasured(json, "overhead_percent", 100 * Overhead);
    }

    private void WriteMeasured(Utf8JsonWriter json, string name, double value)
    {
        if (Texts == 0)
        {
            json.WriteNull(name);
        }
        else
        {
            json.WriteNumber(name, value);
        }
    }

    private static string Number(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}

/// <summary>Times of work that is done once for a constraint.</summary>
/// <param name="Kind">The kind.</param>
/// <param name="Constraints">How many.</param>
/// <param name="Refused">How many more were refused, since their automata would be too large.</param>
/// <param name="Compile">Median seconds from its text to an automaton over bytes.</param>
/// <param name="MostCompile">The longest.</param>
/// <param name="Lift">Median seconds to the tokens of the model.</param>
/// <param name="MostLift">The longest.</param>
public sealed record ConstraintPreparation(
    ConstraintKind Kind, int Constraints, int Refused, double Compile, double MostCompile, double Lift, double MostLift)
{
    /// <summary>Titles of <see cref="Cells"/>.</summary>
    public static IReadOnlyList<string> Columns { get; } = ["kind", "constraints", "refused", "compile ms", "longest", "lift ms", "longest"];

    /// <summary>A row of a table.</summary>
    public string[] Cells =>
    [
        ConstraintResult.NameOf(Kind),
        Constraints.ToString("N0", CultureInfo.InvariantCulture),
        Refused.ToString("N0", CultureInfo.InvariantCulture),
        .. new[] { Compile, MostCompile, Lift, MostLift }.Select(seconds => (1000 * seconds).ToString("F2", CultureInfo.InvariantCulture)),
    ];

    /// <summary>Writes the members.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("kind", ConstraintResult.NameOf(Kind));
        json.WriteNumber("constraints", Constraints);
        json.WriteNumber("refused", Refused);
        json.WriteNumber("median_compile_seconds", Compile);
        json.WriteNumber("most_compile_seconds", MostCompile);
        json.WriteNumber("median_lift_seconds", Lift);
        json.WriteNumber("most_lift_seconds", MostLift);
    }
}

/// <summary>A text that does not satisfy its constraint.</summary>
/// <param name="Constraint">The constraint.</param>
/// <param name="Temperature">The temperature.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Text">The text.</param>
public sealed record InvalidText(SampledConstraint Constraint, double Temperature, ulong Seed, string Text);
