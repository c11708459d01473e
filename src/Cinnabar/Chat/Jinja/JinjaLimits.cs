namespace Cinnabar.Chat.Jinja;

/// <summary>What a template may use: it comes with a model that anybody may have made, and must neither hang nor fill the memory.</summary>
internal static class JinjaLimits
{
    /// <summary>Bytes of a template in UTF-8; the longest published ones have about 20,000.</summary>
    public const int TemplateBytes = 256 * 1024;

    /// <summary>Blocks, brackets and links of a chain (a.b.c) inside each other.</summary>
    public const int Nesting = 100;

    /// <summary>Macros that call each other.</summary>
    public const int MacroDepth = 100;

    /// <summary>Expressions and statements being evaluated at once; some 300 bytes of the thread's stack each.</summary>
    public const int EvaluationDepth = 1000;

    /// <summary>Turns of all loops together.</summary>
    public const int LoopTurns = 200_000;

    /// <summary>Elements of a range().</summary>
    public const int RangeLength = 10_000;

    /// <summary>Characters of the result, and of any text on the way to it; also elements of a list.</summary>
    public const int OutputLength = 2 * 1024 * 1024;

    /// <summary>Characters and elements made, and evaluations and comparisons times <see cref="EvaluationWork"/>: a second.</summary>
    public const long Work = 20_000_000;

    /// <summary>Work of evaluating an expression or statement, or of comparing two values, beside a character copied.</summary>
    public const long EvaluationWork = 4;
}
