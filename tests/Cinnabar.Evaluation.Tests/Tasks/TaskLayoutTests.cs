using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class TaskLayoutTests
{
    [Fact]
    public void Of_Template_IsRunsOfKnownAndUnknownCharacters()
    {
        TaskExample example = new("", "1020\n", "1324") { Template = "1_2_" };
        TaskLayout layout = TaskLayout.Of(example, inPlace: true);
        Assert.Equal([new("1", false), new("3", true), new("2", false), new ExamplePart("4", true)], layout.Parts);
        Assert.False(layout.EndsText);
        Assert.Equal([new("1020\n", false), new ExamplePart("1324", true)], TaskLayout.Of(example, inPlace: false).Parts);
    }

    [Fact]
    public void Of_PromptAndSuffix_SurroundTheAnswer()
    {
        TaskLayout layout = TaskLayout.Of(new TaskExample("", "a ", "b") { Suffix = " c" }, inPlace: true);
        Assert.Equal([new("a ", false), new("b", true), new ExamplePart(" c", false)], layout.Parts);
        Assert.False(layout.EndsText);
        layout = TaskLayout.Of(new TaskExample("", "", "b\nc"), inPlace: false);
        Assert.Equal([new("b", true), new("\n", false), new ExamplePart("c", true)], layout.Parts);
        Assert.True(layout.EndsText);
    }

    [Fact]
    public void Share_And_Difference_HaveTheErrorsOfTheirSamples()
    {
        EvaluationTask task = TaskCatalog.Find("reversal");
        TaskExample[] examples = [.. Enumerable.Range(0, 8).Select(i => new TaskExample("forward", $"{i}\n", $"{i}"))];
        TaskResult some = Result(examples.Select((example, i) => new TaskAnswer(example, i < 6 ? example.Reference : "x")));
        TaskResult fewer = Result(examples.Select((example, i) => new TaskAnswer(example, i < 4 ? example.Reference : "x")));
        TaskMeasure difference = some.DifferenceFrom(task, fewer);
        Assert.Equal(0.25, difference.Value, 1e-12);

        // Two of eight differ, by one each: s² = (2 − 8·0.25²)/7, over 8.
        Assert.Equal(Math.Sqrt(1.5 / 7 / 8), difference.StandardError!.Value, 1e-12);
        Assert.Equal(0, some.DifferenceFrom(task, some).StandardError);

        static TaskResult Result(IEnumerable<TaskAnswer> answers) => new("m", [.. answers], [], default);
    }
}
