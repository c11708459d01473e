namespace Cinnabar.Constraints;

/// <summary>What a constraint was made from.</summary>
public enum ConstraintKind
{
    /// <summary>A regular expression.</summary>
    Regex,

    /// <summary>A JSON schema.</summary>
    JsonSchema,

    /// <summary>Any JSON object.</summary>
    JsonObject,
}
