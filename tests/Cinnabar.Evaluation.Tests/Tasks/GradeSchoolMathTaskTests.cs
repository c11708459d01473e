using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class GradeSchoolMathTaskTests
{
    private static readonly GradeSchoolMathTask s_task = new();

    [Fact]
    public void Examples_Problems_LoseTheMarksOfTheCalculator()
    {
        using TaskFolder folder = new();
        folder.Write("train.jsonl", """{"question": "How many?", "answer": "48/2 = <<48/2=24>>24 clips.\n#### 24"}""");
        TaskExample example = Assert.Single(folder.Read(s_task, TaskSplit.Train));
        Assert.Equal("Question: How many?\nAnswer:", example.Prompt);
        Assert.Equal(" 48/2 = 24 clips.\n#### 24", example.Reference);
    }

    [Fact]
    public void Examples_Test_IsWholeOrHalf()
    {
        using TaskFolder folder = new();
        folder.Pack("test_half_a.jsonl", """{"question": "Half?", "answer": "#### 1"}""");
        Assert.Equal("Question: Half?\nAnswer:", Assert.Single(folder.Read(s_task, TaskSplit.Test)).Prompt);
        Assert.Contains("The task gsm8k has no validation split; it has train and test.", folder.Fault(s_task, TaskSplit.Validation));
    }

    [Theory]
    [InlineData("""{"question": "Q"}""", "the key \"answer\", found none")]
    [InlineData("""{"question": "Q", "answer": "24"}""", "an answer that ends in '#### N', found one without")]
    [InlineData("""{"question": "Q", "answer": "#### x"}""", "an answer that ends in '#### N', found one without")]
    [InlineData("""{"question": null, "answer": "#### 1"}""", "a text as \"question\", found null")]
    public void Examples_MalformedLine_NamesFileAndLine(string line, string expected)
    {
        using TaskFolder folder = new();
        folder.Write("train.jsonl", """{"question": "Q", "answer": "#### 1"}""", line);
        Assert.StartsWith($"'train.jsonl', line 2: expected {expected}", folder.Fault(s_task, TaskSplit.Train));
    }

    [Theory]
    [InlineData("#### 1080")]
    [InlineData("It is 7.\n#### $1,080.00 dollars, not 9")]
    [InlineData("####1080.")]
    [InlineData("So she pays 3 + 1077 = $1,080")]
    [InlineData("1,080%\n####")]
    [InlineData("She pays 001080.0\nQuestion: What is 2 + 2?\nAnswer: 4")]
    [InlineData("The sum of 1,2,1080")]
    public void Score_SameNumber_IsRight(string answer) => Assert.Equal(1, Share("… so 1,080.\n#### 1,080", answer));

    [Theory]
    [InlineData("")]
    [InlineData("none")]
    [InlineData("1080 then 9")]
    [InlineData("#### 9\n1080")]
    [InlineData("#### -1080")]
    [InlineData("1080.5")]
    [InlineData("108,0")]
    [InlineData("#### ١٠٨٠")]
    public void Score_OtherNumberOrNone_IsWrong(string answer) => Assert.Equal(0, Share("#### 1,080", answer));

    [Theory]
    [InlineData("#### -3", "16 - 19 = -3", 1)]
    [InlineData("#### -3", "−3.0", 1)]
    [InlineData("#### -3", "19-3", 0)]
    [InlineData("#### 3", "19-3", 1)]
    [InlineData("#### -5", "$-5", 1)]
    [InlineData("#### -5", "-$5", 1)]
    [InlineData("#### 0.5", ".50", 1)]
    [InlineData("#### 0", "-0.0", 1)]
    [InlineData("#### 123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890", 1)]
    public void Score_SignsAndFractions_AreRead(string reference, string answer, double expected) =>
        Assert.Equal(expected, Share(reference, answer));

    private static double Share(string reference, string answer)
    {
        TaskMeasure measure = Assert.Single(s_task.Score([new TaskAnswer(new TaskExample("", "", reference), answer)]));
        Assert.Equal("exact match", measure.Name);
        return measure.Value;
    }
}
