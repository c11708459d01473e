using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Kernels;

/// <summary>Shape checks at the entry of every kernel: what follows them works on raw pointers.</summary>
internal static class Expect
{
    /// <summary>Throws unless <paramref name="tensor"/> is F32 and has <paramref name="count"/> elements.</summary>
    public static void Floats(Tensor tensor, int count, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.Type != DType.F32 || tensor.Count != count)
        {
            throw new ArgumentException($"Expected {count} elements of F32, found {tensor}.", name);
        }
    }

    /// <summary>Throws unless <paramref name="tensor"/> is F32 and has <paramref name="count"/> elements or more.</summary>
    public static void FloatsOrMore(Tensor tensor, int count, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.Type != DType.F32 || tensor.Count < count)
        {
            throw new ArgumentException($"Expected {count} or more elements of F32, found {tensor}.", name);
        }
    }

    /// <summary>Throws unless <paramref name="found"/> values were given where <paramref name="expected"/> are needed.</summary>
    public static void Length(int found, int expected, string name)
    {
        if (found != expected)
        {
            throw new ArgumentException($"Expected {expected} values, found {found}.", name);
        }
    }

    /// <summary>Throws unless every index is in 0 … <paramref name="limit"/> − 1.</summary>
    public static void Indices(ReadOnlySpan<int> indices, int limit, string name)
    {
        for (int i = 0; i < indices.Length; i++)
        {
            if ((uint)indices[i] >= (uint)limit)
            {
                throw new ArgumentOutOfRangeException(name, $"Expected indices below {limit}, found {indices[i]} at {i}.");
            }
        }
    }
}
