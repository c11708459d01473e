namespace Cinnabar.Numerics;

/// <summary>Working memory that a kernel keeps between calls in a field of its own.</summary>
internal static class Scratch
{
    /// <summary>
    /// The F32 tensor in <paramref name="slot"/>, replaced by a larger one if it holds fewer than <paramref name="count"/> elements;
    /// its content is arbitrary.
    /// </summary>
    public static Tensor AtLeast(ref Tensor? slot, int count)
    {
        if (slot is null || slot.Count < count)
        {
            slot = Tensor.Zeros(count);
        }

        return slot;
    }
}
