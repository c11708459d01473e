// Byte-pair encoding of one piece: start from its symbols (bytes, or characters); while any two neighbours have a merge, merge the pair
// of lowest rank, of equal ranks the leftmost.
//
// ignore_merges: a piece that is itself a token becomes that token, whatever the merges would make of it.
// Source: Sennrich et al. 2016, arXiv 1508.07909, algorithm 1; the result equals "BPE" of Hugging Face tokenizers.
namespace Cinnabar.Tokenizers;

/// <summary>A merge: two neighbours and what they become. A lower rank is merged first.</summary>
internal readonly record struct Merge(int Left, int Right, int Merged, int Rank);

/// <summary>Encodes pieces with the merges of one vocabulary.</summary>
internal sealed class Bpe : Model
{
    private const int KeptScratch = 1 << 16;
    private readonly MergeTable _table;
    private readonly PairMerger _merger;
    private readonly Dictionary<byte[], int> _wholePieces;
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>>? _wholePieceLookup;
    private readonly int[]? _idOfByte; // of a byte-level vocabulary
    private PieceCache? _cache;
    private int[] _ids = [];

    /// <summary>Builds the tables.</summary>
    /// <param name="symbols">What a piece is before the first merge.</param>
    /// <param name="merges">The merges, each pair once.</param>
    /// <param name="wholePieces">Pieces that are tokens without merging (ignore_merges), by their UTF-8; compared by
    /// <see cref="ByteSequenceComparer"/>. None by default.</param>
    public Bpe(BpeSymbols symbols, Merge[] merges, Dictionary<byte[], int>? wholePieces = null)
        : this(symbols, merges, BuildTable(merges), wholePieces ?? [])
    {
    }

    private Bpe(BpeSymbols symbols, Merge[] merges, MergeTable table, Dictionary<byte[], int> wholePieces)
    {
        Symbols = symbols;
        Merges = merges;
        _idOfByte = (symbols as ByteSymbols)?.IdOfByte;
        _table = table;
        _merger = new PairMerger(table);
        _wholePieces = wholePieces;
        _wholePieceLookup = wholePieces.Count == 0 ? null : wholePieces.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>What a piece is before the first merge.</summary>
    public BpeSymbols Symbols { get; }

    /// <summary>The merges, in the order of the file.</summary>
    public Merge[] Merges { get; }

    /// <summary>Whether some pieces need no merging (ignore_merges).</summary>
    public bool KeepsWholePieces => _wholePieceLookup is not null;

    /// <inheritdoc/>
    public override Model Fork() => new Bpe(Symbols, Merges, _table, _wholePieces);

    /// <inheritdoc/>
    public override void Encode(ReadOnlySpan<byte> piece, List<int> output)
    {
        if (_wholePieceLookup?.TryGetValue(piece, out int whole) is true)
        {
            output.Add(whole);
            return;
        }

        if (piece.Length == 1 && _idOfByte is not null)
        {
            output.Add(_idOfByte[piece[0]]);
            return;
        }

        if (piece.Length > PieceCache.MaxBytes)
        {
            output.AddRange(Merged(piece));
            return;
        }

        _cache ??= new PieceCache();
        int slot = PieceCache.SlotOf(piece);
        ReadOnlySpan<int> ids = _cache.Find(slot, piece);
        if (ids.IsEmpty)
        {
            ids = Merged(piece);
            _cache.Store(slot, piece, ids);
        }

        output.AddRange(ids);
    }

    private Span<int> Merged(ReadOnlySpan<byte> piece)
    {
        int[] ids = _ids.Length < piece.Length ? new int[Math.Max(piece.Length, 2 * PieceCache.MaxBytes)] : _ids;
        _ids = ids.Length > KeptScratch ? [] : ids;
        Span<int> symbols = ids.AsSpan(0, Symbols.Read(piece, ids));
        return symbols[.._merger.Merge(symbols)];
    }

    private static MergeTable BuildTable(Merge[] merges)
    {
        MergeTable table = new(merges.Length);
        foreach (Merge merge in merges)
        {
            table.Add(merge.Left, merge.Right, merge.Rank, merge.Merged);
        }

        return table;
    }
}
