// The operations of a network. The gradient of each stands beside it as a static lambda over a tuple of operands: a lambda that captured
// them would cost memory even where nothing is noted.
using System.Runtime.InteropServices;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

public sealed partial class Tape
{
    // Of the last group of products.
    private readonly List<PackedMatrix> _rightSides = [];
    private readonly List<Matrix> _products = [];
    private readonly List<Variable> _results = [];

    // Left-hand sides that are computed while they are packed.
    private RowSource? _normedRows;
    private RowSource? _gatedRows;

    private MatMulPrecision AttentionPrecision => Recording ? _precision : Kernels.Attention.PrecisionAtInference(_precision);

    private bool RoundsAttention => AttentionPrecision != MatMulPrecision.F32;

    /// <summary>y[i, :] = table[ids[i], :].</summary>
    public Variable Embedding(Parameter table, ReadOnlySpan<int> ids) => Lookup(table, ids);

    /// <summary>y[i, :] = x[rows[i], :].</summary>
    public Variable SelectRows(Variable x, ReadOnlySpan<int> rows) => Lookup(x, rows);

    /// <summary>y = x·Wᵀ for a weight W [out, in].</summary>
    public Variable Linear(Variable x, Parameter weight)
    {
        if (!Recording)
        {
            return Linear(x, new ReadOnlySpan<Parameter>(in weight))[0];
        }

        Matrix input = x.Value.AsMatrix();
        Variable y = Output(input.Rows, weight.Value.Rows);
        Kernels.MatMul.Multiply(input, weight.Value.AsMatrix().Transposed, y.Value.AsMatrix(), accumulate: false, _precision);
        Note(y, (x, weight), static (tape, y, of) =>
        {
            (Variable x, Parameter weight) = of;
            Matrix dY = y.Gradient!.AsMatrix();
            bool first = x.Gradient is null;
            x.Gradient ??= tape.RentGradient(x.Value.Shape);
            IMatMul product = tape.Kernels.MatMul;
            product.Multiply(dY, weight.Value.AsMatrix(), x.Gradient.AsMatrix(), accumulate: !first, tape._precision);
            product.Multiply(
                dY.Transposed, x.Value.AsMatrix(), tape.GradientOf(weight).AsMatrix(), accumulate: true, tape._precision);
        });
        return y;
    }

    /// <summary>y_i = x·W_iᵀ for several weights [out_i, in] of the same x.</summary>
    /// <param name="x">[T, in].</param>
    /// <param name="weights">The weights.</param>
    /// <returns>One [T, out_i] for each; valid until the next call.</returns>
    public ReadOnlySpan<Variable> Linear(Variable x, scoped ReadOnlySpan<Parameter> weights)
    {
        _results.Clear();
        if (Recording)
        {
            foreach (Parameter weight in weights)
            {
                _results.Add(Linear(x, weight));
            }

            return CollectionsMarshal.AsSpan(_results);
        }

        Matrix input = x.Value.AsMatrix();
        Prepare(input.Rows, weights);
        Kernels.MatMul.Multiply(input, CollectionsMarshal.AsSpan(_rightSides), CollectionsMarshal.AsSpan(_products));
        return CollectionsMarshal.AsSpan(_results);
    }

    /// <summary>stream + x·Wᵀ; without recording the product is added in place to <paramref name="stream"/>.</summary>
    /// <param name="stream">[T, out].</param>
    /// <param name="x">[T, in].</param>
    /// <param name="weight">[out, in].</param>
    public Variable AddLinear(Variable stream, Variable x, Parameter weight)
    {
        if (Recording)
        {
            return Add(stream, Linear(x, weight));
        }

        PackedMatrix packed = weight.PackedTranspose(Kernels.MatMul, _precision);
        Kernels.MatMul.Multiply(x.Value.AsMatrix(), packed, stream.Value.AsMatrix(), accumulate: true);
        return stream;
    }

    /// <summary>
    /// y_i = RmsNorm(x)·W_iᵀ: without recording the normalised rows become operands of the products at once and are never stored.
    /// </summary>
    /// <inheritdoc cref="Linear(Variable, ReadOnlySpan{Parameter})"/>
    public ReadOnlySpan<Variable> RmsNormLinear(Variable x, Parameter norm, float epsilon, params ReadOnlySpan<Parameter> weights) =>
        Recording
            ? Linear(RmsNorm(x, norm, epsilon, Operand(x.Value.Shape)), weights)
            : Linear(Kernels.RmsNorm.AsRows(x.Value, norm.Value, epsilon, ref _normedRows), weights);

    /// <summary>y = (silu(gate) ∘ up)·Wᵀ, without recording likewise.</summary>
    public Variable SwiGluLinear(Variable gate, Variable up, Parameter weight) => Recording
        ? Linear(SwiGlu(gate, up, Operand(gate.Value.Shape)), weight)
        : Linear(Kernels.SwiGlu.AsRows(gate.Value, up.Value, ref _gatedRows), new ReadOnlySpan<Parameter>(in weight))[0];

