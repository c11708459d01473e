// Solves Sudoku with bit masks.
//
// A cell is 16 bits: bit d − 1 says that digit d is still possible there, bit 15 (Settled) that its only digit has been struck
// from its peers. Two rules run until neither finds more:
//
//   naked single     a cell has one candidate: strike it from the cell's peers;
//   hidden single    a digit has one place in a unit: with once / twice = the digits that stand in at least one / two of its
//                    cells, those are once & ~twice, found for all digits of a unit at a time.
//
// What they leave open is searched: guess in the cell with the fewest candidates, one level of candidates for each guess. Counting
// stops at a given number, 2 to ask whether a solution is the only one. A contradiction among the clues counts as no solution.
//
// Source: the two rules are the common ones; the once/twice sweep is the half adder used to find bits set exactly once.
using System.Numerics;
using Cinnabar.Diffusion;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Solves puzzles of one side; keeps its working memory, so use one for each thread.</summary>
public sealed class SudokuSolver
{
    private const ushort Settled = 0x8000;
    private readonly SudokuGeometry _geometry;
    private readonly int _cells;
    private readonly ushort _all;
    private readonly ushort[] _levels; // [side² + 1, side²]: the candidates, a level for each guess
    private readonly byte[] _solution; // [side²]: the last one found
    private DeterministicRandom? _order; // draws the order of guesses; null: ascending

    /// <summary>Makes a solver.</summary>
    /// <param name="side">4 or 9.</param>
    /// <exception cref="CinnabarException">The side is neither.</exception>
    public SudokuSolver(int side)
    {
        _geometry = SudokuGeometry.Of(side);
        _cells = side * side;
        _all = (ushort)((1 << side) - 1);
        _levels = new ushort[(_cells + 1) * _cells];
        _solution = new byte[_cells];
    }

    /// <summary>The first solution found, null if there is none.</summary>
    public SudokuGrid? Solve(SudokuGrid puzzle)
    {
        Load(puzzle);
        return Search(0, 1) == 1 ? new SudokuGrid(_geometry, _solution) : null;
    }

