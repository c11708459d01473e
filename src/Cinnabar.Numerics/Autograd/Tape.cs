// A gradient tape: every operation computes its result at once and, while recording, notes how to carry the gradient of its result
// back to its inputs. Backward() replays the notes in reverse (reverse-mode differentiation).
//
// Without recording the same calls are plain inference: nothing is noted, weights are packed once and kept, the residual sum happens
// in place, and buffers go back to the workspace as soon as a Mark/ReleaseSince pair says so. A network is therefore written once.
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

/// <summary>Runs operations on one kernel table and, while recording, can differentiate what it ran. Not thread-safe.</summary>
public sealed partial class Tape
{
    private readonly Workspace _workspace = new();
    private readonly List<Tensor> _rented = [];
    private readonly HashSet<Tensor> _gradients = new(ReferenceEqualityComparer.Instance);
    private readonly List<TapeNote> _notes = [];
    private readonly List<Variable> _variables = []; // the first _used are results since the last Reset, the others are to be used again
    private readonly MatMulPrecision _precision;
    private int _used;

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

    /// <summary>Where operations run.</summary>
    public KernelTable Kernels { get; }

    /// <summary>Whether operations can be differentiated.</summary>
    public bool Recording { get; }

    /// <summary>
    /// Carries gradients back to every parameter (adding to what they hold), then forgets all operations and their buffers.
    /// </summary>
    public void Backward()
    {
        for (int i = _notes.Count - 1; i >= 0; i--)
        {
            if (_notes[i].Output.Gradient is not null)
            {
                _notes[i].Backward(this);
                ReleaseGradient(_notes[i].Output);
            }
        }

        Reset();
    }

    /// <summary>Forgets all operations and returns their buffers to the workspace; every result of this tape becomes invalid.</summary>
    public void Reset()
    {
        _notes.Clear();
        _used = 0;
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

    private Variable Output(params ReadOnlySpan<int> shape) => NewVariable(Rent(shape));

    // A result that only products read, rounded as the tape's are.
    private Variable Operand(ReadOnlySpan<int> shape)
    {
        Variable operand = Output(shape);
        operand.Value.IsOperand = _precision != MatMulPrecision.F32;
        return operand;
    }

    private Variable NewVariable(Tensor value)
    {
        if (_used == _variables.Count)
        {
            _variables.Add(new Variable(value));
        }

        Variable variable = _variables[_used++];
        variable.Replace(value);
        return variable;
    }

    private void Note<TOperands>(Variable output, TOperands operands, Action<Tape, Variable, TOperands> backward)
    {
        if (Recording)
        {
            _notes.Add(new TapeNote<TOperands>(output, operands, backward));
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
                variable.Gradient.Clear();
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
