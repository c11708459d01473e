// Ranges of code points as sequences of byte ranges: [U+0800, U+CFFF] is E0 [A0-BF] [80-BF] | [E1-EC] [80-BF] [80-BF].
//
// A range is cut until all its characters have one length and it is a product of byte ranges. Written in base 64 (the last byte is the last
// six bits, and so on), [first, last] is such a product if at every place either all higher digits agree or the lower digits run from
// all 0 to all 63; otherwise it is cut behind the block that 'first' lies in, or before the block that 'last' lies in.
//
// A sequence is packed into 64 bits: the first byte's range in the lowest 16 (low byte: least, high byte: greatest), then the next. Bytes
// behind the first are at least 80, so that what is left is zero exactly at the end.
using System.Text;

namespace Cinnabar.Constraints;

/// <summary>Turns characters into byte ranges.</summary>
internal static class Utf8Ranges
{
    /// <summary>The sequences of byte ranges that are the characters of a set in UTF-8; every character is in exactly one.</summary>
    public static ulong[] Of(CharacterSet set)
    {
        List<ulong> sequences = [];
        foreach (CharacterRange range in set.Ranges)
        {
            int first = range.First;
            foreach (int lastOfLength in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF, 0x10FFFF])
            {
                if (first <= lastOfLength && first <= range.Last)
                {
                    Cut(first, Math.Min(range.Last, lastOfLength), sequences);
                    first = lastOfLength + 1;
                }
            }
        }

        return [.. sequences];
    }

    /// <summary>The least and the greatest first byte of a sequence.</summary>
    public static (byte Low, byte High) First(ulong sequence) => ((byte)sequence, (byte)(sequence >> 8));

    /// <summary>What follows the first byte; zero at the end.</summary>
    public static ulong Rest(ulong sequence) => sequence >> 16;

    // first and last have the same number of bytes.
    private static void Cut(int first, int last, List<ulong> sequences)
    {
        int length = new Rune(first).Utf8SequenceLength;
        for (int place = 1; place < length; place++)
        {
            int lower = (1 << (6 * place)) - 1; // the bits of the last `place` bytes
            if ((first | lower) != (last | lower))
            {
                if ((first & lower) != 0)
                {
                    Cut(first, first | lower, sequences);
                    Cut((first | lower) + 1, last, sequences);
                    return;
                }

                if ((last & lower) != lower)
                {
                    Cut(first, (last & ~lower) - 1, sequences);
                    Cut(last & ~lower, last, sequences);
                    return;
                }
            }
        }

        Span<byte> low = stackalloc byte[4];
        Span<byte> high = stackalloc byte[4];
        new Rune(first).EncodeToUtf8(low);
        new Rune(last).EncodeToUtf8(high);
        ulong sequence = 0;
        for (int i = length - 1; i >= 0; i--)
        {
            sequence = (sequence << 16) | ((ulong)high[i] << 8) | low[i];
        }

        sequences.Add(sequence);
    }
}
