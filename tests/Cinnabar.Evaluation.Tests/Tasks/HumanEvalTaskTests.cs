using System.Text.Json;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class HumanEvalTaskTests
{
    private const string Problem =
        """{"task_id": "HumanEval/0", "prompt": "def f():\n", "canonical_solution": "    return 1\n", "suffix": "\n", "test": ""}""";

    private static readonly HumanEvalTask s_task = new();

    public static TheoryData<string, string> InfillingFiles => new()
    {
        { "humaneval-infilling-single-line", "HumanEval-SingleLineInfilling" },
        { "humaneval-infilling-multi-line", "HumanEval-MultiLineInfilling" },
        { "humaneval-infilling-random-span", "HumanEval-RandomSpanInfilling" },
        { "humaneval-infilling-random-span-light", "HumanEval-RandomSpanInfillingLight" },
    };

    [Fact]
    public void Examples_Problem_HasKey()
    {
        using TaskFolder folder = new();
        folder.Pack("HumanEval.jsonl", Problem);
        TaskExample example = Assert.Single(folder.Read(s_task, TaskSplit.Test));
        Assert.Equal(("def f():\n", "    return 1\n", "", "HumanEval/0"), (example.Prompt, example.Reference, example.Suffix, example.Key));
        Assert.Contains("has no train split; it has test.", folder.Fault(s_task, TaskSplit.Train));
    }

    [Theory]
    [MemberData(nameof(InfillingFiles))]
    public void Examples_InfillingProblem_HasSuffix(string name, string file)
    {
        using TaskFolder folder = new();
        EvaluationTask task = TaskCatalog.Find(name);
        folder.Write(file + "_half_a.jsonl", Problem);
        TaskExample example = Assert.Single(folder.Read(task, TaskSplit.Test));
        Assert.Equal(("def f():\n", "\n", "HumanEval/0"), (example.Prompt, example.Suffix, example.Key));
        Assert.Equal("    return 1\n", example.Reference);
        folder.Write(file + ".jsonl", Problem, """{"task_id": "", "prompt": "", "canonical_solution": ""}""");
        Assert.StartsWith($"'{file}.jsonl', line 2: expected the key \"suffix\"", folder.Fault(task, TaskSplit.Test));
    }

    [Theory]
    [InlineData("    return 1", 1)]
    [InlineData("    return 1\n\n\n", 1)]
    [InlineData("    return 1\n\ndef g():\n    pass", 1)]
    [InlineData("    return 1\nprint(f())", 1)]
    [InlineData("    return 1\n# Done\nclass A:", 1)]
    [InlineData("    return 1\nif __name__", 1)]
    [InlineData("    return 1\n    # Done", 0)]
    [InlineData("return 1", 0)]
    [InlineData("\ndef f", 0)]
    [InlineData("", 0)]
    public void Score_Answer_IsCutAtStopSequences(string answer, double expected)
    {
        TaskExample example = new("", "def f():\n", "    return 1\n");
        IReadOnlyList<TaskMeasure> measures = s_task.Score([new(example, answer)]);
        Assert.Equal(["exact match", "edit similarity"], measures.Select(measure => measure.Name));
        Assert.Equal(expected, measures[0].Value);
        Assert.Equal(expected == 1, measures[1].Value == 1);
    }

    [Fact]
    public void Score_Infilling_SpansCountEveryCharacter()
    {
        TaskAnswer[] answers = [new(new TaskExample("", "x =", " 1\n"), " 1")];
        Assert.Equal(1, HumanEvalInfillingTask.SingleLine.Score(answers)[0].Value);
        Assert.Equal(1, HumanEvalInfillingTask.MultiLine.Score(answers)[0].Value);
        Assert.Equal(0, HumanEvalInfillingTask.RandomSpan.Score(answers)[0].Value);
        Assert.Equal(2.0 / 3, HumanEvalInfillingTask.RandomSpanLight.Score(answers)[1].Value, 10);
    }

    [Fact]
    public void WritePredictions_Answers_AreJsonLinesOfTaskIdAndCompletion()
    {
        TaskExample first = new("", "", "") { Key = "HumanEval/0" };
        TaskExample second = new("", "", "") { Key = "HumanEval/1" };
        TaskAnswer[] answers = [new(first, "    s = \"ä\"\n\ndef g"), new(second, "half \ud800")];
        Assert.Equal([("HumanEval/0", "    s = \"ä\"\n"), ("HumanEval/1", "half \ufffd")], Written(HumanEvalTask.WritePredictions));
        Assert.Equal(
            [("HumanEval/0", "    s = \"ä\"\n\ndef g"), ("HumanEval/1", "half \ufffd")], Written(HumanEvalInfillingTask.WritePredictions));
        TaskAnswer keyless = new(new TaskExample("", "", ""), "");
        Assert.Throws<ArgumentException>(() => HumanEvalTask.WritePredictions(TextWriter.Null, [keyless]));

        (string, string)[] Written(Action<TextWriter, IEnumerable<TaskAnswer>> write)
        {
            using StringWriter writer = new();
            write(writer, answers);
            return [.. writer.ToString().TrimEnd('\n').Split('\n').Select(line =>
            {
                using JsonDocument document = JsonDocument.Parse(line);
                JsonElement[] values = [.. document.RootElement.EnumerateObject().Select(property => property.Value)];
                Assert.Equal(["task_id", "completion"], document.RootElement.EnumerateObject().Select(property => property.Name));
                return (values[0].GetString()!, values[1].GetString()!);
            })];
        }
    }
}
