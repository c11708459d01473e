namespace Cinnabar.Numerics.Kernels;

/// <summary>Consecutive query rows of one head of one sequence, and the keys that the last of them may see.</summary>
internal readonly struct AttentionBlock
{
    /// <summary>Rows of every block but the last.</summary>
    public const int MaxRows = 128;

    private readonly AttentionShape _shape;
    private readonly int _sequence;
    private readonly int _head;
    private readonly int _first;

    public AttentionBlock(AttentionShape shape, int sequence, int head, int first)
    {
        _shape = shape;
        _sequence = sequence;
        _head = head;
        _first = first;
        Rows = Math.Min(MaxRows, shape.Queries - first);
        Keys = shape.VisibleKeys(sequence, first + Rows - 1);
    }

    public int Rows { get; }

    public int Keys { get; }

    public float Scale => 1 / MathF.Sqrt(_shape.HeadSize);

    // A row stride of a large power of two would put a column of scores into few cache sets.
    private int ScoreStride => ((_shape.Length + 15) / 16 * 16) + 16;

    public int ScoreCount => MaxRows * ScoreStride;

    public int VisibleKeys(int row) => _shape.VisibleKeys(_sequence, _first + row);

    public int FirstKey(int row) => Math.Min(_shape.FirstKey(_first + row), VisibleKeys(row));

    public (int Start, int End) HiddenKeys(int row) => _shape.HiddenKeys(_sequence, _first + row);

    /// <summary>Whether a row sees no key, though others of the block may.</summary>
    public bool SeesNothing(int row)
    {
        (int first, int visible) = (FirstKey(row), VisibleKeys(row));
        (int hidden, int hiddenEnd) = HiddenKeys(row);
        return first >= visible || (hidden <= first && hiddenEnd >= visible);
    }

    // Of a tensor [B·M, …].
    private int FirstRow => _shape.FirstRow + (_sequence * _shape.Queries) + _first;

    public int LogSumExp(int row) => ((FirstRow + row) * _shape.Heads) + _head;

    public Matrix Scores(Tensor scratch) => new(scratch, 0, Rows, Keys, ScoreStride, 1);

    // [Rows, D] of a tensor [B·M, H·D].
    public Matrix Queries(Tensor tensor)
    {
        int columns = _shape.Heads * _shape.HeadSize;
        return new Matrix(tensor, (FirstRow * columns) + (_head * _shape.HeadSize), Rows, _shape.HeadSize, columns, 1);
    }

    // [Keys, D] of a tensor [B·L, G·D].
    public Matrix KeysOf(Tensor tensor)
    {
        int columns = _shape.KeyValueHeads * _shape.HeadSize;
        int head = _head / (_shape.Heads / _shape.KeyValueHeads);
        int row = _shape.FirstKeyRow + (_sequence * _shape.Length);
        return new Matrix(tensor, (row * columns) + (head * _shape.HeadSize), Keys, _shape.HeadSize, columns, 1);
    }
}
