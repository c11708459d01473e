// A set of allowed texts, compiled to an automaton when it is made:
//
//   regular expression (RegexParser) or JSON schema (JsonSchemaReader) ─▶ syntax tree (RegexNode)
//     ─▶ nondeterministic automaton (ByteNfa) ─▶ deterministic (DfaBuilder) ─▶ minimal (DfaMinimizer)
//
// docs/constraints.md explains the way.
using System.Buffers;
using System.Text.Unicode;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>Which texts are allowed: those that match a regular expression or satisfy a JSON schema. Immutable.</summary>
public sealed class Constraint : IEquatable<Constraint>
{
    private Constraint(ConstraintKind kind, string source, ByteAutomaton automaton) =>
        (Kind, Source, Automaton) = (kind, source, automaton);

    /// <summary>
    /// Any JSON object in which objects and arrays nest at most 4 deep, with at most one space behind ',' and ':' and no other white space.
    /// </summary>
    public static Constraint AnyJsonObject => JsonObject.Any;

    /// <summary>What it was made from.</summary>
    public ConstraintKind Kind { get; }

    /// <summary>
    /// The pattern or the schema as given; empty for <see cref="AnyJsonObject"/>. With <see cref="Kind"/> it tells constraints apart.
    /// </summary>
    public string Source { get; }

    /// <summary>The allowed texts as UTF-8.</summary>
    internal ByteAutomaton Automaton { get; }

    /// <summary>Texts that match a regular expression from start to end, as ECMAScript writes it.</summary>
    /// <param name="pattern">
    /// The expression. Not supported: backreferences, lookaround, \b, \p{…}, flags. ^ and $ are allowed at its ends and mean nothing.
    /// </param>
    /// <exception cref="CinnabarException">It is none, is not supported, matches nothing, or needs too large an automaton.</exception>
    public static Constraint FromRegex(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        string place = $"Regular expression {ErrorText.Quote(pattern)}";
        CompilationBudget budget = new(place);
        RegexNode tree = RegexParser.Parse(pattern, place, RegexNode.OneOf, budget);
        return !tree.IsNothing
            ? new Constraint(ConstraintKind.Regex, pattern, RegexCompiler.Compile(tree, budget))
            : throw new CinnabarException(
                $"{place}: expected a pattern that matches a text, found one without.", "Look for a class that holds no character.");
    }

    /// <summary>
    /// JSON texts that satisfy a schema (draft 2020-12), with properties in its order, at most one space behind ',' and ':' and no other
    /// white space. Properties that it does not name are not written, and recursion ends after 5 levels.
    /// </summary>
    /// <param name="schema">The schema as JSON text.</param>
    /// <exception cref="CinnabarException">
    /// It is none, is not supported, is satisfied by nothing, or needs too large an automaton.
    /// </exception>
    public static Constraint FromJsonSchema(string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        CompilationBudget budget = new(SchemaPlace.Root.ToString());
        return new Constraint(ConstraintKind.JsonSchema, schema, RegexCompiler.Compile(JsonSchemaReader.Read(schema, budget), budget));
    }

    /// <summary>Whether a whole text is allowed.</summary>
    public bool Matches(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] utf8 = new byte[text.Length * 3L];
        OperationStatus status = Utf8.FromUtf16(text, utf8, out _, out int written, replaceInvalidSequences: false);
        return status == OperationStatus.Done && Automaton.Matches(utf8.AsSpan(0, written));
    }

    /// <summary>Whether both were made from the same text.</summary>
    public bool Equals(Constraint? other) => other is not null && Kind == other.Kind && Source == other.Source;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Constraint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Source);

    // Compiled on first use.
    private static class JsonObject
    {
        public static readonly Constraint Any = new(
            ConstraintKind.JsonObject, "", RegexCompiler.Compile(JsonValues.AnyObject, new CompilationBudget("Any JSON object")));
    }
}
