namespace Cinnabar.Constraints;

/// <summary>Constraints by their texts, for callers that get the same ones over and over. Thread-safe, bounded.</summary>
public sealed class ConstraintCache
{
    private const long MostStates = 1 << 20;

    private readonly RecentlyUsed<(bool IsSchema, string Text), Constraint> _kept = new(MostStates);

    /// <inheritdoc cref="Constraint.FromRegex"/>
    public Constraint Regex(string pattern) => Get(isSchema: false, pattern);

    /// <inheritdoc cref="Constraint.FromJsonSchema"/>
    public Constraint JsonSchema(string schema) => Get(isSchema: true, schema);

    // A long text weighs too.
    private Constraint Get(bool isSchema, string text) => _kept.Get(
        (isSchema, text),
        key => key.IsSchema ? Constraint.FromJsonSchema(key.Text) : Constraint.FromRegex(key.Text),
        constraint => constraint.Automaton.StateCount + (text.Length / 64) + 1);
}
