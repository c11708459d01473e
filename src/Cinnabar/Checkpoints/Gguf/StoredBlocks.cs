// Blocks of the two types that are tensors of integers in groups of 32 columns, without a change of any value:
//
//   Q8_0   q signed, x = q · d          Int8 is the same
//   Q4_0   q + 8, x = q · d             Int4 too, but here byte i holds values i and i + 16, there byte j holds values 2·j and 2·j + 1
//
// The scale d, F16 in the file, becomes F32.
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Turns blocks into the integers and scales of a tensor.</summary>
internal static class StoredBlocks
{
    private const int Size = 32;
    private const int HalfSize = Size / 2;

    /// <summary>To Int8.</summary>
    /// <param name="blocks">Blocks one after another.</param>
    /// <param name="integers">Receives 32 bytes of each.</param>
    /// <param name="scales">Receives one scale of each.</param>
    public static void Q8_0(ReadOnlySpan<byte> blocks, Span<byte> integers, Span<float> scales)
    {
        for (int block = 0; blocks.Length > 0; blocks = blocks[34..], block++)
        {
            scales[block] = BlockDecoder.Half(blocks, 0);
            blocks.Slice(2, Size).CopyTo(integers[(block * Size)..]);
        }
    }

    /// <summary>To Int4.</summary>
    /// <param name="blocks">Blocks one after another.</param>
    /// <param name="integers">Receives 16 bytes of each.</param>
    /// <param name="scales">Receives one scale of each.</param>
    public static void Q4_0(ReadOnlySpan<byte> blocks, Span<byte> integers, Span<float> scales)
    {
        for (int block = 0; blocks.Length > 0; blocks = blocks[18..], block++)
        {
            scales[block] = BlockDecoder.Half(blocks, 0);
            ReadOnlySpan<byte> q = blocks.Slice(2, HalfSize);
            Span<byte> low = integers.Slice(block * HalfSize, HalfSize / 2);
            Span<byte> high = integers.Slice((block * HalfSize) + (HalfSize / 2), HalfSize / 2);
            for (int i = 0; i < low.Length; i++)
            {
                (byte even, byte odd) = (q[2 * i], q[(2 * i) + 1]);
                low[i] = (byte)((even & 0xF) | (odd << 4));
                high[i] = (byte)((even >> 4) | (odd & 0xF0));
            }
        }
    }
}
