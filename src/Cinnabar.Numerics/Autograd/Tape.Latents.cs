// Operations on rows that are not tokens: what enters a network as numbers, sequences made shorter or longer, latents replaced by codes.
//
//   View            y = x under another shape: [T, C] as [T/s, s·C] puts s neighbouring rows side by side
//   Join            the rows of each sequence of a, then those of b
//   Affine          y[r, :] = a[r]·x[r, :] + b[r, :]
//   StraightThrough y = e in the place of x; backward dx += dy + 2p·(x − e): the gradient passes as if nothing had been replaced (Bengio
//                   et al. 2013), and x is pulled towards what replaced it, the commitment of VQ-VAE (van den Oord et al. 2017)
//
// Latents are few numbers beside the products around them, so plain loops do; what is joined may be all rows of a pass.
namespace Cinnabar.Numerics.Autograd;

public sealed partial class Tape
{
    /// <summary>Numbers from outside, copied: what is not trained and has no gradient that anybody asks for.</summary>
    /// <param name="values">As many as <paramref name="shape"/> holds.</param>
    /// <param name="shape">One to four sizes.</param>
    public Variable Input(ReadOnlySpan<float> values, params ReadOnlySpan<int> shape)
    {
        Variable y = Output(shape);
        values.CopyTo(y.Value.Floats);
        Note(y, 0, static (_, _, _) => { }); // so that the gradient's memory is given back
        return y;
    }

    /// <summary>Zeros, such as a sum starts with; without a gradient that anybody asks for.</summary>
    /// <param name="shape">One to four sizes.</param>
    public Variable Zeros(params ReadOnlySpan<int> shape)
    {
        Variable y = Output(shape);
        y.Value.Clear();
        Note(y, 0, static (_, _, _) => { });
        return y;
    }

    /// <summary>The same elements under another shape; <paramref name="x"/> may be used otherwise, but at inference not changed.</summary>
    public Variable View(Variable x, params ReadOnlySpan<int> shape)
    {
        Tensor view = x.Value.View(shape);
        if (view.Count != x.Value.Count)
        {
            throw new ArgumentException($"Expected a shape of {x.Value.Count} elements, found {view.ShapeText()}.", nameof(shape));
        }

        Variable y = NewVariable(view);
        Note(y, x, static (tape, y, x) =>
            tape.Kernels.Add.Backward(y.Gradient!.View(x.Value.Shape), tape.GradientOf(x)));
        return y;
    }

    /// <summary>Puts the rows of each sequence of <paramref name="b"/> behind those of <paramref name="a"/>.</summary>
    /// <param name="a">[B·n, C].</param>
    /// <param name="b">[B·m, C].</param>
    /// <param name="batch">B.</param>
    /// <returns>[B·(n + m), C].</returns>
    public Variable Join(Variable a, Variable b, int batch)
    {
        int[] first = RowsInJoint(a.Value.Rows / batch, 0, b.Value.Rows / batch, batch);
        int[] second = RowsInJoint(b.Value.Rows / batch, a.Value.Rows / batch, 0, batch);
        Variable y = Output(a.Value.Rows + b.Value.Rows, a.Value.Columns);
        y.Value.Clear();
        AddTo(a.Value, first);
        AddTo(b.Value, second);
        Note(y, (a, b, first, second), static (tape, y, of) =>
        {
            tape.AddRows(y.Gradient!, of.first, tape.GradientOf(of.a));
            tape.AddRows(y.Gradient!, of.second, tape.GradientOf(of.b));
        });
        return y;

        void AddTo(Tensor part, int[] rows)
        {
            float[] ones = new float[rows.Length];
            Array.Fill(ones, 1);
            Kernels.AddScaledRows.Forward(part, rows, ones, y.Value);
        }
    }

    /// <summary>y[r, :] = scales[r] · x[r, :] + offsets[r, :].</summary>
    /// <param name="x">[T, C].</param>
    /// <param name="scales">[T].</param>
    /// <param name="offsets">T·C numbers without a gradient; empty: zeros.</param>
    public Variable Affine(Variable x, float[] scales, ReadOnlySpan<float> offsets = default)
    {
        Variable y = Output(x.Value.Shape);
        int columns = x.Value.Columns;
        for (int r = 0; r < scales.Length; r++)
        {
            ReadOnlySpan<float> from = x.Value.Row(r);
            Span<float> to = y.Value.Row(r);
            for (int c = 0; c < columns; c++)
            {
                to[c] = (scales[r] * from[c]) + (offsets.IsEmpty ? 0 : offsets[(r * columns) + c]);
            }
        }

        Note(y, (x, scales), static (tape, y, of) =>
        {
            Tensor gradient = tape.GradientOf(of.x);
            for (int r = 0; r < of.scales.Length; r++)
            {
                ReadOnlySpan<float> from = y.Gradient!.Row(r);
                Span<float> to = gradient.Row(r);
                for (int c = 0; c < to.Length; c++)
                {
                    to[c] += of.scales[r] * from[c];
                }
            }
        });
        return y;
    }

    /// <summary>Replaces values so that the gradient passes, and pulls the replaced ones towards the new ones.</summary>
    /// <param name="x">What is replaced.</param>
    /// <param name="replacement">e, of x's shape.</param>
    /// <param name="pull">p: adds the gradient of p·‖x − e‖².</param>
    public Variable StraightThrough(Variable x, Tensor replacement, float pull)
    {
        Variable y = Output(x.Value.Shape);
        replacement.Floats.CopyTo(y.Value.Floats);
        Note(y, (x, pull), static (tape, y, of) =>
        {
            ReadOnlySpan<float> from = y.Gradient!.Floats, before = of.x.Value.Floats, after = y.Value.Floats;
            Span<float> to = tape.GradientOf(of.x).Floats;
            for (int i = 0; i < to.Length; i++)
            {
                to[i] += from[i] + (2 * of.pull * (before[i] - after[i]));
            }
        });
        return y;
    }

    /// <summary>
    /// Adds a gradient that was worked out elsewhere, such as that of a loss on <paramref name="x"/>; <see cref="Backward"/> carries it on.
    /// Operations that take their operand over, such as a rotation, must not follow on x.
    /// </summary>
    /// <param name="x">A result of this tape, while recording.</param>
    /// <param name="gradient">Of x's shape.</param>
    public void AddGradient(Variable x, ReadOnlySpan<float> gradient) => AddTo(GradientOf(x).Floats, gradient);

    // Where the rows of a part stand that has so many rows of others before and behind it in each sequence.
    private static int[] RowsInJoint(int count, int before, int behind, int batch)
    {
        int[] rows = new int[batch * count];
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = (i / count * (before + count + behind)) + before + (i % count);
        }

        return rows;
    }

    // sum[i, :] += from[rows[i], :].
    private void AddRows(Tensor from, int[] rows, Tensor sum)
    {
        Tensor chosen = _workspace.Rent(rows.Length, from.Columns);
        Kernels.Embedding.Forward(from, rows, chosen);
        Kernels.Add.Backward(chosen, sum);
        _workspace.Return(chosen);
    }

    private static void AddTo(Span<float> sum, ReadOnlySpan<float> more)
    {
        for (int i = 0; i < sum.Length; i++)
        {
            sum[i] += more[i];
        }
    }
}
