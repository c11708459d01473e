using System.Diagnostics.CodeAnalysis;

namespace Cinnabar.Tokenizers;

/// <summary>Byte arrays as dictionary keys, found by spans as well. The hash is seeded anew in every process.</summary>
internal sealed class ByteSequenceComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    /// <summary>The one comparer.</summary>
    public static ByteSequenceComparer Instance { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode([DisallowNull] byte[] bytes) => GetHashCode(bytes.AsSpan());

    public int GetHashCode(ReadOnlySpan<byte> bytes)
    {
        HashCode hash = default;
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    public byte[] Create(ReadOnlySpan<byte> bytes) => bytes.ToArray();
}