    /// <summary>stream + (silu(gate) ∘ up)·Wᵀ, without recording in place in <paramref name="stream"/>.</summary>
    public Variable AddSwiGluLinear(Variable stream, Variable gate, Variable up, Parameter weight)
    {
        if (Recording)
        {
            return Add(stream, SwiGluLinear(gate, up, weight));
        }

        PackedMatrix packed = weight.PackedTranspose(Kernels.MatMul, _precision);
        RowSource rows = Kernels.SwiGlu.AsRows(gate.Value, up.Value, ref _gatedRows);
        Kernels.MatMul.Multiply(rows, [packed], [stream.Value.AsMatrix()], accumulate: true);
        return stream;
    }

    private ReadOnlySpan<Variable> Linear(RowSource x, scoped ReadOnlySpan<Parameter> weights)
    {
        _results.Clear();
        Prepare(x.Rows, weights);
        Kernels.MatMul.Multiply(
            x, CollectionsMarshal.AsSpan(_rightSides), CollectionsMarshal.AsSpan(_products), accumulate: false);
        return CollectionsMarshal.AsSpan(_results);
    }

    // Packed weights and room for the products.
    private void Prepare(int rows, ReadOnlySpan<Parameter> weights)
    {
        _rightSides.Clear();
        _products.Clear();
        foreach (Parameter weight in weights)
        {
            PackedMatrix packed = weight.PackedTranspose(Kernels.MatMul, _precision);
            Variable result = Output(rows, packed.Columns);
            _rightSides.Add(packed);
            _results.Add(result);
            _products.Add(result.Value.AsMatrix());
        }
    }

    /// <summary>
    /// Packs a weight [out, in] for <see cref="Linear(Variable, Parameter)"/> without recording, which otherwise happens at its first
    /// product.
    /// </summary>
    /// <param name="weight">The weight.</param>
    /// <param name="keepValues">
    /// False: only the packed form stays in memory, and <see cref="Variable.Value"/> is an error from now on.
    /// </param>
    /// <param name="precision">Rounding of the operands of its products; null: the tape's. A weight of integers stays one.</param>
    public void Pack(Parameter weight, bool keepValues, MatMulPrecision? precision = null)
    {
        weight.PackedTranspose(Kernels.MatMul, precision ?? _precision);
        if (!keepValues)
        {
            weight.Replace(null);
        }
    }

    /// <summary>Adds a bias [out] to every row of x [T, out], in place: x must not be used otherwise.</summary>
    public Variable AddBias(Variable x, Parameter bias)
    {
        Kernels.AddBias.Forward(x.Value, bias.Value);
        Variable y = NewVariable(x.Value);
        Note(y, (x, bias), static (tape, y, of) =>
        {
            tape.Kernels.AddBias.Backward(y.Gradient!, tape.GradientOf(of.bias));
            of.x.Gradient = y.Gradient; // changes hands, like the value did
            y.Gradient = null;
        });
        return y;
    }

    /// <summary>y[rows[i], :] += scales[i] · x[i, :], in place in <paramref name="y"/>; at inference only.</summary>
    /// <param name="x">[M, C].</param>
    /// <param name="rows">[M], none twice.</param>
    /// <param name="scales">[M].</param>
    /// <param name="y">[T, C].</param>
    /// <exception cref="NotSupportedException">The tape records.</exception>
    public void AddScaledRows(Variable x, ReadOnlySpan<int> rows, ReadOnlySpan<float> scales, Variable y)
    {
        if (Recording)
        {
            throw new NotSupportedException("The weighted sum of experts has no gradient yet: networks with experts can only be run.");
        }

        Kernels.AddScaledRows.Forward(x.Value, rows, scales, y.Value);
    }

    /// <summary>RMS normalisation over the last dimension or, with a shorter weight, over each of its parts (heads).</summary>
    public Variable RmsNorm(Variable x, Parameter weight, float epsilon) => RmsNorm(x, weight, epsilon, Output(x.Value.Shape));

    private Variable RmsNorm(Variable x, Parameter weight, float epsilon, Variable y)
    {
        Tensor inverseRms = Rent(x.Value.Count / weight.Value.Count);
        Kernels.RmsNorm.Forward(x.Value, weight.Value, epsilon, y.Value, inverseRms);
        Note(y, (x, weight, inverseRms), static (tape, y, of) =>
        {
            (Variable x, Parameter weight, Tensor inverseRms) = of;
            tape.Kernels.RmsNorm.Backward(
                y.Gradient!, x.Value, weight.Value, inverseRms, tape.GradientOf(x), tape.GradientOf(weight));
        });
        return y;
    }

