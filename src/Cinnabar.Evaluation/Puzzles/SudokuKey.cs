// Stable hashes of Sudoku that do not see what leaves a Sudoku essentially the same, to keep splits apart.
//
// OfSolution: the same for every grid that follows from a full one by relabelling the digits, permuting bands, stacks, rows of a
// band or columns of a stack, and transposing (for side 9 classes of up to 1.2·10^12 grids, 5.5·10^9 classes in all: E. Russell,
// F. Jarvis, "Mathematics of Sudoku II", 2006). Two rows r, s of a full grid are a permutation of
// the digits, σ: digit of r ↦ digit of s below it. Relabelling conjugates σ and permuting columns leaves it alone, so the lengths of its
// cycles stay; Σ length² tells all possible lists of lengths apart, for 9 and for 4. From these numbers n(r, s), with sums where the
// order must not matter:
//
//   row(r) = Σ_{s ≠ r} Mix(2·n(r, s) + [r, s in one band]),   band = Σ_{r in it} Mix(row(r)),   rows = Σ Mix(band)
//   key    = Mix(Mix(rows) + Mix(columns))                    columns: the same of the transposed grid
//
// Different classes may share a key (it is an invariant, not a canonical form): they then go to one split together, which does no harm.
//
// OfClues: the same for every puzzle that follows by relabelling the digits: the digits are numbered in the order of their first
// occurrence. Side 4 has 288 full grids, only 2 of them essentially different, so there the puzzles are told apart, not the solutions.
// A puzzle and its mirror image count as two there: by class alone the 4-clue puzzles would be no more than a handful.
namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Keys by which generated Sudoku are assigned to splits.</summary>
public static class SudokuKey
{
    /// <summary>Of the class of a full grid, under all symmetries of Sudoku.</summary>
    /// <exception cref="CinnabarException">A cell is empty or a rule is broken.</exception>
    public static ulong OfSolution(SudokuGrid solution)
    {
        if (!solution.IsSolved)
        {
            throw new CinnabarException(
                "Expected a solved Sudoku grid, found one with empty cells or conflicts.", "Solve it first.");
        }

        ulong rows = OfLines(solution, solution.Side, 1);
        ulong columns = OfLines(solution, 1, solution.Side);
        return StableHash.Mix(StableHash.Mix(rows) + StableHash.Mix(columns));
    }

    /// <summary>Of a puzzle, under relabelling of the digits.</summary>
    public static ulong OfClues(SudokuGrid clues)
    {
        Span<byte> names = stackalloc byte[10]; // By digit; 0: not met yet.
        byte met = 0;
        ulong key = (ulong)clues.Side;
        foreach (byte digit in clues.Cells)
        {
            if (digit != 0 && names[digit] == 0)
            {
                names[digit] = ++met;
            }

            key = StableHash.Then(key, names[digit]);
        }

        return key;
    }

    /// <summary>Of the rows (or columns): cell i of line l is at l · <paramref name="line"/> + i · <paramref name="step"/>.</summary>
    private static ulong OfLines(SudokuGrid grid, int line, int step)
    {
        int boxSide = SudokuGeometry.Of(grid.Side).BoxSide;
        ulong all = 0;
        for (int band = 0; band < boxSide; band++)
        {
            ulong ofBand = 0;
            for (int r = band * boxSide; r < (band + 1) * boxSide; r++)
            {
                ulong ofLine = 0;
                for (int s = 0; s < grid.Side; s++)
                {
                    if (s != r)
                    {
                        int squares = SquaredCycles(grid, r * line, s * line, step);
                        ofLine += StableHash.Mix((ulong)((2 * squares) + (s / boxSide == band ? 1 : 0)));
                    }
                }

                ofBand += StableHash.Mix(ofLine);
            }

            all += StableHash.Mix(ofBand);
        }

        return all;
    }

    /// <summary>Σ length² over the cycles of the permutation that takes the digits of one line to those of another.</summary>
    private static int SquaredCycles(SudokuGrid grid, int from, int to, int step)
    {
        ReadOnlySpan<byte> cells = grid.Cells;
        Span<byte> next = stackalloc byte[10];
        for (int i = 0; i < grid.Side; i++)
        {
            next[cells[from + (i * step)]] = cells[to + (i * step)];
        }

        int sum = 0;
        for (int start = 1; start <= grid.Side; start++)
        {
            int length = 0;
            for (int digit = start; next[digit] != 0; length++)
            {
                int following = next[digit];
                next[digit] = 0; // Visited.
                digit = following;
            }

            sum += length * length;
        }

        return sum;
    }
}
