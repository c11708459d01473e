using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class ReversalTaskTests
{
    private static readonly ReversalTask s_task = new();
    private static readonly ReversalChatTask s_chat = new();

    private static readonly string[] s_couplets =
        ["[", """{"first": "one", "second": "two", "source": "x"},""", """{"first": "one", "second": " three "}""", "]"];

    [Fact]
    public void Examples_Train_ShowsEachPairAsOneText()
    {
        using TaskFolder folder = new();
        folder.Pack("poem_half_a.json", s_couplets);
        TaskExample[] examples = folder.Read(s_task, TaskSplit.Train);
        Assert.Equal([("", "one\ntwo"), ("", "one\nthree")], examples.Select(example => (example.Prompt, example.Reference)));
        Assert.Contains("has no validation split", folder.Fault(s_task, TaskSplit.Validation));
    }

    [Fact]
    public void Examples_Test_AsksInBothDirections()
    {
        using TaskFolder folder = new();
        folder.Write("poem_data.json", s_couplets);
        TaskExample[] examples = folder.Read(s_task, TaskSplit.Test);
        Assert.Equal(
            [
                ("forward", "one\n", "", "two"), ("backward", "", "\ntwo", "one"),
                ("forward", "one\n", "", "three"), ("backward", "", "\nthree", "one"),
            ],
            examples.Select(example => (example.Group, example.Prompt, example.Suffix, example.Reference)));
        Assert.Equal(["three"], examples[0].OtherReferences);
        Assert.Empty(examples[1].OtherReferences);
        Assert.Equal(3, folder.Read(s_task, TaskSplit.Test, 3).Length);
    }

    [Fact]
    public void Score_Groups_AreCountedApart()
    {
        using TaskFolder folder = new();
        folder.Write("poem_data.json", s_couplets);
        TaskAnswer[] answers = [.. folder.Read(s_task, TaskSplit.Test).Select(example => new TaskAnswer(example, "three\n"))];
        ILookup<string, TaskAnswer> groups = answers.ToLookup(answer => answer.Example.Group);
        Assert.Equal(new TaskMeasure("exact match", 1, 0), Assert.Single(s_task.Score([.. groups["forward"]])));
        Assert.Equal(0, s_task.Score([.. groups["backward"]])[0].Value);
        Assert.Equal(0.5, s_task.Score(answers)[0].Value);
    }

    [Fact]
    public void Chat_Questions_AreThoseOfLlada()
    {
        using TaskFolder folder = new();
        folder.Write("poem_half_a.json", """[{"first": "窈窕淑女", "second": "君子好逑"}]""");
        TaskExample[] examples = folder.Read(s_chat, TaskSplit.Test);
        Assert.Equal(
            [("forward", "窈窕淑女的下一句是什么？ 直接输出句子即可。", "君子好逑"), ("backward", "君子好逑的上一句是什么？ 直接输出句子即可。", "窈窕淑女")],
            examples.Select(example => (example.Group, example.Prompt, example.Reference)));
        TaskMeasure measure = Assert.Single(s_chat.Score([new(examples[0], "“君子好逑”。"), new(examples[1], "君子好逑")]));
        Assert.Equal(("contains the line", 0.5), (measure.Name, measure.Value));
        Assert.Contains("has no train split", folder.Fault(s_chat, TaskSplit.Train));
    }

    [Theory]
    [InlineData("""[{"first": "a"}]""", "object 1: expected the key \"second\"")]
    [InlineData("""[{"first": "a", "second": "b"}, 7]""", "object 2: expected a JSON object, found a number")]
    [InlineData("""[{"first": "a", "second": "b\nc"}]""", "object 1: expected one line of text as \"second\", found several lines")]
    [InlineData("""[{"first": " ", "second": "b"}]""", "object 1: expected one line of text as \"first\", found an empty text")]
    [InlineData("[]", ": expected a JSON list of objects, found an empty list")]
    [InlineData("{}", ": expected a JSON list of objects, found an object")]
    [InlineData("[{]", ": expected valid JSON without a key twice, found a fault at byte 3 of line 1 of it")]
    [InlineData(" ", ": expected examples, found an empty file")]
    public void Examples_MalformedFile_NamesPlace(string text, string expected)
    {
        using TaskFolder folder = new();
        folder.Write("poem_half_a.json", text);
        Assert.Contains("'poem_half_a.json'", folder.Fault(s_task, TaskSplit.Train));
        Assert.Contains(expected, folder.Fault(s_task, TaskSplit.Test));
    }

    [Fact]
    public void Examples_NoFile_NamesBoth()
    {
        using TaskFolder folder = new();
        Assert.Contains("'poem_data.json' or 'poem_half_a.json'", folder.Fault(s_task, TaskSplit.Test));
    }
}
