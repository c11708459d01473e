namespace Cinnabar.Tokenizers;

/// <summary>The special tokens around a single text: what TemplateProcessing, BertProcessing and RobertaProcessing add to it.</summary>
/// <param name="Before">Ids in front, such as the begin of text.</param>
/// <param name="After">Ids behind, such as a separator.</param>
internal sealed record PostProcessor(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    /// <summary>Adds nothing.</summary>
    public static PostProcessor None { get; } = new([], []);
}
