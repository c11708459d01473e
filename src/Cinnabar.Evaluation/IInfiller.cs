namespace Cinnabar.Evaluation;

/// <summary>Something that fills a line hole: a model or a baseline.</summary>
public interface IInfiller
{
    /// <summary>Short name, for tables.</summary>
    string Name { get; }

    /// <summary>What it is, in one sentence.</summary>
    string Description { get; }

    /// <summary>Whether it has a way of its own where the number of tokens is known. Default true.</summary>
    bool TakesLength => true;

    /// <summary>Predicts the line.</summary>
    /// <param name="hole">Nothing but the length of its reference may be used, and that only if <paramref name="lengthGiven"/>.</param>
    /// <param name="lengthGiven">Whether the number of tokens is known.</param>
    InfillPrediction Fill(LineHole hole, bool lengthGiven);
}

/// <summary>A predicted line.</summary>
/// <param name="Text">The line without its indentation and line break.</param>
/// <param name="Work">Of a network, if one took part.</param>
/// <param name="EndsHole">
/// Whether a predictor that fills whole holes ended this one with the line: what it wrote behind a line break is not part of the text.
/// Null, the default: the predictor writes lines, or was given their length.
/// </param>
public readonly record struct InfillPrediction(string Text, DecodingWork Work, bool? EndsHole = null);
