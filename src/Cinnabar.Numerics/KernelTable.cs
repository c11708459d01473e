// One choice of implementation for every kernel. A device is a table: nothing above Numerics knows where a tensor lives.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics;

/// <summary>The kernels of one device, and the threads they run on.</summary>
public sealed class KernelTable
{
    /// <summary>Which form was asked for or found best.</summary>
    public required KernelForm Form { get; init; }

    /// <summary>One line per decision: what was chosen and why.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>The threads every kernel of this table shares.</summary>
    public required WorkerPool Workers { get; init; }

    /// <summary>Matrix product.</summary>
    public required IMatMul MatMul { get; init; }

    /// <summary>Row lookup.</summary>
    public required IEmbedding Embedding { get; init; }

    /// <summary>RMS normalisation.</summary>
    public required IRmsNorm RmsNorm { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required IRotary Rotary { get; init; }

    /// <summary>Attention.</summary>
    public required IAttention Attention { get; init; }

    /// <summary>Gated linear unit.</summary>
    public required ISwiGlu SwiGlu { get; init; }

    /// <summary>Elementwise sum.</summary>
    public required IAdd Add { get; init; }

    /// <summary>Softmax cross-entropy.</summary>
    public required ICrossEntropy CrossEntropy { get; init; }

    /// <summary>Row-wise softmax.</summary>
    public required ISoftmax Softmax { get; init; }

    /// <summary>Optimiser steps.</summary>
    public required IOptimizer Optimizer { get; init; }
}

/// <summary>The forms a kernel exists in.</summary>
public enum KernelForm
{
    /// <summary>Plain scalar C#, double accumulation: the definition.</summary>
    Reference,

    /// <summary>Portable vector code, one body for every register width.</summary>
    Vector,

    /// <summary>Machine code assembled at start-up for matrix products; the rest as <see cref="Vector"/>.</summary>
    Jit,
}
