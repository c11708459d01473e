using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class SudokuGridTests
{
    internal const string Easy = "530070000600195000098000060800060003400803001700020006060000280000419005000080079";
    internal const string EasySolution = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

    [Theory]
    [InlineData("1000000240030000")]
    [InlineData("1...___2400300..")]
    [InlineData("1000\n0002\n4003\n0000")]
    [InlineData("1000\r\n0002\r\n4003\r\n0000\r\n")]
    [InlineData("  1000000240030000\n")]
    public void Parse_EveryNotation_GivesSameGrid(string text)
    {
        SudokuGrid grid = SudokuGrid.Parse(text, 4);
        Assert.Equal("1000000240030000", grid.ToString());
        Assert.Equal("1______24__3____", grid.ToString('_'));
        Assert.Equal(4, grid.Clues);
        Assert.Equal(4, grid.Side);
        Assert.False(grid.IsSolved);
    }

    [Theory]
    [InlineData("", 4, "expected 16 cells, found 0")]
    [InlineData("123412341234123", 4, "expected 16 cells, found 15")]
    [InlineData("12341234123412341", 4, "expected 16 cells, found 17")]
    [InlineData("123412341234123a", 4, "at r4c4, found U+0061")]
    [InlineData("1234123412341235", 4, "expected a digit 1 to 4, or '0', '.' or '_', at r4c4, found U+0035")]
    [InlineData("1234\n1234\n1234", 4, "expected 4 rows, found 3")]
    [InlineData("1234\n1234\n1234\n1234\n1234", 4, "expected 4 rows, found more")]
    [InlineData("1234\n123\n1234\n1234", 4, "expected 4 cells in row 2, found 3")]
    [InlineData("1234\n\n1234\n1234\n1234", 4, "expected 4 cells in row 2, found 0")]
    [InlineData("12\u0664412341234123", 4, "expected 16 cells, found 15")]
    [InlineData("12\u06644123412341234", 4, "at r1c3, found U+0664")]
    [InlineData("1234123412341234", 9, "expected 81 cells, found 16")]
    [InlineData("1", 5, "side 4 or 9, found 5")]
    public void Parse_WrongText_SaysWhatAndWhere(string text, int side, string expected)
    {
        CinnabarException e = Assert.Throws<CinnabarException>(() => SudokuGrid.Parse(text, side));
        Assert.Contains(expected, e.Message);
    }

    [Fact]
    public void TryParse_WrongText_IsFalse()
    {
        Assert.False(SudokuGrid.TryParse("I think the answer is 12", 9, out SudokuGrid? grid));
        Assert.Null(grid);
        Assert.False(SudokuGrid.TryParse(new string('1', 1_000_000), 9, out _));
        Assert.True(SudokuGrid.TryParse(Easy, 9, out _));
    }

    [Fact]
    public void IsSolutionOf_KnownPuzzle_AsksForRulesAndClues()
    {
        SudokuGrid clues = SudokuGrid.Parse(Easy, 9);
        SudokuGrid solution = SudokuGrid.Parse(EasySolution, 9);
        Assert.Equal(30, clues.Clues);
        Assert.True(solution.IsSolved);
        Assert.True(solution.IsSolutionOf(clues));
        Assert.False(clues.IsSolutionOf(clues));

        // Digits 1 and 2 exchanged: the rules are kept, the clues are not.
        string relabelled = EasySolution.Replace('1', 'x').Replace('2', '1').Replace('x', '2');
        Assert.True(SudokuGrid.Parse(relabelled, 9).IsSolved);
        Assert.False(SudokuGrid.Parse(relabelled, 9).IsSolutionOf(clues));

        // Two cells of row 1 exchanged: every row is right, columns are not.
        Assert.False(SudokuGrid.Parse("543" + EasySolution[3..], 9).IsSolved);
        Assert.False(SudokuGrid.Parse(new string('5', 81), 9).IsSolved);
        Assert.False(SudokuGrid.Parse("1234341221434321", 4).IsSolutionOf(clues));
    }

    [Fact]
    public void Conflicts_TwoEqualClues_AreNamedByCell()
    {
        Assert.Empty(SudokuGrid.Parse(Easy, 9).Conflicts());
        SudokuConflict conflict = Assert.Single(SudokuGrid.Parse("1001000000000000", 4).Conflicts());
        Assert.Equal("1 twice in row 1, at r1c1 and r1c4", conflict.ToString());
        Assert.Equal(
            ["3 twice in column 2, at r1c2 and r2c2", "3 twice in box 1, at r1c2 and r2c2"],
            SudokuGrid.Parse("0300030000000000", 4).Conflicts().Select(found => found.ToString()));
        SudokuGrid corner = SudokuGrid.Parse(new string('.', 54) + ".......9." + "........." + "......9..", 9);
        Assert.Equal("9 twice in box 9, at r7c8 and r9c7", Assert.Single(corner.Conflicts()).ToString());
    }
}
