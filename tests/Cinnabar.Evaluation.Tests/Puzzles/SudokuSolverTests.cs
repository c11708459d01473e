using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class SudokuSolverTests
{
    private const string Hard = "100007090030020008009600500005300900010080002600004000300000010040000007007000300";

    [Theory]
    [InlineData(SudokuGridTests.Easy, SudokuGridTests.EasySolution, true)]
    [InlineData(Hard, "162857493534129678789643521475312986913586742628794135356478219241935867897261354", false)]
    [InlineData(
        "000000010400000000020000000000050407008000300001090000300400200050100000000806000", // 17 clues, the fewest possible.
        "693784512487512936125963874932651487568247391741398625319475268856129743274836159",
        true)]
    public void Solve_KnownPuzzle_FindsItsOnlySolution(string puzzle, string solution, bool bySingles)
    {
        SudokuSolver solver = new(9);
        SudokuGrid grid = SudokuGrid.Parse(puzzle, 9);
        Assert.Equal(solution, solver.Solve(grid)?.ToString());
        Assert.Equal(1, solver.CountSolutions(grid));
        Assert.Equal(bySingles, solver.SinglesSolve(grid));
    }

    [Fact]
    public void CountSolutions_EmptyGridOfSide4_Is288()
    {
        SudokuSolver solver = new(4);
        SudokuGrid empty = SudokuGrid.Parse(new string('0', 16), 4);
        Assert.Equal(288, solver.CountSolutions(empty, 1000));
        Assert.Equal(2, solver.CountSolutions(empty));
        Assert.False(solver.SinglesSolve(empty));
    }

    [Fact]
    public void CountSolutions_ExchangeableRectangle_Is2()
    {
        // Rows 1 and 4 hold 6, 7 in columns 4 and 5 and may exchange them.
        SudokuGrid puzzle = SudokuGrid.Parse("534008912672195348198342567859001423426853791713924856961537284287419635345286179", 9);
        Assert.Equal(2, new SudokuSolver(9).CountSolutions(puzzle, 1000));
    }

    [Theory]
    [InlineData("1100000000000000")] // Two equal clues.
    [InlineData("1230000400000000")] // 4 must stand at r1c4, and stands below it.
    [InlineData("0000000000001111")]
    public void CountSolutions_ContradictoryClues_IsNone(string puzzle)
    {
        SudokuSolver solver = new(4);
        Assert.Equal(0, solver.CountSolutions(SudokuGrid.Parse(puzzle, 4)));
        Assert.Null(solver.Solve(SudokuGrid.Parse(puzzle, 4)));
        Assert.False(solver.SinglesSolve(SudokuGrid.Parse(puzzle, 4)));
    }

    [Fact]
    public void Solve_SolvedGrid_GivesItBack()
    {
        SudokuGrid solved = SudokuGrid.Parse(SudokuGridTests.EasySolution, 9);
        Assert.Equal(solved.ToString(), new SudokuSolver(9).Solve(solved)?.ToString());
        Assert.True(new SudokuSolver(9).SinglesSolve(solved));
    }

    [Fact]
    public void Solve_OtherSide_Throws()
    {
        SudokuGrid grid = SudokuGrid.Parse(SudokuGridTests.Easy, 9);
        Assert.Contains("side 4, found side 9", Assert.Throws<CinnabarException>(() => new SudokuSolver(4).Solve(grid)).Message);
        Assert.Throws<CinnabarException>(() => new SudokuSolver(16));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SudokuSolver(9).CountSolutions(grid, 0));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(9)]
    public void SinglesSolve_CutPuzzles_NeverContradictsSearch(int side)
    {
        SudokuGenerator generator = new(side, new(7));
        SudokuSolver solver = new(side);
        int solved = 0;
        for (int i = 0; i < 50; i++)
        {
            SudokuPuzzle puzzle = generator.Next();
            Assert.Equal(puzzle.Solution.ToString(), solver.Solve(puzzle.Clues)?.ToString());
            solved += solver.SinglesSolve(puzzle.Clues) ? 1 : 0;
        }

        Assert.InRange(solved, 25, 50);
    }
}
