// A layer of experts: a router gives every token a score for each of E experts, and the token takes the k best.
//
//   s = softmax(W·x) or sigmoid(W·x)                                          [E]
//   r = s + bias                       the bias decides who is chosen, not with which weight          (HasSelectionBias)
//   groups: only experts of the groups with the largest sum of their two best r stay                  (GroupCount, ActiveGroups)
//   chosen: the k largest r, of equal ones the first;  w = s[chosen], divided by their sum (Renormalize), times ScalingFactor
//
// Sources: LLaDA-MoE (softmax, not renormalised), Qwen3-MoE as in RND1 and SDAR (softmax, renormalised), LLaDA2 (sigmoid, groups, bias,
// shared expert; DeepSeek-V3 section 2.1.2).
namespace Cinnabar.Checkpoints;

/// <summary>How scores of experts are made comparable.</summary>
public enum ExpertScoring
{
    /// <summary>Over all experts.</summary>
    Softmax,

    /// <summary>Each for itself.</summary>
    Sigmoid,
}

/// <summary>Sizes of the experts, and how they are chosen.</summary>
public sealed record ExpertConfig
{
    /// <summary>E: experts of a layer (num_experts).</summary>
    public required int Count { get; init; }

    /// <summary>k: experts that a token takes (num_experts_per_tok), at most <see cref="Count"/>.</summary>
    public required int ActiveCount { get; init; }

    /// <summary>Width of each expert (moe_intermediate_size).</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>How scores are made. Default softmax.</summary>
    public ExpertScoring Scoring { get; init; }

    /// <summary>Whether the weights of the chosen experts are divided by their sum (norm_topk_prob). Default false.</summary>
    public bool Renormalize { get; init; }

    /// <summary>Factor of the weights (routed_scaling_factor). Default 1.</summary>
    public double ScalingFactor { get; init; } = 1;

    /// <summary>Whether a bias is added to the scores for the choice. Default false.</summary>
    public bool HasSelectionBias { get; init; }

    /// <summary>Groups of neighbouring experts (n_group), a divisor of <see cref="Count"/>. Default 1.</summary>
    public int GroupCount { get; init; } = 1;

    /// <summary>Groups whose experts may be chosen (topk_group). Default 1.</summary>
    public int ActiveGroups { get; init; } = 1;

    /// <summary>Width of the expert that every token takes; null: there is none. Default null.</summary>
    public int? SharedIntermediateSize { get; init; }

    /// <summary>Blocks at the start that have a dense feed-forward layer instead (first_k_dense_replace). Default 0.</summary>
    public int DenseBlocks { get; init; }
}
