using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class CountdownTaskTests
{
    private static readonly CountdownTask s_three = new(3);
    private static readonly CountdownTask s_four = new(4);

    [Fact]
    public void Examples_Generated_HaveShapesOfTheTask()
    {
        Assert.Equal(["countdown3", "countdown4", "countdown5"], new[] { 3, 4, 5 }.Select(count => new CountdownTask(count).Name));
        foreach (CountdownTask task in new[] { s_three, s_four, new CountdownTask(5) })
        {
            TaskExample[] examples = [.. task.Examples(new(TaskSplit.Train, null, 20, 1))];
            Assert.Equal(20, examples.Length);
            Assert.Equal(examples, task.Examples(new(TaskSplit.Train, null, 20, 1)));
            Assert.NotEqual(examples, task.Examples(new(TaskSplit.Train, null, 20, 2)));
            Assert.All(examples, example =>
            {
                Assert.EndsWith("\n", example.Prompt);
                Assert.InRange(example.Reference.Length, 1, task.MaxAnswerCharacters);
                Assert.All(Score(task, example, example.Reference), value => Assert.Equal(1, value));
            });
        }

        Assert.Throws<CinnabarException>(() => new CountdownTask(6));
    }

    [Fact]
    public void Examples_Splits_ShareNoProblem()
    {
        HashSet<string>[] splits =
        [
            .. Enum.GetValues<TaskSplit>()
                .Select(split => s_three.Examples(new(split, null, 10_000, (ulong)split / 2)).Select(Sorted).ToHashSet()),
        ];
        Assert.Empty(splits[0].Intersect(splits[1]));
        Assert.Empty(splits[0].Intersect(splits[2]));
        Assert.Empty(splits[1].Intersect(splits[2]));
        Assert.All(splits, split => Assert.InRange(split.Count, 8_000, 10_000));
    }

    [Fact]
    public void Examples_Folder_ExcludesItsProblemsFromTrainAndValidation()
    {
        using TemporaryFolder folder = new();
        foreach (TaskSplit split in new[] { TaskSplit.Train, TaskSplit.Validation })
        {
            TaskSource source = new(split, folder.Path, 300, 1);
            TaskExample[] known = [.. s_four.Examples(source with { Folder = null })];

            // The order of the numbers is another one in the file.
            folder.Write("cd4_test.jsonl", [.. known.Select(example => Json(Reversed(example), example.Reference))]);
            HashSet<string> excluded = [.. known.Select(Sorted)];
            TaskExample[] left = [.. s_four.Examples(source)];
            Assert.Equal(300, left.Length);
            Assert.DoesNotContain(left, example => excluded.Contains(Sorted(example)));
        }
    }

    [Theory]
    [InlineData("86+28=114,31-13=18,114-18=96", 1, 1)]
    [InlineData("31-28=3,13-3=10,86+10=96\n", 1, 1)]
    [InlineData("86+28=114,31-13=18", 0, 1)]
    [InlineData("1+1=2", 0, 1)]
    [InlineData("86+28=114,31-13=19,114-18=96", 0, 0)]
    [InlineData("", 0, 0)]
    [InlineData("1/0=", 0, 0)]
    public void Score_KnownAnswer_TellsSolvedFromArithmetic(string answer, double solved, double arithmetic)
    {
        TaskExample example = new("", "86,28,13,31,96\n", "31-28=3,13-3=10,86+10=96");
        Assert.Equal([solved, arithmetic], Score(s_four, example, answer));
        Assert.Equal(["solved", "arithmetic"], s_four.Score([new TaskAnswer(example, answer)]).Select(measure => measure.Name));
    }

    [SharedPuzzlesFact]
    public void Examples_SharedFiles_AllReferencesAreSolved()
    {
        foreach (int count in new[] { 3, 4, 5 })
        {
            CountdownTask task = new(count);
            TaskExample[] examples = [.. task.Examples(new(TaskSplit.Test, SharedPuzzles.Countdown, int.MaxValue, 1))];
            Assert.Equal(count == 3 ? 628 : 500, examples.Length);
            Assert.Equal(count == 3 ? 128 : 0, examples.Count(example => example.Group == "d1"));
            Assert.Equal(500, examples.Count(example => example.Group == $"cd{count}"));
            Assert.All(
                task.Score([.. examples.Select(example => new TaskAnswer(example, example.Reference))]),
                measure => Assert.Equal(1, measure.Value));
            Assert.All(examples, example => Assert.InRange(example.Reference.Length, 1, task.MaxAnswerCharacters));
        }
    }

    [SharedPuzzlesFact]
    public void Examples_SharedFiles_AreNotInTrain()
    {
        HashSet<string> test = [.. s_three.Examples(new(TaskSplit.Test, SharedPuzzles.Countdown, int.MaxValue, 1)).Select(Sorted)];
        TaskSource train = new(TaskSplit.Train, SharedPuzzles.Countdown, 5_000, 1);
        Assert.DoesNotContain(s_three.Examples(train), example => test.Contains(Sorted(example)));
        Assert.Contains(s_three.Examples(train with { Folder = null }), example => test.Contains(Sorted(example)));
    }

    [Theory]
    [InlineData("86,28,13,96", "", "expected a right answer as \"output\", found one that is wrong (Empty)")]
    [InlineData("86,28,13,96", "1/0=", "(Form)")]
    [InlineData("86,28,13,31,96", "86+28=114,31-13=18,114-18=96", "expected 3 numbers and a target, found 4 numbers")]
    [InlineData("86,28,13", "", "expected 3 to 5 numbers and a target")]
    [InlineData("86,28,x,1", "", "place 3")]
    public void Examples_WrongRow_SaysFileLineAndWhat(string input, string output, string expected)
    {
        using TemporaryFolder folder = new();
        folder.Write("cd3_test_half_a.jsonl", "", Json(input, output));
        foreach (TaskSplit split in Enum.GetValues<TaskSplit>())
        {
            TaskSource source = new(split, folder.Path, 10, 1);
            CinnabarException e = Assert.Throws<CinnabarException>(() => s_three.Examples(source).Count());
            Assert.Contains("'cd3_test_half_a.jsonl' line 2: ", e.Message);
            Assert.Contains(expected, e.Message);
        }
    }

    [Theory]
    [InlineData("1,2,3", "99", "expected a problem with a solution, found none")]
    [InlineData("1,2,3", "x", "place 4")]
    [InlineData("1,2", "3", "found 2 numbers")]
    [InlineData("1,2,3,4", "5", "expected 3 numbers and a target, found 4 numbers")]
    public void Examples_WrongRowOfTargetsFile_SaysFileLineAndWhat(string input, string output, string expected)
    {
        using TemporaryFolder folder = new();
        folder.Write("cd3_test.jsonl", Json("15,44,79,50", "44-15=29,79-29=50"));
        folder.Write("d1_countdown_cd3_test.jsonl", Json("1,2,3", "6"), Json(input, output));
        CinnabarException e = Assert.Throws<CinnabarException>(() => s_three.Examples(new(TaskSplit.Test, folder.Path, 10, 1)).Count());
        Assert.Contains("'d1_countdown_cd3_test.jsonl' line 2: ", e.Message);
        Assert.Contains(expected, e.Message);
        Assert.Equal(["cd3", "d1"], s_three.Examples(new(TaskSplit.Test, folder.Path, 2, 1)).Select(example => example.Group));
    }

    [Fact]
    public void Examples_FolderWithoutTheFile_SaysWhichIsMissing()
    {
        using TemporaryFolder folder = new();
        foreach (TaskSplit split in Enum.GetValues<TaskSplit>())
        {
            TaskSource source = new(split, folder.Path, 10, 1);
            Assert.Contains(
                "Expected 'cd4_test.jsonl'", Assert.Throws<CinnabarException>(() => s_four.Examples(source).Count()).Message);
        }
    }

    private static double[] Score(CountdownTask task, TaskExample example, string answer) =>
        [.. task.Score([new TaskAnswer(example, answer)]).Select(measure => measure.Value)];

    private static string Json(string input, string output) => $"{{\"input\": \"{input}\", \"output\": \"{output}\"}}";

    private static string Sorted(TaskExample example)
    {
        string[] parts = example.Prompt.Trim().Split(',');
        return string.Join(',', parts[..^1].Order()) + "=" + parts[^1];
    }

    private static string Reversed(TaskExample example)
    {
        string[] parts = example.Prompt.Trim().Split(',');
        return string.Join(',', [.. parts[..^1].Reverse(), parts[^1]]);
    }
}