    /// <summary>The number of solutions, but no more than <paramref name="most"/>.</summary>
    /// <param name="puzzle">Of this solver's side.</param>
    /// <param name="most">Where to stop counting. Default 2: enough to ask whether there is exactly one.</param>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int CountSolutions(SudokuGrid puzzle, int most = 2)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        Load(puzzle);
        return Search(0, most);
    }

    /// <summary>Whether naked and hidden singles alone solve it, without a guess.</summary>
    public bool SinglesSolve(SudokuGrid puzzle)
    {
        Load(puzzle);
        Span<ushort> candidates = _levels.AsSpan(0, _cells);
        return Propagate(candidates) && Fewest(candidates) < 0;
    }

    /// <summary>Whether the clues allow a solution with another digit than <paramref name="digit"/> at <paramref name="cell"/>.</summary>
    internal bool AllowsOther(ReadOnlySpan<byte> clues, int cell, int digit)
    {
        Load(clues);
        _levels[cell] = (ushort)(_all & ~(1 << (digit - 1)));
        return Search(0, 1) == 1;
    }

    /// <summary>A full grid, the order of guesses drawn from <paramref name="random"/>: all grids occur, not all equally often.</summary>
    internal SudokuGrid Fill(DeterministicRandom random)
    {
        _levels.AsSpan(0, _cells).Fill(_all);
        _order = random;
        Search(0, 1);
        _order = null;
        return new SudokuGrid(_geometry, _solution);
    }

    private void Load(SudokuGrid puzzle)
    {
        if (puzzle.Side != _geometry.Side)
        {
            throw new CinnabarException(
                $"Expected a Sudoku of side {_geometry.Side}, found side {puzzle.Side}.", "Use a solver of the puzzle's side.");
        }

        Load(puzzle.Cells);
    }

    private void Load(ReadOnlySpan<byte> clues)
    {
        for (int cell = 0; cell < clues.Length; cell++)
        {
            _levels[cell] = clues[cell] == 0 ? _all : (ushort)(1 << (clues[cell] - 1));
        }
    }

    private int Search(int level, int most)
    {
        Span<ushort> candidates = _levels.AsSpan(level * _cells, _cells);
        if (!Propagate(candidates))
        {
            return 0;
        }

        int cell = Fewest(candidates);
        if (cell < 0)
        {
            for (int i = 0; i < candidates.Length; i++)
            {
                _solution[i] = (byte)(BitOperations.TrailingZeroCount(candidates[i]) + 1);
            }

            return 1;
        }

        int found = 0;
        Span<ushort> guess = _levels.AsSpan((level + 1) * _cells, _cells);
        for (uint left = candidates[cell]; left != 0 && found < most;)
        {
            uint digit = Next(left);
            left ^= digit;
            candidates.CopyTo(guess);
            guess[cell] = (ushort)digit;
            found += Search(level + 1, most - found);
        }

        return found;
    }

    /// <summary>One bit of several: the lowest, or a random one.</summary>
    private uint Next(uint digits)
    {
        for (int skip = _order?.NextInt(BitOperations.PopCount(digits)) ?? 0; skip > 0; skip--)
        {
            digits &= digits - 1;
        }

        return digits & (~digits + 1);
    }

    /// <summary>The open cell with the fewest candidates, −1 if none is open.</summary>
    private static int Fewest(ReadOnlySpan<ushort> candidates)
    {
        int fewest = int.MaxValue;
        int chosen = -1;
        for (int cell = 0; cell < candidates.Length && fewest > 2; cell++)
        {
            int count = BitOperations.PopCount(candidates[cell]);
            if ((candidates[cell] & Settled) == 0 && count < fewest)
            {
                (fewest, chosen) = (count, cell);
            }
        }

        return chosen;
    }

    /// <summary>Applies both rules until neither finds more; false: a cell without a candidate or a digit without a place.</summary>
    private bool Propagate(Span<ushort> candidates)
    {
        bool more = true;
        while (more)
        {
            if (!SettleSingles(candidates))
            {
                return false;
            }

            more = false;
            for (int unit = 0; unit < _geometry.Units.Length; unit += _geometry.Side)
            {
                if (!FindHidden(candidates, _geometry.Units.AsSpan(unit, _geometry.Side), ref more))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool SettleSingles(Span<ushort> candidates)
    {
        ReadOnlySpan<byte> peers = _geometry.Peers;
        int count = _geometry.PeerCount;
        bool more = true;
        while (more)
        {
            more = false;
            for (int cell = 0; cell < candidates.Length; cell++)
            {
                int digit = candidates[cell];
                if ((digit & Settled) != 0 || (digit & (digit - 1)) != 0)
                {
                    continue;
                }

                candidates[cell] = (ushort)(digit | Settled);
                foreach (byte peer in peers.Slice(cell * count, count))
                {
                    int left = candidates[peer] & ~digit;
                    if (left == candidates[peer])
                    {
                        continue;
                    }

                    if ((left & _all) == 0)
                    {
                        return false;
                    }

                    candidates[peer] = (ushort)left;
                    more |= (left & (left - 1)) == 0;
                }
            }
        }

        return true;
    }

    private bool FindHidden(Span<ushort> candidates, ReadOnlySpan<byte> unit, ref bool more)
    {
        int once = 0;
        int twice = 0;
        int settled = 0;
        foreach (byte cell in unit)
        {
            int digits = candidates[cell];
            twice |= once & digits;
            once |= digits;
            settled |= (digits & Settled) != 0 ? digits : 0;
        }

        if ((once & _all) != _all)
        {
            return false;
        }

        int hidden = once & ~twice & ~settled & _all;
        if (hidden == 0)
        {
            return true;
        }

        foreach (byte cell in unit)
        {
            int digits = candidates[cell] & hidden;
            if ((digits & (digits - 1)) != 0)
            {
                return false; // Two digits with this one place.
            }

            if (digits != 0)
            {
                candidates[cell] = (ushort)digits;
                more = true;
            }
        }

        return true;
    }
}
