using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class DataToTextTaskTests
{
    private const string Marks = "__start_name__ Blue Spice __end_name__ __start_eatType__ coffee shop __end_eatType__";
    private const string Prompt = "name: Blue Spice | eatType: coffee shop\n";
    private static readonly DataToTextTask s_task = new();

    [Fact]
    public void Examples_Train_HasEverySentence()
    {
        using TaskFolder folder = new();
        folder.Write("src_train.txt", Marks, Marks).Write("train.txt", "One . <eos>|||0,1,0", "Two . <eos>|||");
        TaskExample[] examples = folder.Read(s_task, TaskSplit.Train);
        Assert.Equal([(Prompt, "One ."), (Prompt, "Two .")], examples.Select(e => (e.Prompt, e.Reference)));
        Assert.All(examples, example => Assert.Empty(example.OtherReferences));
    }

    [Theory]
    [InlineData(TaskSplit.Validation, "src_valid.txt", "valid.txt")]
    [InlineData(TaskSplit.Test, "src_test.txt", "test.txt")]
    [InlineData(TaskSplit.Test, "src_test_half_a.txt", "test_half_a.txt")]
    public void Examples_ValidationAndTest_AreGroupedByMeaning(TaskSplit split, string meanings, string sentences)
    {
        using TaskFolder folder = new();
        folder.Pack(meanings, Marks, "__start_name__ Other __end_name__", Marks).Pack(sentences, "a <eos>|||", "b <eos>|||", "c <eos>|||");
        TaskExample[] examples = folder.Read(s_task, split);
        Assert.Equal([Prompt, "name: Other\n"], examples.Select(example => example.Prompt));
        Assert.Equal("a", examples[0].Reference);
        Assert.Equal(["c"], examples[0].OtherReferences);
        Assert.Single(folder.Read(s_task, split, 1));
    }

    [Fact]
    public void Examples_FileOfDiffusionLm_GivesPromptsAsInTraining()
    {
        using TaskFolder folder = new();
        folder.Write(
            "src1_test.txt",
            "name : Blue Spice | Type : coffee shop||One .",
            "name : Blue Spice | Type : coffee shop||Two .",
            "name : X | price : high | customer rating : 5 out of 5 | family friendly : yes | area : riverside||Three .");
        TaskExample[] examples = folder.Read(s_task, TaskSplit.Test);
        Assert.Equal(Prompt, examples[0].Prompt);
        Assert.Equal(["Two ."], examples[0].OtherReferences);
        Assert.Equal(
            "name: X | priceRange: high | customerrating: 5 out of 5 | familyFriendly: yes | area: riverside\n", examples[1].Prompt);
    }

    [Theory]
    [InlineData("name: Blue Spice")]
    [InlineData("__start_name__ Blue Spice __end_food__")]
    [InlineData("__start_name__ Blue | Spice __end_name__")]
    [InlineData("__start_name__ Blue Spice __end_name__ and more")]
    [InlineData("__start_name__  __end_name__")]
    public void Examples_MalformedMeaning_NamesFileAndLine(string line)
    {
        using TaskFolder folder = new();
        folder.Write("src_train.txt", Marks, line).Write("train.txt", "a <eos>|||", "b <eos>|||");
        Assert.StartsWith("'src_train.txt', line 2: expected a meaning", folder.Fault(s_task, TaskSplit.Train));
    }

    [Theory]
    [InlineData("A sentence .", "no such mark")]
    [InlineData(" <eos>|||1,2,3", "no such mark")]
    [InlineData("", "an empty line")]
    public void Examples_MalformedSentence_NamesFileAndLine(string line, string found)
    {
        using TaskFolder folder = new();
        folder.Write("src_valid.txt", Marks, Marks).Write("valid.txt", "a <eos>|||", line);
        string fault = folder.Fault(s_task, TaskSplit.Validation);
        Assert.StartsWith("'valid.txt', line 2: expected", fault);
        Assert.Contains(found, fault);
    }

    [Theory]
    [InlineData("name : X")]
    [InlineData("name||A sentence .")]
    [InlineData("name : X | ||A sentence .")]
    [InlineData("name : X|| ")]
    public void Examples_MalformedLineOfDiffusionLm_NamesFileAndLine(string line)
    {
        using TaskFolder folder = new();
        folder.Write("src1_test_half_a.txt", "name : X||A .", line);
        Assert.StartsWith("'src1_test_half_a.txt', line 2: expected a line such as", folder.Fault(s_task, TaskSplit.Test));
    }

    [Fact]
    public void Score_SlotsSaid_AreCountedAsWholeWords()
    {
        TaskExample example = new("", "name: Blue Spice | eatType: pub | familyFriendly: no\n", "Blue Spice is a pub .")
        {
            OtherReferences = ["A pub : Blue Spice ."],
        };
        Assert.Equal(["slots", "BLEU"], s_task.Score([new(example, "x")]).Select(measure => measure.Name));
        Assert.Equal(1, Slots("Blue Spice is a pub ."));
        Assert.Equal(1, Slots("(pub)Blue Spice"));
        Assert.Equal(0.5, Slots("Blue Spice is a public house and not a republic"));
        Assert.Equal(0, Slots("Blue  Spice , no"));
        Assert.Equal(0, Slots(""));
        Assert.Equal(100, s_task.Score([new(example, example.OtherReferences[0])])[1].Value, 10);

        double Slots(string answer) => s_task.Score([new(example, answer)])[0].Value;
    }
}
