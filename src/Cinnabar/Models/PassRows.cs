// What a pass computes, in buffers that grow to the longest canvas and are used again, so that a pass allocates nothing:
//
//   predictors   positions whose outputs predict the rows asked for: the rows themselves or, with shifted logits, the positions before
//                them (position 0 has no predecessor and uses itself)
//   positions    with a cache: the predictors and what else is to be computed, ascending, each once
//   chosen       where the predictors stand among the positions
//
// With shadows the positions are all there are, followed by those of the shadows. A batch of sequences is padded to the longest.
namespace Cinnabar.Models;

/// <summary>Rows and positions of a pass; what it gives is valid until it is asked again. Not thread-safe.</summary>
/// <param name="shifted">The output at position i − 1 predicts token i.</param>
internal sealed class PassRows(bool shifted)
{
    private int[] _chosen = [];
    private int[] _positions = [];
    private int[] _ids = [];
    private int[] _places = [];
    private int[] _lengths = [];
    private int _count;
    private int _rows;

    /// <summary>The positions of the last <see cref="Choose"/>, ascending.</summary>
    public ReadOnlyMemory<int> Positions => _positions.AsMemory(0, _count);

    /// <summary>The token at each of <see cref="Positions"/>.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, _count);

    /// <summary>Of the last <see cref="ChooseBatch"/>: the tokens of each sequence before its padding.</summary>
    public int[] Lengths => _lengths;

    /// <summary>For each row asked for, the index in <see cref="Positions"/> of its predictor.</summary>
    public ReadOnlySpan<int> Chosen => _chosen.AsSpan(0, _rows);

    /// <summary>The predictors of <paramref name="rows"/> in sequences of <paramref name="length"/> tokens.</summary>
    public ReadOnlySpan<int> Predictors(ReadOnlySpan<int> rows, int length)
    {
        if (!shifted)
        {
            return rows;
        }

        Span<int> predictors = Grown(ref _chosen, rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            predictors[i] = rows[i] % length == 0 ? rows[i] : rows[i] - 1;
        }

        return predictors;
    }

    /// <summary>Chooses the predictors of <paramref name="rows"/> and <paramref name="further"/> positions of one sequence.</summary>
    public void Choose(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> further)
    {
        const int Wanted = 1;
        Span<int> places = Grown(ref _places, ids.Length);
        places.Clear();
        ReadOnlySpan<int> predictors = Predictors(rows, ids.Length);
        foreach (int position in predictors)
        {
            places[position] = Wanted;
        }

        foreach (int position in further)
        {
            places[position] = Wanted;
        }

        Span<int> positions = Grown(ref _positions, ids.Length);
        Span<int> tokens = Grown(ref _ids, ids.Length);
        _count = 0;
        for (int position = 0; position < ids.Length; position++)
        {
            if (places[position] == Wanted)
            {
                places[position] = _count;
                positions[_count] = position;
                tokens[_count] = ids[position];
                _count++;
            }
        }

        _rows = rows.Length;
        Span<int> chosen = Grown(ref _chosen, _rows);
        for (int i = 0; i < _rows; i++)
        {
            chosen[i] = places[predictors[i]]; // shifted predictors stand in the same place
        }
    }

    /// <summary>
    /// Chooses all positions, then a masked shadow of each of <paramref name="shadowed"/>; chosen: the rows, then the shadows.
    /// </summary>
    public void ChooseWithShadows(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, ReadOnlySpan<int> shadowed, int maskTokenId)
    {
        _count = ids.Length + shadowed.Length;
        _rows = rows.Length + shadowed.Length;
        Span<int> positions = Grown(ref _positions, _count);
        Span<int> tokens = Grown(ref _ids, _count);
        Span<int> chosen = Grown(ref _chosen, _rows);
        for (int i = 0; i < ids.Length; i++)
        {
            positions[i] = i;
            tokens[i] = ids[i];
        }

        rows.CopyTo(chosen);
        for (int i = 0; i < shadowed.Length; i++)
        {
            positions[ids.Length + i] = shadowed[i];
            tokens[ids.Length + i] = maskTokenId;
            chosen[rows.Length + i] = ids.Length + i;
        }
    }

    /// <summary>Lays out sequences one behind the other, padded to the longest; chosen: the predictors of the rows.</summary>
    /// <param name="ids">Sequence after sequence.</param>
    /// <param name="lengths">Tokens of each.</param>
    /// <param name="rows">Indices of <paramref name="ids"/>, ascending.</param>
    /// <param name="paddingId">Any id; nothing attends to it.</param>
    /// <returns>Tokens of a padded sequence.</returns>
    public int ChooseBatch(ReadOnlySpan<int> ids, ReadOnlySpan<int> lengths, ReadOnlySpan<int> rows, int paddingId)
    {
        int longest = 0;
        foreach (int length in lengths)
        {
            longest = Math.Max(longest, length);
        }

        _lengths = _lengths.Length == lengths.Length ? _lengths : new int[lengths.Length];
        lengths.CopyTo(_lengths);
        _count = checked(lengths.Length * longest);
        _rows = rows.Length;
        Span<int> tokens = Grown(ref _ids, _count);
        Span<int> chosen = Grown(ref _chosen, _rows);
        tokens.Fill(paddingId);
        (int start, int row) = (0, 0);
        for (int sequence = 0; sequence < lengths.Length; sequence++)
        {
            int end = start + lengths[sequence];
            int padded = sequence * longest;
            ids[start..end].CopyTo(tokens[padded..]);
            for (; row < rows.Length && rows[row] < end; row++)
            {
                int position = rows[row] - start;
                chosen[row] = padded + (shifted ? Math.Max(0, position - 1) : position);
            }

            start = end;
        }

        return start == ids.Length && row == rows.Length
            ? longest
            : throw new ArgumentException(
                $"Expected lengths that sum up to {ids.Length} ids, and rows of these in ascending order, found a sum of {start} and "
                + $"{rows.Length - row} rows behind it.",
                nameof(lengths));
    }

    private static Span<int> Grown(ref int[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new int[length];
        }

        return buffer.AsSpan(0, length);
    }
}
