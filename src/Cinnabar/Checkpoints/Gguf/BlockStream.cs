// Writes values in an element type of GGML, some thousand at a time. What is in that type already is copied, so that even the bits of NaN
// are kept.
using System.Buffers;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Writes the values of tensors in one of the types of <see cref="BlockEncoder"/>.</summary>
internal static class BlockStream
{
    private const int ChunkValues = 64 * 1024;

    /// <summary>Writes a part of a tensor.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <param name="tensor">The tensor's name, for messages.</param>
    /// <param name="type">The type to write.</param>
    /// <param name="part">Rows of whole blocks, of any element type.</param>
    /// <param name="before">Values of the tensor that were written before.</param>
    /// <exception cref="CinnabarException">A value is too large for the type.</exception>
    public static void Write(Stream stream, string file, string tensor, GgmlType type, Tensor part, long before)
    {
        if ((part.Type, type) is (DType.BF16, GgmlType.BF16) or (DType.F32, GgmlType.F32))
        {
            stream.Write(part.Bytes);
            return;
        }

        ReadOnlySpan<float> values = (part.Type == DType.F32 ? part : part.To(DType.F32)).Floats;
        RequireWithin(file, tensor, type, values, before);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkValues * sizeof(float));
        for (int i = 0; i < values.Length; i += ChunkValues)
        {
            ReadOnlySpan<float> chunk = values.Slice(i, Math.Min(ChunkValues, values.Length - i));
            Span<byte> blocks = buffer.AsSpan(0, chunk.Length / type.BlockSize() * type.BlockBytes());
            BlockEncoder.Encode(type, chunk, blocks);
            stream.Write(blocks);
        }

        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static void RequireWithin(string file, string tensor, GgmlType type, ReadOnlySpan<float> values, long before)
    {
        float largest = BlockEncoder.LargestMagnitude(type);
        int wrong = float.IsFinite(largest) ? values.IndexOfAnyExceptInRange(-largest, largest) : -1;
        if (wrong >= 0)
        {
            throw new CinnabarException(
                $"{file}: tensor {ErrorText.Quote(tensor)}, value {before + wrong}: expected a magnitude of at most {largest} for {type}, "
                + $"found {values[wrong]}.",
                "Write this tensor as BF16 or F32, or check the model.");
        }
    }
}
