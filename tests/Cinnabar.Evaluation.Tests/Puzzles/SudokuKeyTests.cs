using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class SudokuKeyTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(9)]
    public void OfSolution_EverySymmetry_KeepsKey(int side)
    {
        DeterministicRandom random = new(3);
        SudokuGenerator generator = new(side, random);
        HashSet<ulong> keys = [];
        for (int i = 0; i < 40; i++)
        {
            string solution = generator.NextSolution().ToString();
            ulong key = Key(solution, side);
            keys.Add(key);
            Assert.Equal(key, Key(Relabel(solution, side, random), side));
            Assert.Equal(key, Key(PermuteRows(solution, side, random), side));
            Assert.Equal(key, Key(Transpose(solution, side), side));
            string all = solution;
            for (int round = 0; round < 4; round++)
            {
                all = Transpose(PermuteRows(Relabel(all, side, random), side, random), side);
            }

            Assert.NotEqual(solution, all);
            Assert.Equal(key, Key(all, side));
        }

        // 40 of 5.5·10^9 classes are all different; side 4 has two.
        Assert.Equal(side == 9 ? 40 : 2, keys.Count);
    }

    [Fact]
    public void OfSolution_All288GridsOfSide4_FallIntoTheirTwoClasses()
    {
        List<string> grids = [];
        Fill("", grids);
        Assert.Equal(288, grids.Count);
        int[] sizes = [.. grids.GroupBy(grid => Key(grid, 4)).Select(group => group.Count()).Order()];
        Assert.Equal([96, 192], sizes);
    }

    [Fact]
    public void OfSolution_RowsOfDifferentBandsExchanged_IsAnotherKeyOrNoGrid()
    {
        string moved = SudokuGridTests.EasySolution[27..36] + SudokuGridTests.EasySolution[9..27]
            + SudokuGridTests.EasySolution[..9] + SudokuGridTests.EasySolution[36..];
        Assert.Throws<CinnabarException>(() => Key(moved, 9));
        Assert.Throws<CinnabarException>(() => Key(SudokuGridTests.Easy, 9));
    }

    [Fact]
    public void OfClues_Relabelling_KeepsKeyAndOtherChangesDoNot()
    {
        DeterministicRandom random = new(5);
        SudokuGenerator generator = new(4, random);
        for (int i = 0; i < 40; i++)
        {
            string clues = generator.Next().Clues.ToString();
            ulong key = OfClues(clues);
            Assert.Equal(key, OfClues(Relabel(clues, 4, random)));
            int filled = clues.IndexOfAny(['1', '2', '3', '4']);
            Assert.NotEqual(key, OfClues(clues.Remove(filled, 1).Insert(filled, "0")));
        }

        Assert.Equal(OfClues("1200000000000000"), OfClues("4300000000000000"));
        Assert.NotEqual(OfClues("1200000000000000"), OfClues("1100000000000000"));
        Assert.NotEqual(OfClues("1200000000000000"), OfClues("1020000000000000"));
    }

    [Fact]
    public void Keys_KnownPuzzle_AreTheSameInEveryRun()
    {
        // Splits of published models depend on these numbers: never change them.
        Assert.Equal(3434961426659976407UL, Key(SudokuGridTests.EasySolution, 9));
        Assert.Equal(17878594643351118846UL, OfClues("1000000240030000"));
    }

    private static ulong Key(string solution, int side) => SudokuKey.OfSolution(SudokuGrid.Parse(solution, side));

    private static ulong OfClues(string clues) => SudokuKey.OfClues(SudokuGrid.Parse(clues, 4));

    private static string Relabel(string grid, int side, DeterministicRandom random)
    {
        int[] names = [0, .. Shuffled([.. Enumerable.Range(1, side)], random)];
        return string.Concat(grid.Select(c => names[c - '0']));
    }

    /// <summary>Bands in another order, and rows inside each.</summary>
    private static string PermuteRows(string grid, int side, DeterministicRandom random)
    {
        int box = side == 9 ? 3 : 2;
        IEnumerable<int> bands = Shuffled([.. Enumerable.Range(0, box)], random);
        IEnumerable<int> rows = bands.SelectMany(band => Shuffled([.. Enumerable.Range(band * box, box)], random));
        return string.Concat(rows.Select(row => grid.Substring(row * side, side)));
    }

    private static string Transpose(string grid, int side) =>
        string.Concat(Enumerable.Range(0, side * side).Select(i => grid[(i % side * side) + (i / side)]));

    private static int[] Shuffled(int[] items, DeterministicRandom random)
    {
        for (int i = 0; i < items.Length; i++)
        {
            int other = i + random.NextInt(items.Length - i);
            (items[i], items[other]) = (items[other], items[i]);
        }

        return items;
    }

    private static void Fill(string start, List<string> grids)
    {
        if (SudokuGrid.Parse(start.PadRight(16, '0'), 4).Conflicts().Count > 0)
        {
            return;
        }

        if (start.Length == 16)
        {
            grids.Add(start);
            return;
        }

        foreach (char digit in "1234")
        {
            Fill(start + digit, grids);
        }
    }
}
