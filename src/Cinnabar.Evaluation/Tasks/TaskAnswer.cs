namespace Cinnabar.Evaluation.Tasks;

/// <summary>What a model answered.</summary>
/// <param name="Example">The question.</param>
/// <param name="Text">The answer, without what ended it.</param>
public sealed record TaskAnswer(TaskExample Example, string Text);
