using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Training.Objectives;

/// <summary>One pass worth of sequences and what the network should say about them.</summary>
/// <param name="Ids">B·L token ids as the network sees them.</param>
/// <param name="Batch">B.</param>
/// <param name="ValidLengths">Tokens of each sequence before its padding: [B].</param>
/// <param name="Rows">Positions whose token is to be predicted, in 0 … B·L − 1, ascending.</param>
/// <param name="Targets">The true token at each row.</param>
/// <param name="Scales">Weight of each row's cross-entropy in the loss.</param>
public sealed record TrainingBatch(int[] Ids, int Batch, int[] ValidLengths, int[] Rows, int[] Targets, float[] Scales)
{
    /// <summary>
    /// Whether the second half of each sequence is the first half once more, with noise (block diffusion); <see cref="ValidLengths"/>
    /// then counts the tokens of one half. Default false.
    /// </summary>
    public bool HasNoisyHalf { get; init; }

    /// <summary>Who sees whom in this pass; null, the default: as the network is configured.</summary>
    public AttentionKind? Attention { get; init; }
}
