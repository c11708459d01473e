using System.Runtime.InteropServices;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>How often each piece occurs in texts.</summary>
internal sealed class PieceCounts
{
    // A longer piece (a line of base64, a text without a cut) is counted in parts: it would be walked again for every merge.
    private const int MaxPieceBytes = 256;

    private readonly Dictionary<byte[], long> _pieces = new(ByteSequenceComparer.Instance);

    /// <summary>The pieces, in no particular order.</summary>
    public IReadOnlyDictionary<byte[], long> Pieces => _pieces;

    /// <summary>Counts on several threads.</summary>
    public static PieceCounts Count(IEnumerable<string> texts, PreTokenizer preTokenizer, int threads)
    {
        PieceCounts total = new();
        Parallel.ForEach(
            texts,
            new ParallelOptions { MaxDegreeOfParallelism = threads },
            () => new PieceCounts(),
            (text, _, mine) =>
            {
                mine.Add(text, preTokenizer);
                return mine;
            },
            mine =>
            {
                lock (total)
                {
                    total.Add(mine);
                }
            });
        return total;
    }

    private void Add(string text, PreTokenizer preTokenizer)
    {
        var lookup = _pieces.GetAlternateLookup<ReadOnlySpan<byte>>();
        ReadOnlySpan<byte> utf8 = Encoding.UTF8.GetBytes(text);
        for (int start = 0; start < utf8.Length;)
        {
            int end = Math.Min(preTokenizer.PieceEnd(utf8, start, out _), start + MaxPieceBytes);
            CollectionsMarshal.GetValueRefOrAddDefault(lookup, utf8[start..end], out _)++;
            start = end;
        }
    }

    private void Add(PieceCounts other)
    {
        foreach ((byte[] piece, long count) in other._pieces)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_pieces, piece, out _) += count;
        }
    }
}
