// A gradient tape: every operation computes its result at once and, while recording, notes how to carry the gradient of its result
// back to its inputs. Backward() replays the notes in reverse (reverse-mode differentiation).
//
// Without recording the same calls are plain inference: nothing is noted, weights are packed once and kept, the residual sum happens
// in place, and buffers go back to the workspace as soon as a Mark/ReleaseSince pair says so. A network is therefore written once.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

/// <summary>Runs operations on one kernel table and, while recording, can differentiate what it ran. Not thread-safe.</summary>
public sealed class Tape
{
    private readonly Workspace _workspace = new();
    private readonly List<Tensor> _rented = [];
    private readonly HashSet<Tensor> _gradients = new(ReferenceEqualityComparer.Instance);
    private readonly List<(Variable Output, Action Backward)> _notes = [];
    private readonly MatMulPrecision _precision;

    /// <summary>Makes an empty tape.</summary>
    /// <param name="kernels">Where operations run.</param>
    /// <param name="recording">True for training, false for inference.</param>
    /// <param name="precision">Rounding of matrix-product operands; BF16 by default.</param>
    public Tape(KernelTable kernels, bool recording, MatMulPrecision precision = MatMulPrecision.BF16)
    {
        Kernels = kernels;
        Recording = recording;
        _precision = precision;
    }

    // Weights are BF16 anyway; activations need not be, and at inference attention is a small part of the work.
    private MatMulPrecision AttentionPrecision => Recording ? _precision : MatMulPrecision.F32;

    /// <summary>Where operations run.</summary>
    public KernelTable Kernels { get; }

    /// <summary>Whether operations can be differentiated.</summary>
    public bool Recording { get; }

    /// <summary>y[i, :] = table[ids[i], :].</summary>
    public Variable Embedding(Parameter table, int[] ids) => Lookup(table, ids);

    /// <summary>y[i, :] = x[rows[i], :].</summary>
    public Variable SelectRows(Variable x, int[] rows) => Lookup(x, rows);

    /// <summary>y = x·Wᵀ for a weight W [out, in].</summary>
    public Variable Linear(Variable x, Parameter weight)
    {
        Matrix input = x.Value.AsMatrix();
        Variable y = Output(input.Rows, weight.Value.Rows);
        if (!Recording)
        {
            MatMulPrecision precision = weight.Value.Type is DType.Int8 or DType.Int4 ? MatMulPrecision.Int8 : _precision;
            Kernels.MatMul.Multiply(input, weight.PackedTranspose(Kernels.MatMul, precision), y.Value.AsMatrix(), accumulate: false);
            return y;
        }

        Kernels.MatMul.Multiply(input, weight.Value.AsMatrix().Transposed, y.Value.AsMatrix(), accumulate: false, _precision);
        Note(y, () =>
        {
            Matrix dY = y.Gradient!.AsMatrix();
            bool first = x.Gradient is null;
            x.Gradient ??= RentGradient(x.Value.Shape);
            Kernels.MatMul.Multiply(dY, weight.Value.AsMatrix(), x.Gradient.AsMatrix(), accumulate: !first, _precision);
            Kernels.MatMul.Multiply(dY.Transposed, input, GradientOf(weight).AsMatrix(), accumulate: true, _precision);
        });
        return y;
    }

    /// <summary>RMS normalisation over the last dimension.</summary>
    public Variable RmsNorm(Variable x, Parameter weight, float epsilon)
    {
        Variable y = Output(x.Value.Shape);
        Tensor inverseRms = Rent(x.Value.Rows);
        Kernels.RmsNorm.Forward(x.Value, weight.Value, epsilon, y.Value, inverseRms);
        Note(y, () => Kernels.RmsNorm.Backward(y.Gradient!, x.Value, weight.Value, inverseRms, GradientOf(x), GradientOf(weight)));
        return y;
    }

    /// <summary>
    /// Rotates x by its positions, in place: x must not be used otherwise, and the result is x itself. The positions of a shape that chooses
    /// some cannot be differentiated.
    /// </summary>
    public Variable Rotary(Variable x, RotaryAngles angles, AttentionShape shape)
    {
        int sequenceLength = shape.Length;
        Kernels.Rotary.Forward(x.Value, angles, sequenceLength, shape.Positions);
        Variable y = new(x.Value);
        Note(y, () =>
        {
            // The gradient buffer changes hands like the value did: x takes it over from y.
            Kernels.Rotary.Backward(y.Gradient!, angles, sequenceLength);
            x.Gradient = y.Gradient;
            y.Gradient = null;
        });
        return y;
    }

    /// <summary>Scaled dot-product attention.</summary>
    public Variable Attention(Variable q, Variable k, Variable v, AttentionShape shape)
    {
        Variable o = Output(q.Value.Shape);
        Tensor logSumExp = Rent(q.Value.Rows, shape.Heads);
        Kernels.Attention.Forward(q.Value, k.Value, v.Value, shape, AttentionPrecision, o.Value, logSumExp);
        Note(o, () =>
        {
            (Tensor dQ, Tensor dK, Tensor dV) = (GradientOf(q), GradientOf(k), GradientOf(v));
            Kernels.Attention.Backward(
                o.Gradient!, q.Value, k.Value, v.Value, o.Value, logSumExp, shape, AttentionPrecision, dQ, dK, dV);
        });
        return o;
    }

