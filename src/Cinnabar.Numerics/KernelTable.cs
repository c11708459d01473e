// One choice of implementation for every kernel. A device is a table: nothing above Numerics knows where a tensor lives.
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics;

/// <summary>The kernels of one device, and the threads they run on.</summary>
/// <remarks>
/// The kernels of the processor keep what a call works with by thread or by call, so that several threads may use a table at once: a loop
/// of one then waits for that of another, in no order. Models that run side by side for long are better given tables of their own.
/// </remarks>
public sealed class KernelTable
{
    private static readonly Lock s_oneAtATime = new();
    private static readonly Dictionary<KernelForm, KernelTable> s_shared = [];
    private static readonly Lazy<WorkerPool> s_sharedWorkers = new(() => new WorkerPool(Environment.ProcessorCount) { IsShared = true });

    /// <summary>Which form of what runs on the processor was asked for or found best.</summary>
    public required KernelForm Form { get; init; }

    /// <summary>One line per decision: what was chosen and why.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>What runs the kernels; null: this processor.</summary>
    public IDevice? Device { get; init; }

    /// <summary>The threads every kernel of this table shares; see <see cref="Create"/> for how long they live.</summary>
    public required WorkerPool Workers { get; init; }

    /// <summary>Matrix product.</summary>
    public required IMatMul MatMul { get; init; }

    /// <summary>Row lookup.</summary>
    public required IEmbedding Embedding { get; init; }

    /// <summary>RMS normalisation.</summary>
    public required IRmsNorm RmsNorm { get; init; }

    /// <summary>Layer normalisation.</summary>
    public required ILayerNorm LayerNorm { get; init; }

    /// <summary>Rotary position embedding.</summary>
    public required IRotary Rotary { get; init; }

    /// <summary>Attention.</summary>
    public required IAttention Attention { get; init; }

    /// <summary>Gated linear unit.</summary>
    public required ISwiGlu SwiGlu { get; init; }

    /// <summary>Gated linear unit with GELU.</summary>
    public required IGeGlu GeGlu { get; init; }

    /// <summary>Smooth limit of logits.</summary>
    public required ISoftCap SoftCap { get; init; }

    /// <summary>Multiplication by one number.</summary>
    public required IScaling Scaling { get; init; }

    /// <summary>Gaussian error linear unit.</summary>
    public required IGelu Gelu { get; init; }

    /// <summary>Elementwise sum.</summary>
    public required IAdd Add { get; init; }

    /// <summary>One row added to every row.</summary>
    public required IAddBias AddBias { get; init; }

    /// <summary>Rows, each times a number, added to chosen rows.</summary>
    public required IAddScaledRows AddScaledRows { get; init; }

    /// <summary>Keys and values stored in caches.</summary>
    public required IKeyValueRows KeyValueRows { get; init; }

    /// <summary>Rows added column by column with a factor each.</summary>
    public required IGatedAdd GatedAdd { get; init; }

    /// <summary>Softmax cross-entropy.</summary>
    public required ICrossEntropy CrossEntropy { get; init; }

    /// <summary>Row-wise softmax.</summary>
    public required ISoftmax Softmax { get; init; }

    /// <summary>Optimiser steps.</summary>
    public required IOptimizer Optimizer { get; init; }

    /// <summary>What a sampler wants to know of rows of logits; null: it reads the rows, which lie in the processor's memory.</summary>
    public ITokenStatistics? TokenStatistics { get; init; }

    /// <summary>Chooses the kernels of this machine's processor.</summary>
    /// <param name="threads">
    /// Threads that share a loop. A number: they belong to this table, and stay until its <see cref="Workers"/> are disposed. Null: one per
    /// processor; all who ask so for a form get the same table, whose threads stay until the process ends.
    /// </param>
    /// <param name="form">Form of the kernels; null: <see cref="KernelForms.FromEnvironment"/>, or else the best.</param>
    /// <exception cref="ArgumentException">The environment variable CINNABAR_ISA holds an unknown word.</exception>
    public static KernelTable Create(int? threads = null, KernelForm? form = null)
    {
        KernelForm chosen = form ?? KernelForms.FromEnvironment() ?? KernelForm.Jit;
        if (threads is int count)
        {
            return Choose(new WorkerPool(count), chosen);
        }

        lock (s_oneAtATime)
        {
            if (!s_shared.TryGetValue(chosen, out KernelTable? table))
            {
                table = Choose(s_sharedWorkers.Value, chosen);
                s_shared.Add(chosen, table);
            }

            return table;
        }
    }

