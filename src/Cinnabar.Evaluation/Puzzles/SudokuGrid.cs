using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Two equal digits in one row, column or box.</summary>
/// <param name="Unit">Such as "row 3" or "box 9", counted from 1.</param>
/// <param name="Digit">The digit.</param>
/// <param name="First">The earlier cell, such as "r3c1".</param>
/// <param name="Second">The later cell.</param>
public sealed record SudokuConflict(string Unit, int Digit, string First, string Second)
{
    /// <summary>Such as "5 twice in row 3, at r3c1 and r3c7".</summary>
    public override string ToString() => $"{Digit} twice in {Unit}, at {First} and {Second}";
}

/// <summary>A Sudoku grid of side 4 or 9, filled wholly or in part; it never changes.</summary>
public sealed class SudokuGrid
{
    private readonly SudokuGeometry _geometry;
    private readonly byte[] _cells; // [side²], row by row, 0 = empty

    internal SudokuGrid(SudokuGeometry geometry, ReadOnlySpan<byte> cells)
    {
        _geometry = geometry;
        _cells = cells.ToArray();
    }

    /// <summary>4 or 9.</summary>
    public int Side => _geometry.Side;

    /// <summary>Side² digits, row by row, 0 for an empty cell.</summary>
    public ReadOnlySpan<byte> Cells => _cells;

    /// <summary>How many cells are filled.</summary>
    public int Clues => _cells.Length - _cells.AsSpan().Count((byte)0);

    /// <summary>Whether every row, column and box holds every digit.</summary>
    public bool IsSolved
    {
        get
        {
            byte[] units = _geometry.Units;
            for (int unit = 0; unit < units.Length; unit += Side)
            {
                uint digits = 0;
                for (int i = unit; i < unit + Side; i++)
                {
                    digits |= (1u << _cells[units[i]]) & ~1u; // Bit 0 would be the empty cell.
                }

                if (BitOperations.PopCount(digits) != Side)
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Reads side² characters, on one line or as one line a row: digits 1 … side; '0', '.' or '_' for an empty cell.</summary>
    /// <param name="text">White space around it is ignored.</param>
    /// <param name="side">4 or 9.</param>
    /// <exception cref="CinnabarException">The text is not such a grid, or the side is neither. Conflicts are no error.</exception>
    public static SudokuGrid Parse(string text, int side) => Parse(text, side, out string problem)
        ?? throw new CinnabarException($"A Sudoku of side {side}: {problem}.", "Write all rows, from the top, 0 for an empty cell.");

    /// <summary>As <see cref="Parse(string, int)"/>; false where that throws because of the text.</summary>
    public static bool TryParse(string text, int side, [NotNullWhen(true)] out SudokuGrid? grid)
    {
        grid = Parse(text, side, out _);
        return grid is not null;
    }

    /// <summary>Whether this is a solved grid that keeps every clue, by the rules alone.</summary>
    public bool IsSolutionOf(SudokuGrid clues)
    {
        if (clues.Side != Side || !IsSolved)
        {
            return false;
        }

        for (int cell = 0; cell < _cells.Length; cell++)
        {
            if (clues._cells[cell] != 0 && clues._cells[cell] != _cells[cell])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Every pair of equal digits in a row, a column or a box, in this order; empty if the rules are kept so far.</summary>
    public IReadOnlyList<SudokuConflict> Conflicts()
    {
        List<SudokuConflict> conflicts = [];
        byte[] units = _geometry.Units;
        for (int unit = 0; unit < 3 * Side; unit++)
        {
            ReadOnlySpan<byte> cells = units.AsSpan(unit * Side, Side);
            for (int second = 1; second < Side; second++)
            {
                for (int first = 0; first < second; first++)
                {
                    byte digit = _cells[cells[first]];
                    if (digit != 0 && digit == _cells[cells[second]])
                    {
                        conflicts.Add(new SudokuConflict(
                            _geometry.UnitName(unit), digit, _geometry.CellName(cells[first]), _geometry.CellName(cells[second])));
                    }
                }
            }
        }

        return conflicts;
    }

    /// <summary>Side² characters, 0 for an empty cell: what <see cref="Parse(string, int)"/> reads.</summary>
    public override string ToString() => ToString('0');

    /// <summary>Side² characters with another sign for an empty cell.</summary>
    public string ToString(char empty) =>
        string.Create(_cells.Length, (_cells, empty), static (text, state) =>
        {
            for (int i = 0; i < text.Length; i++)
            {
                text[i] = state._cells[i] == 0 ? state.empty : (char)('0' + state._cells[i]);
            }
        });

    /// <summary>Reads a grid, or says what was expected and found.</summary>
    internal static SudokuGrid? Parse(string text, int side, out string problem)
    {
        SudokuGeometry geometry = SudokuGeometry.Of(side);
        ReadOnlySpan<char> left = text.AsSpan().Trim();
        Span<byte> cells = stackalloc byte[side * side];
        int row = 0;
        int width = left.Contains('\n') ? side : cells.Length;
        int rows = cells.Length / width;
        problem = "";
        foreach (ReadOnlySpan<char> line in left.EnumerateLines())
        {
            if (row == rows)
            {
                problem = $"expected {rows} rows, found more";
                return null;
            }

            if (line.Length != width)
            {
                problem = rows == 1
                    ? $"expected {width} cells, found {line.Length}"
                    : $"expected {width} cells in row {row + 1}, found {line.Length}";
                return null;
            }

            for (int i = 0; i < width; i++)
            {
                int cell = (row * width) + i;
                int digit = line[i] is '.' or '_' ? 0 : line[i] - '0';
                if (digit < 0 || digit > side)
                {
                    problem = $"expected a digit 1 to {side}, or '0', '.' or '_', at {geometry.CellName(cell)}, found U+{(int)line[i]:X4}";
                    return null;
                }

                cells[cell] = (byte)digit;
            }

            row++;
        }

        if (row < rows)
        {
            problem = $"expected {rows} rows, found {row}";
            return null;
        }

        return new SudokuGrid(geometry, cells);
    }
}
