using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Autograd;

/// <summary>A value in a computation, and the gradient of the loss with respect to it once the backward pass has reached it.</summary>
public class Variable
{
    private protected Tensor? _value;

    /// <summary>Wraps a value.</summary>
    public Variable(Tensor value) => _value = value;

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">A parameter of which only the packed form was kept.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException(
        $"The values of {this} were let go when it was packed for inference. Load the model again to read them, or build the network "
        + "from tensors that you keep.");

    /// <summary>∂loss/∂value, of the value's shape; null before anything contributed to it.</summary>
    public Tensor? Gradient { get; internal set; }

    // For whoever made this variable: another value, or none.
    internal void Replace(Tensor? value)
    {
        _value = value;
        Gradient = null;
    }
}

/// <summary>A trained tensor. Its gradient accumulates over passes until <see cref="ZeroGradient"/>.</summary>
public sealed class Parameter : Variable
{
    private PackedMatrix? _packed;

    /// <summary>Names a trained tensor.</summary>
    /// <param name="name">Name in the checkpoint.</param>
    /// <param name="value">F32 for training; BF16 is enough for inference.</param>
    public Parameter(string name, Tensor value)
        : base(value) => Name = name;

    /// <summary>Name in the checkpoint.</summary>
    public string Name { get; }

    /// <summary>Bytes that are held of it: its values, if they were kept, and the form that products read.</summary>
    public long HeldBytes =>
        (_packed?.Bytes ?? 0) + (_value is null ? 0 : BytesOf(_value)) + (_value?.Scales is { } scales ? BytesOf(scales) : 0);

    /// <summary>Makes a zero gradient if there is none, and clears it if there is.</summary>
    public void ZeroGradient()
    {
        if (Gradient is null)
        {
            Gradient = Tensor.Zeros(Value.Shape);
        }
        else
        {
            Gradient.Clear();
        }
    }

    /// <summary>Forgets the packed copy that inference made: call after changing <see cref="Variable.Value"/>.</summary>
    /// <exception cref="InvalidOperationException">Only the packed copy was kept.</exception>
    public void Changed()
    {
        _ = Value; // an error if there is nothing to pack again
        _packed = null;
    }

    /// <inheritdoc/>
    public override string ToString() => _packed is null ? Name : $"{Name} [{_packed.Columns}, {_packed.Rows}]";

    private static long BytesOf(Tensor tensor) => Tensor.BytesOf(tensor.Type, tensor.Count);

    // Wᵀ [in, out] rearranged for the right-hand side of a product; kept because inference multiplies by the same weight on every pass.
    internal PackedMatrix PackedTranspose(IMatMul matMul, MatMulPrecision precision)
    {
        if (_packed is null)
        {
            precision = Value.Type.IsInteger() || Value.Type.IsBlocks() ? MatMulPrecision.Int8 : precision;
            matMul.Pack(Value.AsMatrix().Transposed, precision, ref _packed);
        }

        return _packed!;
    }
}
