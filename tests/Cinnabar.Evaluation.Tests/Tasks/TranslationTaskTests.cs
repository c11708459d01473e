using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Tests.Tasks;

public sealed class TranslationTaskTests
{
    private static readonly TranslationTask s_task = TranslationTask.JavaToCSharp;
    private static readonly TranslationTask s_bash = TranslationTask.EnglishToBash;

    [Fact]
    public void Examples_PairedFiles_GivesLineAndItsPartner()
    {
        using TaskFolder folder = new();
        folder.Write("train.java-cs.txt.java", "int a() {}", " int b() {} ").Pack("train.java-cs.txt.cs", "int A() {}", "int B() {}\t");
        TaskExample[] examples = folder.Read(s_task, TaskSplit.Train);
        Assert.Equal([("int a() {}\n", "int A() {}"), ("int b() {}\n", "int B() {}")], examples.Select(e => (e.Prompt, e.Reference)));
        Assert.Equal("int a() {}\n", Assert.Single(folder.Read(s_task, TaskSplit.Train, 1)).Prompt);
    }

    [Fact]
    public void Examples_Validation_HasNameOfEachDataSet()
    {
        using TaskFolder folder = new();
        folder.Write("valid.java-cs.txt.java", "a").Write("valid.java-cs.txt.cs", "A").Write("dev.nl", "list files").Write("dev.cm", "ls");
        Assert.Equal("A", Assert.Single(folder.Read(s_task, TaskSplit.Validation)).Reference);
        Assert.Equal("ls", Assert.Single(folder.Read(s_bash, TaskSplit.Validation)).Reference);
    }

    [Fact]
    public void Examples_TestFiles_WholeOneIsReadBeforeItsHalf()
    {
        using TaskFolder folder = new();
        folder.Pack("test_half_a.nl", "half").Write("test_half_a.cm", "h");
        Assert.Equal("half\n", Assert.Single(folder.Read(s_bash, TaskSplit.Test)).Prompt);
        folder.Write("test.nl", "whole").Pack("test.cm", "w");
        Assert.Equal("whole\n", Assert.Single(folder.Read(s_bash, TaskSplit.Test)).Prompt);
    }

    [Fact]
    public void Examples_MissingFiles_NamesThem()
    {
        using TaskFolder folder = new();
        string test = folder.Fault(s_task, TaskSplit.Test);
        Assert.Contains("'test.java-cs.txt.java' or 'test_half_a.java-cs.txt.java'", test);
        Assert.Contains("found none", test);
        Assert.Contains("CodeXGLUE", test);
        Assert.Contains("'train.java-cs.txt.java'", folder.Fault(s_task, TaskSplit.Train));
        folder.Write("train.java-cs.txt.java", "a");
        Assert.Contains("'train.java-cs.txt.cs'", folder.Fault(s_task, TaskSplit.Train));
        TaskSource nowhere = new(TaskSplit.Test, null, 1, 0);
        Assert.Contains("--data", Assert.Throws<CinnabarException>(() => s_task.Examples(nowhere)).Message);
    }

    [Fact]
    public void Examples_DifferentNumbersOfLines_Throws()
    {
        using TaskFolder folder = new();
        folder.Write("train.nl", "a", "b", "c").Write("train.cm", "a", "b");
        Assert.Contains(
            "'train.nl' and 'train.cm': expected as many lines in both, found 3 and 2",
            folder.Fault(s_bash, TaskSplit.Train));
    }

    [Fact]
    public void Examples_EmptyLineOrFile_IsNamed()
    {
        using TaskFolder folder = new();
        folder.Write("train.nl", "a", "b").Write("train.cm", "a", "  ").Write("dev.nl").Write("dev.cm");
        Assert.Contains("'train.cm', line 2: expected a text", folder.Fault(s_bash, TaskSplit.Train));
        Assert.Contains("'dev.nl': expected examples, found an empty file", folder.Fault(s_bash, TaskSplit.Validation));
    }

    [Fact]
    public void Examples_BrokenGzip_NamesTheFile()
    {
        using TaskFolder folder = new();
        folder.Write("train.nl.gz", "no gzip").Write("train.cm", "a");
        Assert.Contains("'train.nl'", folder.Fault(s_bash, TaskSplit.Train));
    }

    [Fact]
    public void Score_HalfRight_GivesEachMeasure()
    {
        TaskExample first = new("", "a\n", "ls -l");
        TaskExample second = new("", "b\n", "ls -a");
        TaskAnswer[] answers = [new(first, " ls -l\n"), new(second, "ls -A")];
        TaskMeasure[] bash = [.. s_bash.Score(answers)];
        Assert.Equal(["exact match", "BLEU", "edit similarity"], bash.Select(measure => measure.Name));
        Assert.Equal(0.5, bash[0].Value);
        // 3 of 4 tokens, 1 of 2 pairs.
        Assert.Equal(100 * Math.Pow(4.0 / 5 * (2.0 / 3), 0.25), bash[1].Value, 10);
        Assert.Equal((1 + 0.8) / 2, bash[2].Value, 10);
        Assert.Equal(["exact match", "BLEU"], s_task.Score(answers).Select(measure => measure.Name));
    }
}
