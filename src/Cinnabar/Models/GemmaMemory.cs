// Keys (rotated) and values of one layer: of the known text, or in a sliding layer of its last positions, which are all that later ones can
// see; then those of the rows of the pass at work, which the next pass overwrites unless they were kept.
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Models;

/// <summary>Keys and values of one layer, F32.</summary>
/// <param name="columns">G·D.</param>
/// <param name="most">Rows that are kept at most, the last ones.</param>
internal sealed class GemmaMemory(int columns, int most)
{
    private const int FewestRows = 64;

    private Tensor _keys = Tensor.Zeros(0, columns);
    private Tensor _values = Tensor.Zeros(0, columns);
    private Variable? _keysSeen;
    private Variable? _valuesSeen;

    /// <summary>Rows of known text.</summary>
    public int Rows { get; private set; }

    /// <summary>Puts rows behind those of the known text.</summary>
    /// <param name="keys">[T, G·D].</param>
    /// <param name="values">[T, G·D].</param>
    /// <returns>All keys and values, [Rows + T, G·D]; valid until the next call.</returns>
    public (Variable Keys, Variable Values) Put(Tensor keys, Tensor values)
    {
        int rows = Rows + keys.Rows;
        Reserve(rows);
        keys.Floats.CopyTo(_keys.Floats[(Rows * columns)..]);
        values.Floats.CopyTo(_values.Floats[(Rows * columns)..]);
        if (_keysSeen?.Value.Rows != rows)
        {
            _keysSeen = new Variable(_keys.View(rows, columns));
            _valuesSeen = new Variable(_values.View(rows, columns));
        }

        return (_keysSeen, _valuesSeen!);
    }

    /// <summary>The <paramref name="count"/> rows put last are known text from now on.</summary>
    public void Keep(int count)
    {
        Rows += count;
        if (Rows > most)
        {
            int from = (Rows - most) * columns;
            _keys.Floats[from..(Rows * columns)].CopyTo(_keys.Floats);
            _values.Floats[from..(Rows * columns)].CopyTo(_values.Floats);
            Rows = most;
        }
    }

    private void Reserve(int rows)
    {
        if (rows <= _keys.Rows)
        {
            return;
        }

        // What one tensor holds.
        int limit = (Array.MaxLength - 64) / sizeof(float) / columns;
        if (rows > limit)
        {
            throw new CinnabarException(
                $"Expected a text of at most {limit} tokens, whose keys of one layer are one piece of memory, found {rows}.",
                "Shorten the text.");
        }

        int room = (int)Math.Min(limit, Math.Max(rows, Math.Max(FewestRows, 2L * _keys.Rows)));
        _keys = Grown(_keys, room);
        _values = Grown(_values, room);
        _keysSeen = null;
    }

    private Tensor Grown(Tensor tensor, int room)
    {
        Tensor grown = Tensor.Zeros(room, columns);
        tensor.Floats[..(Rows * columns)].CopyTo(grown.Floats);
        return grown;
    }
}
