namespace Cinnabar.Sampling;

/// <summary>
/// By what order noisy positions are committed. Named after the other side of the same step, as in LLaDA: the rest is masked again.
/// </summary>
public enum Remasking
{
    /// <summary>Most probable token first (LLaDA <c>low_confidence</c>, Dream <c>maskgit_plus</c>).</summary>
    LowConfidence,

    /// <summary>In random order (LLaDA <c>random</c>).</summary>
    Random,

    /// <summary>Least entropy first (Dream <c>entropy</c>).</summary>
    Entropy,

    /// <summary>Largest lead of the best token over the second first (Dream <c>topk_margin</c>).</summary>
    Margin,

    /// <summary>Each position on its own with probability 1 − s/t (Dream <c>origin</c>; ancestral sampling of masked diffusion).</summary>
    Origin,
}
