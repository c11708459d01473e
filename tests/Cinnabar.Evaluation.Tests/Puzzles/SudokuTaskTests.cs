using Cinnabar.Evaluation.Puzzles;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class SudokuTaskTests
{
    private static readonly SudokuTask s_nine = new(9);
    private static readonly SudokuTask s_four = new(4);

    [Fact]
    public void Examples_Generated_HaveOneSolutionAndShapesOfTheTask()
    {
        foreach (SudokuTask task in new[] { s_nine, s_four })
        {
            int side = task == s_nine ? 9 : 4;
            SudokuSolver solver = new(side);
            HashSet<string> groups = [];
            foreach (TaskExample example in Generate(task, TaskSplit.Train, 100, 1))
            {
                Assert.EndsWith("\n", example.Prompt);
                SudokuGrid clues = SudokuGrid.Parse(example.Prompt, side);
                Assert.Equal(1, solver.CountSolutions(clues));
                Assert.Equal(example.Reference, solver.Solve(clues)?.ToString());
                Assert.Equal(clues.ToString('_'), example.Template);
                Assert.InRange(clues.Clues, side == 9 ? 30 : 4, side == 9 ? 40 : 12);
                groups.Add(example.Group);
                Assert.Equal(1.0, task.Score([new TaskAnswer(example, example.Reference)])[0].Value);
            }

            Assert.Equal(side == 9 ? 4 : 9, groups.Count);
            Assert.Contains(side == 9 ? "30–32 clues" : "4 clues", groups);
        }

        Assert.Equal(("sudoku", "sudoku4x4"), (s_nine.Name, s_four.Name));
    }

    [Fact]
    public void Examples_SameSource_AreTheSame()
    {
        Assert.Equal(Generate(s_nine, TaskSplit.Test, 5, 1), Generate(s_nine, TaskSplit.Test, 5, 1));
        Assert.NotEqual(Generate(s_nine, TaskSplit.Test, 5, 1), Generate(s_nine, TaskSplit.Test, 5, 2));
        Assert.Empty(Generate(s_nine, TaskSplit.Test, 0, 1));
    }

    [Fact]
    public void Examples_SplitsOfSide4_ShareNoPuzzle()
    {
        HashSet<string>[] splits = [.. Splits(s_four, 10_000, example => FirstSeen(example.Prompt))];
        Assert.Empty(splits[0].Intersect(splits[1]));
        Assert.Empty(splits[0].Intersect(splits[2]));
        Assert.Empty(splits[1].Intersect(splits[2]));
        Assert.All(splits, split => Assert.InRange(split.Count, 1_000, 10_000));
    }

    [Fact]
    public void Examples_SplitsOfSide9_ShareNoClassOfSolutions()
    {
        HashSet<ulong>[] splits =
            [.. Splits(s_nine, 300, example => SudokuKey.OfSolution(SudokuGrid.Parse(example.Reference, 9)))];
        Assert.Empty(splits[0].Intersect(splits[1]));
        Assert.Empty(splits[0].Intersect(splits[2]));
        Assert.Empty(splits[1].Intersect(splits[2]));
        Assert.All(splits, split => Assert.Equal(300, split.Count));
    }

    [Fact]
    public void NextSolution_10000Grids_HaveTestKeysAsASixteenth()
    {
        // A grid's key alone decides whether it is test. A key that followed from how grids are made would put too many there, or none.
        SudokuGenerator generator = new(9, new(11));
        double test = Enumerable.Range(0, 10_000).Count(_ => SudokuKey.OfSolution(generator.NextSolution()) % 16 == 0) / 10_000.0;
        Assert.InRange(test, 0.055, 0.07);
    }

    [Fact]
    public void Examples_Folder_ExcludesItsPuzzlesFromTrain()
    {
        using TemporaryFolder folder = new();
        TaskExample[] known = [.. Generate(s_four, TaskSplit.Train, 300, 1)];
        folder.Write("sudoku.csv", [.. known.Select(example => $"{example.Prompt.Trim()},{example.Reference}")]);
        HashSet<string> excluded = [.. known.Select(example => FirstSeen(example.Prompt))];
        TaskSource source = new(TaskSplit.Train, folder.Path, 3_000, 1);
        Assert.DoesNotContain(s_four.Examples(source), example => excluded.Contains(FirstSeen(example.Prompt)));

        TaskExample[] nine = [.. Generate(s_nine, TaskSplit.Train, 5, 1)];
        folder.Write("sudoku.csv", ["quizzes,solutions", .. nine.Select(example => $"{example.Prompt.Trim()},{example.Reference}")]);
        string[] solutions = [.. s_nine.Examples(source with { Count = 10 }).Select(example => example.Reference)];
        Assert.Empty(solutions.Intersect(nine.Select(example => example.Reference)));
        Assert.Equal(
            nine.Select(example => example.Template),
            s_nine.Examples(source with { Split = TaskSplit.Test }).Select(example => example.Template));
    }

    [Fact]
    public void Score_WrongAnswers_CountCellsButDoNotSolve()
    {
        TaskExample example = new("", $"{SudokuGridTests.Easy}\n", SudokuGridTests.EasySolution);
        string swapped = SudokuGridTests.EasySolution[..2] + "64" + SudokuGridTests.EasySolution[4..]; // Two of 51 open cells.
        AssertScore(example, SudokuGridTests.EasySolution, 1, 1);
        AssertScore(example, string.Join('\n', SudokuGridTests.EasySolution.Chunk(9).Select(row => new string(row))), 1, 1);
        AssertScore(example, swapped, 0, 49 / 51.0);
        AssertScore(example, SudokuGridTests.EasySolution[..80], 0, 1); // The last cell is a clue.
        AssertScore(example, SudokuGridTests.EasySolution + "1", 0, 1);
        AssertScore(example, SudokuGridTests.Easy, 0, 0);
        AssertScore(example, "", 0, 0);
        AssertScore(example, "\u0000\uD800", 0, 0);
    }

    [Fact]
    public void Score_AnotherSolutionThanTheReference_IsSolved()
    {
        TaskExample example = new("4 clues", "1000000000000000\n", "1234341221434321");
        AssertScore(example, "1234341243212143", 1, 7 / 15.0, s_four);
    }

    [SharedPuzzlesFact]
    public void Examples_SharedFiles_AllReferencesAreSolved()
    {
        TaskExample[] examples = [.. s_four.Examples(new(TaskSplit.Test, SharedPuzzles.Sudoku, int.MaxValue, 1))];
        Assert.Equal((9 * 54) + 250, examples.Length);
        Assert.Equal(250, examples.Count(example => example.Group == "d1"));
        Assert.Equal(54, examples.Count(example => example.Group == "4 clues"));
        Assert.Equal(10, examples.Take(10).Select(example => example.Group).Distinct().Count());
        Assert.All(
            s_four.Score([.. examples.Select(example => new TaskAnswer(example, example.Reference))]),
            measure => Assert.Equal(1, measure.Value));

        HashSet<string> test = [.. examples.Select(example => FirstSeen(example.Prompt))];
        TaskSource train = new(TaskSplit.Train, SharedPuzzles.Sudoku, 5_000, 1);
        Assert.DoesNotContain(s_four.Examples(train), example => test.Contains(FirstSeen(example.Prompt)));
        Assert.Contains(s_four.Examples(train with { Folder = null }), example => test.Contains(FirstSeen(example.Prompt)));
    }

    [Theory]
    [InlineData("sudoku.csv", "1234", "'sudoku.csv' line 1: expected puzzle and solution with one comma between them, found 0 commas")]
    [InlineData("sudoku.csv", "1,2,3", "found 2 commas")]
    [InlineData("sudoku.csv", "\n123,1234341221434321", "line 2: puzzle: expected 16 cells, found 3")]
    [InlineData("sudoku.csv", "1000000000000000,123", "line 1: solution: expected 16 cells, found 3")]
    [InlineData("sudoku.csv", "a,b\n1000000000000000,x234341221434321", "line 2: solution: expected a digit")]
    [InlineData("sudoku.csv", "1100000000000000,1234341221434321", "found 1 twice in row 1, at r1c1 and r1c2")]
    [InlineData("sudoku.csv", "2000000000000000,1234341221434321", "expected a full grid that keeps the rules and the clues")]
    [InlineData("sudoku.csv", "0000000000000000,1234341221434320", "expected a full grid that keeps the rules and the clues")]
    [InlineData("sudoku.csv", "", "expected a puzzle a line, found no line")]
    [InlineData("sudoku.csv", "\n \n", "expected a puzzle a line, found no line")]
    [InlineData("sudoku_4x4_5.jsonl", "{", "'sudoku_4x4_5.jsonl' line 1: expected a JSON object")]
    [InlineData("sudoku_4x4_5.jsonl", "[]", "\"input\", found none")]
    [InlineData("sudoku_4x4_5.jsonl", "{\"input\": \"1\"}", "\"output\", found none")]
    [InlineData("sudoku_4x4_5.jsonl", "{\"input\": 1, \"output\": \"\"}", "\"input\", found none")]
    [InlineData("sudoku_4x4_5.jsonl", "{\"input\": \"\\uD800\", \"output\": \"\"}", "line 1")]
    [InlineData("other.txt", "", "found none")]
    public void Examples_WrongFile_SaysFileLineAndWhat(string name, string text, string expected)
    {
        using TemporaryFolder folder = new();
        folder.Write(name, text.Split('\n'));
        foreach (TaskSplit split in Enum.GetValues<TaskSplit>())
        {
            TaskSource source = new(split, folder.Path, 10, 1);
            Assert.Contains(expected, Assert.Throws<CinnabarException>(() => s_four.Examples(source).Count()).Message);
        }

        Assert.Throws<CinnabarException>(() => new SudokuTask(6));
    }

    [Fact]
    public void Examples_FolderWithoutTheFile_SaysWhichIsMissing()
    {
        using TemporaryFolder folder = new();
        CinnabarException e = Assert.Throws<CinnabarException>(() => s_nine.Examples(new(TaskSplit.Train, folder.Path, 1, 1)).Count());
        Assert.Contains("Expected 'sudoku.csv'", e.Message);
    }

    private static void AssertScore(TaskExample example, string answer, double solved, double cells, SudokuTask? task = null)
    {
        IReadOnlyList<TaskMeasure> measures = (task ?? s_nine).Score([new TaskAnswer(example, answer)]);
        Assert.Equal(["solved", "cells"], measures.Select(measure => measure.Name));
        Assert.Equal(solved, measures[0].Value);
        Assert.Equal(cells, measures[1].Value, 12);
    }

    private static IEnumerable<TaskExample> Generate(SudokuTask task, TaskSplit split, int count, ulong seed) =>
        task.Examples(new(split, null, count, seed));

    /// <summary>Each split from a seed of its own and, for train, from those of the others too.</summary>
    private static IEnumerable<HashSet<T>> Splits<T>(SudokuTask task, int count, Func<TaskExample, T> key) =>
        Enum.GetValues<TaskSplit>().Select(split => Generate(task, split, count, (ulong)split / 2).Select(key).ToHashSet());

    /// <summary>The clues with the digits named by their first occurrence, not by way of the key.</summary>
    private static string FirstSeen(string prompt)
    {
        string order = string.Concat(prompt.Where(c => c is >= '1' and <= '9').Distinct());
        return string.Concat(prompt.Trim().Select(c => c == '0' ? '0' : (char)('a' + order.IndexOf(c))));
    }
}
