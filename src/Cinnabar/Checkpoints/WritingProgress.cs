namespace Cinnabar.Checkpoints;

/// <summary>How far the writing of tensors is.</summary>
/// <param name="Tensor">The tensor that was just written.</param>
/// <param name="Done">Bytes of tensors written.</param>
/// <param name="Total">Bytes of tensors in all.</param>
public readonly record struct WritingProgress(string Tensor, long Done, long Total);