    /// <summary>y = silu(gate) ∘ up.</summary>
    public Variable SwiGlu(Variable gate, Variable up)
    {
        Variable y = Output(gate.Value.Shape);
        Kernels.SwiGlu.Forward(gate.Value, up.Value, y.Value);
        Note(y, () => Kernels.SwiGlu.Backward(y.Gradient!, gate.Value, up.Value, GradientOf(gate), GradientOf(up)));
        return y;
    }

    /// <summary>The residual connection, stream + branch; without recording it happens in place in <paramref name="stream"/>.</summary>
    public Variable Add(Variable stream, Variable branch)
    {
        Variable y = Recording ? Output(stream.Value.Shape) : stream;
        Kernels.Add.Forward(stream.Value, branch.Value, y.Value);
        Note(y, () =>
        {
            Kernels.Add.Backward(y.Gradient!, GradientOf(branch));
            if (stream.Gradient is null)
            {
                stream.Gradient = y.Gradient;
                y.Gradient = null;
            }
            else
            {
                Kernels.Add.Backward(y.Gradient!, stream.Gradient);
            }
        });
        return y;
    }

    /// <summary>
    /// Softmax cross-entropy of each row of <paramref name="logits"/> against its target, in nats. While recording, the logits are
    /// replaced by the gradient of Σ scales[r]·loss[r], which <see cref="Backward"/> starts from.
    /// </summary>
    public Tensor CrossEntropy(Variable logits, int[] targets, float[] scales)
    {
        Tensor losses = Rent(targets.Length);
        if (Recording)
        {
            Kernels.CrossEntropy.ForwardBackward(logits.Value, targets, scales, losses);
            logits.Gradient = logits.Value;
        }
        else
        {
            Kernels.CrossEntropy.Forward(logits.Value, targets, losses);
        }

        return losses;
    }

    /// <summary>
    /// Carries gradients back to every parameter (adding to what they hold), then forgets all operations and their buffers.
    /// </summary>
    public void Backward()
    {
        for (int i = _notes.Count - 1; i >= 0; i--)
        {
            (Variable output, Action backward) = _notes[i];
            if (output.Gradient is not null)
            {
                backward();
                ReleaseGradient(output);
            }
        }

        Reset();
    }

    /// <summary>Forgets all operations and returns their buffers to the workspace; every result of this tape becomes invalid.</summary>
    public void Reset()
    {
        _notes.Clear();
        ReleaseFrom(0);
    }

    /// <summary>A point to release buffers back to.</summary>
    public int Mark() => _rented.Count;

    /// <summary>
    /// Without recording, returns all buffers made since <paramref name="mark"/>; while recording they are still needed and stay.
    /// </summary>
    public void ReleaseSince(int mark)
    {
        if (!Recording)
        {
            ReleaseFrom(mark);
        }
    }

    private Variable Lookup(Variable table, int[] ids)
    {
        Variable y = Output(ids.Length, table.Value.Columns);
        Kernels.Embedding.Forward(table.Value, ids, y.Value);
        Note(y, () => Kernels.Embedding.Backward(y.Gradient!, ids, GradientOf(table)));
        return y;
    }

    private Variable Output(params ReadOnlySpan<int> shape) => new(Rent(shape));

    private void Note(Variable output, Action backward)
    {
        if (Recording)
        {
            _notes.Add((output, backward));
        }
    }

    // The gradient buffer of a variable, zero if nothing contributed yet. Parameters bring their own.
    private Tensor GradientOf(Variable variable)
    {
        if (variable.Gradient is null)
        {
            if (variable is Parameter parameter)
            {
                parameter.ZeroGradient();
            }
            else
            {
                variable.Gradient = RentGradient(variable.Value.Shape);
                variable.Gradient.Floats.Clear();
            }
        }

        return variable.Gradient!;
    }

    private Tensor Rent(params ReadOnlySpan<int> shape)
    {
        Tensor tensor = _workspace.Rent(shape);
        _rented.Add(tensor);
        return tensor;
    }

    // Gradients of activations live only until the operation before has read them; giving them back at once keeps few buffers hot in
    // the cache.
    private Tensor RentGradient(ReadOnlySpan<int> shape)
    {
        Tensor tensor = _workspace.Rent(shape);
        _gradients.Add(tensor);
        return tensor;
    }

    private void ReleaseGradient(Variable variable)
    {
        if (variable.Gradient is not null && _gradients.Remove(variable.Gradient))
        {
            _workspace.Return(variable.Gradient);
        }

        variable.Gradient = null;
    }

    private void ReleaseFrom(int mark)
    {
        for (int i = _rented.Count - 1; i >= mark; i--)
        {
            _workspace.Return(_rented[i]);
        }

        _rented.RemoveRange(mark, _rented.Count - mark);
    }
}
