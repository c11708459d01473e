// Operations without a gradient: networks that use them can only be run.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

public sealed partial class Tape
{
    /// <summary>Scaled dot-product attention of several sequences whose query rows stand one behind the other.</summary>
    /// <param name="q">[ΣM, H·D].</param>
    /// <param name="parts">Keys, values and shape of each.</param>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable Attention(Variable q, ReadOnlyMemory<AttentionPart> parts)
    {
        RequireInference("Attention in parts");
        Variable o = Operand(q.Value.Shape);
        Tensor logSumExp = Rent(q.Value.Rows, parts.Span[0].Shape.Heads);
        Kernels.Attention.Forward(q.Value, parts, AttentionPrecision, o.Value, logSumExp);
        return o;
    }

    /// <summary>Zeros [length, columns] for the keys or values of a cache, which only attention may read.</summary>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Tensor CacheRows(int length, int columns)
    {
        RequireInference("A cache of keys and values");
        Tensor rows = Tensor.Zeros(length, columns);
        rows.IsOperand = RoundsAttention;
        return rows;
    }

    /// <summary>
    /// Rotates queries and keys, and puts keys and values into caches (<see cref="IKeyValueRows.Store"/>); after that only attention may
    /// read any of them.
    /// </summary>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public void StoreRows(
        Variable q,
        Variable k,
        Variable v,
        RotaryAngles? angles,
        int length,
        ReadOnlySpan<int> positions,
        ReadOnlySpan<KeyValueTarget> targets)
    {
        RequireInference("A cache of keys and values");
        foreach (Variable each in (ReadOnlySpan<Variable>)[q, k, v])
        {
            each.Value.IsOperand = RoundsAttention;
        }

        Kernels.KeyValueRows.Store(q.Value, k.Value, v.Value, angles, length, positions, targets);
    }

    /// <summary>y = gelu(gate) ∘ up, in place in <paramref name="gate"/>, which must not be used otherwise.</summary>
    /// <param name="gate">[T, F].</param>
    /// <param name="up">[T, F].</param>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable GeGlu(Variable gate, Variable up)
    {
        RequireInference("GeGlu");
        Kernels.GeGlu.Forward(gate.Value, up.Value, gate.Value);
        return gate;
    }

    /// <summary>x = factor · x, in place.</summary>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable Scale(Variable x, float factor)
    {
        RequireInference("Scale");
        Kernels.Scaling.Forward(x.Value, factor);
        return x;
    }

    /// <summary>x = cap · tanh(x / cap), in place.</summary>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public Variable SoftCap(Variable x, float cap)
    {
        RequireInference("SoftCap");
        Kernels.SoftCap.Forward(x.Value, cap);
        return x;
    }

    private void RequireInference(string operation)
    {
        if (Recording)
        {
            throw new NotSupportedException($"{operation} has no gradient yet: networks with it can only be run.");
        }
    }
}
