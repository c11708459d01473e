// Q8_0, whose blocks are a tensor of integers in groups of 32 columns, without a change of any value:
//
//   q signed,  x = q · d
//
// The scale d, F16 in the file, becomes F32.
using System.Buffers.Binary;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Turns blocks into the integers and scales of a tensor.</summary>
internal static class StoredIntegers
{
    /// <summary>To Int8.</summary>
    /// <param name="blocks">Blocks one after another.</param>
    /// <param name="integers">Receives 32 bytes of each.</param>
    /// <param name="scales">Receives one scale of each.</param>
    public static void Q8_0(ReadOnlySpan<byte> blocks, Span<byte> integers, Span<float> scales)
    {
        int size = GgmlType.Q8_0.BlockSize();
        for (int block = 0; blocks.Length > 0; blocks = blocks[GgmlType.Q8_0.BlockBytes()..], block++)
        {
            scales[block] = (float)BinaryPrimitives.ReadHalfLittleEndian(blocks);
            blocks.Slice(sizeof(ushort), size).CopyTo(integers[(block * size)..]);
        }
    }
}
