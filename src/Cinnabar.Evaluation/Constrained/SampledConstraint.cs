using Cinnabar.Constraints;

namespace Cinnabar.Evaluation.Constrained;

/// <summary>A constraint that was made up, and a check of texts that shares no code with what enforces it.</summary>
/// <param name="Kind">A regular expression or a JSON Schema.</param>
/// <param name="Source">The expression, or the schema as JSON.</param>
/// <param name="Holds">Whether a whole text is allowed.</param>
public sealed record SampledConstraint(ConstraintKind Kind, string Source, Func<string, bool> Holds)
{
    /// <summary>Compiles it.</summary>
    public Constraint Compile() => Kind == ConstraintKind.Regex ? Constraint.FromRegex(Source) : Constraint.FromJsonSchema(Source);
}
