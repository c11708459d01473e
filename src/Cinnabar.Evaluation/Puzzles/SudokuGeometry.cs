// The cells of a Sudoku of side S (9 or 4), numbered row by row, and its 3·S units of S cells: S rows, S columns, S boxes. Two
// different cells of one unit are peers: 20 for each cell where S = 9, 7 where S = 4.
namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Which cells see each other.</summary>
internal sealed class SudokuGeometry
{
    private static readonly SudokuGeometry s_four = new(4);
    private static readonly SudokuGeometry s_nine = new(9);

    private SudokuGeometry(int side)
    {
        Side = side;
        BoxSide = side == 9 ? 3 : 2;
        Units = new byte[3 * side * side];
        for (int row = 0; row < side; row++)
        {
            for (int column = 0; column < side; column++)
            {
                byte cell = (byte)((row * side) + column);
                int box = (row / BoxSide * BoxSide) + (column / BoxSide);
                int inBox = (row % BoxSide * BoxSide) + (column % BoxSide);
                Units[(row * side) + column] = cell;
                Units[((side + column) * side) + row] = cell;
                Units[(((2 * side) + box) * side) + inBox] = cell;
            }
        }

        PeerCount = (3 * side) - (2 * BoxSide) - 1;
        Peers = new byte[side * side * PeerCount];
        for (int cell = 0; cell < side * side; cell++)
        {
            SortedSet<byte> peers = [.. Units.Chunk(side).Where(unit => unit.Contains((byte)cell)).SelectMany(unit => unit)];
            peers.Remove((byte)cell);
            peers.CopyTo(Peers, cell * PeerCount);
        }
    }

    public int Side { get; }

    public int BoxSide { get; }

    /// <summary>[3·S, S]: the cells of the rows, then those of the columns, then those of the boxes.</summary>
    public byte[] Units { get; }

    /// <summary>[S², PeerCount].</summary>
    public byte[] Peers { get; }

    public int PeerCount { get; }

    /// <summary>The geometry of a side.</summary>
    /// <exception cref="CinnabarException">The side is neither 4 nor 9.</exception>
    public static SudokuGeometry Of(int side) => side switch
    {
        4 => s_four,
        9 => s_nine,
        _ => throw new CinnabarException($"Expected a Sudoku of side 4 or 9, found {side}.", "Choose one of the two."),
    };

    /// <summary>"row 3", "column 1" or "box 9", counted from 1.</summary>
    public string UnitName(int unit) => $"{(unit / Side) switch { 0 => "row", 1 => "column", _ => "box" }} {(unit % Side) + 1}";

    /// <summary>"r3c7": row and column, counted from 1.</summary>
    public string CellName(int cell) => $"r{(cell / Side) + 1}c{(cell % Side) + 1}";
}
