namespace Cinnabar.Numerics.Autograd;

/// <summary>
/// A pool of F32 tensors for activations and their gradients, so that a pass after the first allocates nothing. Not thread-safe.
/// </summary>
public sealed class Workspace
{
    private readonly Dictionary<int, Stack<Tensor>> _free = [];
    private readonly HashSet<Tensor> _rented = new(ReferenceEqualityComparer.Instance);

    /// <summary>A tensor of the given shape with unspecified contents.</summary>
    public Tensor Rent(params ReadOnlySpan<int> shape)
    {
        int count = 1;
        foreach (int size in shape)
        {
            count = checked(count * size);
        }

        int capacity = CapacityFor(count);
        Tensor tensor = _free.TryGetValue(capacity, out Stack<Tensor>? stack) && stack.Count > 0 ? stack.Pop() : Tensor.Zeros(capacity);
        tensor.Reshape(shape);
        _rented.Add(tensor);
        return tensor;
    }

    /// <summary>Gives a rented tensor back; it must not be used afterwards, for it will be handed out again in another shape.</summary>
    public void Return(Tensor rented)
    {
        if (!_rented.Remove(rented))
        {
            throw new ArgumentException($"The tensor {rented} was not rented here, or was returned before.", nameof(rented));
        }

        if (!_free.TryGetValue(rented.Capacity, out Stack<Tensor>? stack))
        {
            _free.Add(rented.Capacity, stack = new Stack<Tensor>());
        }

        stack.Push(rented);
    }

    // Sizes are rounded up to four steps per power of two, so that canvases of slightly different length share buffers.
    private static int CapacityFor(int count)
    {
        if (count <= 1024)
        {
            return 1024;
        }

        int step = 1 << (int.Log2(count - 1) - 2);
        return checked((count + step - 1) / step * step);
    }
}