    /// <summary>
    /// Rotates x by its positions, in place: x must not be used otherwise. Given positions cannot be differentiated.
    /// </summary>
    /// <param name="x">[T, H·D].</param>
    /// <param name="angles">Of all positions.</param>
    /// <param name="sequenceLength">Rows of one sequence, or an upper bound of the given positions.</param>
    /// <param name="positions">[T], the position of each row; empty: the row's place in its sequence.</param>
    public Variable Rotary(Variable x, RotaryAngles angles, int sequenceLength, ReadOnlySpan<int> positions)
    {
        Kernels.Rotary.Forward(x.Value, angles, sequenceLength, positions);
        Variable y = NewVariable(x.Value);
        Note(y, (x, angles, sequenceLength), static (tape, y, of) =>
        {
            // The gradient buffer changes hands like the value did: x takes it over from y.
            (Variable x, RotaryAngles angles, int sequenceLength) = of;
            tape.Kernels.Rotary.Backward(y.Gradient!, angles, sequenceLength);
            x.Gradient = y.Gradient;
            y.Gradient = null;
        });
        return y;
    }

    /// <summary>Scaled dot-product attention, whose result only products may read.</summary>
    public Variable Attention(Variable q, Variable k, Variable v, AttentionShape shape)
    {
        Variable o = Operand(q.Value.Shape);
        Tensor logSumExp = Rent(q.Value.Rows, shape.Heads);
        Kernels.Attention.Forward(q.Value, k.Value, v.Value, shape, AttentionPrecision, o.Value, logSumExp);
        Note(o, (q, k, v, logSumExp, shape), static (tape, o, of) =>
        {
            (Variable q, Variable k, Variable v, Tensor logSumExp, AttentionShape shape) = of;
            (Tensor dQ, Tensor dK, Tensor dV) = (tape.GradientOf(q), tape.GradientOf(k), tape.GradientOf(v));
            tape.Kernels.Attention.Backward(
                o.Gradient!, q.Value, k.Value, v.Value, o.Value, logSumExp, shape, tape.AttentionPrecision, dQ, dK, dV);
        });
        return o;
    }

    /// <summary>y = silu(gate) ∘ up.</summary>
    public Variable SwiGlu(Variable gate, Variable up) => SwiGlu(gate, up, Output(gate.Value.Shape));

    private Variable SwiGlu(Variable gate, Variable up, Variable y)
    {
        Kernels.SwiGlu.Forward(gate.Value, up.Value, y.Value);
        Note(y, (gate, up), static (tape, y, of) =>
        {
            (Variable gate, Variable up) = of;
            tape.Kernels.SwiGlu.Backward(y.Gradient!, gate.Value, up.Value, tape.GradientOf(gate), tape.GradientOf(up));
        });
        return y;
    }

    /// <summary>The residual connection, stream + branch; without recording it happens in place in <paramref name="stream"/>.</summary>
    public Variable Add(Variable stream, Variable branch)
    {
        Variable y = Recording ? Output(stream.Value.Shape) : stream;
        Kernels.Add.Forward(stream.Value, branch.Value, y.Value);
        Note(y, (stream, branch), static (tape, y, of) =>
        {
            (Variable stream, Variable branch) = of;
            tape.Kernels.Add.Backward(y.Gradient!, tape.GradientOf(branch));
            if (stream.Gradient is null)
            {
                stream.Gradient = y.Gradient;
                y.Gradient = null;
            }
            else
            {
                tape.Kernels.Add.Backward(y.Gradient!, stream.Gradient);
            }
        });
        return y;
    }

    /// <summary>
    /// Softmax cross-entropy of each row of <paramref name="logits"/> against its target, in nats. While recording, the logits are
    /// replaced by the gradient of Σ scales[r]·loss[r], which <see cref="Backward"/> starts from.
    /// </summary>
    /// <param name="logits">[R, V].</param>
    /// <param name="targets">[R].</param>
    /// <param name="scales">[R].</param>
    /// <param name="focalGamma">While recording: γ &gt; 0 weighs each loss c by (1 − e^−c)^γ (<see cref="ICrossEntropy"/>).</param>
    public Tensor CrossEntropy(Variable logits, int[] targets, float[] scales, float focalGamma = 0)
    {
        Tensor losses = Rent(targets.Length);
        if (Recording)
        {
            Kernels.CrossEntropy.ForwardBackward(logits.Value, targets, scales, losses, focalGamma);
            logits.Gradient = logits.Value;
        }
        else
        {
            Kernels.CrossEntropy.Forward(logits.Value, targets, losses);
        }

        return losses;
    }

    private Variable Lookup(Variable table, ReadOnlySpan<int> ids)
    {
        Variable y = Output(ids.Length, table.Value.Columns);
        Kernels.Embedding.Forward(table.Value, ids, y.Value);
        int[] kept = Recording ? ids.ToArray() : []; // the caller may use its own again
        Note(y, (table, kept), static (tape, y, of) =>
            tape.Kernels.Embedding.Backward(y.Gradient!, of.kept, tape.GradientOf(of.table)));
        return y;
    }
}