    private static KernelTable Choose(WorkerPool workers, KernelForm chosen)
    {
        IMatMul product = MatMulFactory.Create(chosen, workers, out string reason);
        List<string> reasons = [$"threads: {workers.Threads}", reason];
        if (chosen == KernelForm.Reference)
        {
            reasons.Add("other kernels: scalar, the definition");
            return Reference(product, workers, reasons);
        }

        // On older Intel processors the runtime prefers 256 bits although 512 are there; here they were 1.1 to 1.9 times as fast on one.
        if (Vector512.IsHardwareAccelerated || Avx512F.IsSupported)
        {
            reasons.Add("other kernels: vectors of 512 bits, the widest there are");
            return Vector<Vector512Floats>(chosen, product, workers, reasons);
        }

        if (Vector256.IsHardwareAccelerated)
        {
            reasons.Add("other kernels: vectors of 256 bits, the widest this processor has");
            return Vector<Vector256Floats>(chosen, product, workers, reasons);
        }

        reasons.Add("other kernels: vectors of 128 bits, the narrowest form");
        return Vector<Vector128Floats>(chosen, product, workers, reasons);
    }

    internal static KernelTable Reference(IMatMul matMul, WorkerPool workers, IReadOnlyList<string> reasons) => new()
    {
        Form = KernelForm.Reference,
        Reasons = reasons,
        Workers = workers,
        MatMul = matMul,
        Embedding = new ReferenceEmbedding(),
        RmsNorm = new ReferenceRmsNorm(),
        LayerNorm = new ReferenceLayerNorm(),
        Rotary = new ReferenceRotary(),
        Attention = new ReferenceAttention(),
        SwiGlu = new ReferenceSwiGlu(),
        GeGlu = new ReferenceGeGlu(),
        SoftCap = new ReferenceSoftCap(),
        Scaling = new ReferenceScaling(),
        Gelu = new ReferenceGelu(),
        Add = new ReferenceAdd(),
        AddBias = new ReferenceAddBias(),
        AddScaledRows = new ReferenceAddScaledRows(),
        KeyValueRows = new ReferenceKeyValueRows(),
        GatedAdd = new ReferenceGatedAdd(),
        CrossEntropy = new ReferenceCrossEntropy(),
        Softmax = new ReferenceSoftmax(),
        Optimizer = new ReferenceOptimizer(),
    };

    internal static KernelTable Vector<TVec>(KernelForm form, IMatMul matMul, WorkerPool workers, IReadOnlyList<string> reasons)
        where TVec : struct, ISimd<TVec> => new()
    {
        Form = form,
        Reasons = reasons,
        Workers = workers,
        MatMul = matMul,
        Embedding = new VectorEmbedding<TVec>(workers),
        RmsNorm = new VectorRmsNorm<TVec>(workers),
        LayerNorm = new VectorLayerNorm<TVec>(workers),
        Rotary = new VectorRotary<TVec>(workers),
        Attention = new VectorAttention<TVec>(workers, matMul),
        SwiGlu = new VectorSwiGlu<TVec>(workers),
        GeGlu = new VectorGeGlu<TVec>(workers),
        SoftCap = new VectorSoftCap<TVec>(workers),
        Scaling = new VectorScaling<TVec>(workers),
        Gelu = new VectorGelu<TVec>(workers),
        Add = new VectorAdd<TVec>(workers),
        AddBias = new VectorAddBias<TVec>(workers),
        AddScaledRows = new VectorAddScaledRows<TVec>(workers),
        KeyValueRows = new VectorKeyValueRows(workers, new VectorRotary<TVec>(workers)),
        GatedAdd = new VectorGatedAdd<TVec>(workers),
        CrossEntropy = new VectorCrossEntropy<TVec>(workers),
        Softmax = new VectorSoftmax<TVec>(workers),
        Optimizer = new VectorOptimizer<TVec>(workers),
    };
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
