namespace Cinnabar.Numerics.Autograd;

/// <summary>
/// A pool of F32 tensors for activations and their gradients, so that a pass allocates nothing if one before it was as large. Not
/// thread-safe.
/// </summary>
public sealed class Workspace
{
    private readonly List<Tensor> _free = []; // by capacity, ascending; of equal ones the last returned first
    private readonly HashSet<Tensor> _rented = new(ReferenceEqualityComparer.Instance);

    /// <summary>A tensor of the given shape with unspecified contents.</summary>
    public Tensor Rent(params ReadOnlySpan<int> shape)
    {
        int count = Tensor.CountOf(shape);
        Tensor tensor = TakeFree(count) ?? Tensor.Zeros(CapacityFor(count));
        tensor.Storage.IsTransient = true;
        tensor.Storage.Forget();
        tensor.IsOperand = false;
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

        _free.Insert(FirstOf(rented.Capacity), rented);
    }

    // The smallest that is large enough: what is left serves the most of what may be asked for next.
    private Tensor? TakeFree(int count)
    {
        int first = FirstOf(count);
        if (first == _free.Count)
        {
            return null;
        }

        Tensor tensor = _free[first];
        _free.RemoveAt(first);
        return tensor;
    }

    // Index of the first free tensor with at least this capacity.
    private int FirstOf(int capacity)
    {
        (int low, int high) = (0, _free.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _free[middle].Capacity < capacity ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    // Sizes are rounded up to four steps per power of two, so that canvases of slightly different length share buffers; not beyond what a
    // tensor can hold.
    private static int CapacityFor(int count)
    {
        if (count <= 1024)
        {
            return 1024;
        }

        int step = 1 << (int.Log2(count - 1) - 2);
        long rounded = ((long)count + step - 1) / step * step;
        return (int)Math.Max(count, Math.Min(rounded, Tensor.MostBytes / sizeof(float)));
    }
}
