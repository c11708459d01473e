using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>The data sets as their READMEs describe them.</summary>
public sealed class SharedTaskTests
{
    // Most examples whose references are scored: edit similarity takes time for long texts.
    private const int MostScored = 600;

    [SharedDataTheory]
    [InlineData("java-cs", "java-cs", TaskSplit.Train, 10_295)]
    [InlineData("java-cs", "java-cs", TaskSplit.Validation, 499)]
    [InlineData("nl2bash", "nl2bash", TaskSplit.Train, 10_452)]
    [InlineData("nl2bash", "nl2bash", TaskSplit.Validation, 1_090)]
    [InlineData("e2e", "e2e", TaskSplit.Train, 42_061)]
    [InlineData("e2e", "e2e", TaskSplit.Validation, 547)]
    [InlineData("gsm8k", "gsm8k", TaskSplit.Train, 7_473)]
    [InlineData("gsm8k", "gsm8k", TaskSplit.Test, 660)]
    [InlineData("humaneval", "humaneval", TaskSplit.Test, 164)]
    [InlineData("humaneval-infilling-single-line", "humaneval-infilling", TaskSplit.Test, 1_033)]
    [InlineData("humaneval-infilling-multi-line", "humaneval-infilling", TaskSplit.Test, 5_815)]
    [InlineData("humaneval-infilling-random-span", "humaneval-infilling", TaskSplit.Test, 1_640)]
    [InlineData("humaneval-infilling-random-span-light", "humaneval-infilling", TaskSplit.Test, 164)]
    [InlineData("reversal", "poem-reversal", TaskSplit.Train, 235)]
    [InlineData("reversal", "poem-reversal", TaskSplit.Test, 470)]
    [InlineData("reversal-chat", "poem-reversal", TaskSplit.Test, 470)]
    public void Examples_SharedData_AreAllReadAndTheirReferencesRight(string name, string folder, TaskSplit split, int count)
    {
        EvaluationTask task = TaskCatalog.Find(name);
        TaskExample[] examples = SharedData.Read(task, folder, split);
        Assert.Equal(count, examples.Length);
        int shortest = name == "humaneval-infilling-random-span" ? 0 : 1; // 14 of its spans are empty.
        Assert.All(examples, example => Assert.InRange(example.Reference.Length, shortest, task.MaxAnswerCharacters));
        AssertRight(task, examples);
    }

    [SharedDataFact]
    public void Examples_CommandPages_AreDividedByName()
    {
        CommandPageTask task = new();
        TaskExample[][] splits = [.. Enum.GetValues<TaskSplit>().Select(split => SharedData.Read(task, "tldr", split))];
        Assert.Equal([27_588, 1_518, 1_537], splits.Select(examples => examples.Length)); // 30,643; the shares from Python.
        Assert.All(splits.SelectMany(examples => examples), example =>
        {
            Assert.InRange(example.Reference.Length, 1, task.MaxAnswerCharacters);
            Assert.EndsWith("\n", example.Prompt);
        });
        AssertRight(task, splits[2]);
    }

    [SharedDataFact]
    public void Examples_Meanings_HaveAllTheirSentences()
    {
        DataToTextTask task = new();
        TaskExample[] examples = SharedData.Read(task, "e2e", TaskSplit.Validation);
        Assert.Equal(4_672, examples.Sum(example => 1 + example.OtherReferences.Count));
        Assert.Equal("name: Alimentum | area: city centre | familyFriendly: no\n", examples[0].Prompt);
        // From Python; sentences reword values.
        Assert.Equal(0.8548446069469824, task.Score(References(examples))[0].Value, 9);
    }

    [SharedDataFact]
    public void Score_CopiedQuestion_HasTheFiguresOfPython()
    {
        TaskExample[] examples = SharedData.Read(TranslationTask.JavaToCSharp, "java-cs", TaskSplit.Validation);
        IReadOnlyList<TaskMeasure> measures =
            TranslationTask.JavaToCSharp.Score([.. examples.Select(example => new TaskAnswer(example, example.Prompt))]);
        Assert.Equal(1.0 / 499, measures[0].Value, 12);
        Assert.Equal(19.351712700737423, measures[1].Value, 9);
    }

    private static TaskAnswer[] References(IEnumerable<TaskExample> examples) =>
        [.. examples.Select(example => new TaskAnswer(example, example.Reference))];

    private static void AssertRight(EvaluationTask task, TaskExample[] examples)
    {
        foreach (TaskMeasure measure in task.Score(References(examples.Take(MostScored))))
        {
            if (measure.Name != "slots")
            {
                Assert.Equal(measure.Name == "BLEU" ? 100 : 1, measure.Value, 9);
            }
        }
    }
}
