namespace Cinnabar.Evaluation.Proofreading;

/// <summary>What is wrong.</summary>
public enum ErrorKind
{
    /// <summary>Another identifier of the same piece stands in place of one.</summary>
    Identifier,

    /// <summary>A wrong operator, such as &lt; for &lt;=.</summary>
    Operator,

    /// <summary>A word or sign is missing, or stands there twice.</summary>
    Token,

    /// <summary>Two arguments are exchanged.</summary>
    Arguments,

    /// <summary>A wrong number, truth value or string.</summary>
    Literal,
}

/// <summary>A piece of a document with one error.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Document">Index of the document.</param>
/// <param name="Line">The line of the error in the piece, from 0.</param>
/// <param name="Text">The piece with the error; lines end with LF.</param>
/// <param name="Original">The piece without.</param>
public sealed record PlantedError(ErrorKind Kind, int Document, int Line, string Text, string Original);
