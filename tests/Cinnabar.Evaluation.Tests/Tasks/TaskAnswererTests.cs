using Cinnabar.Evaluation.Tasks;
using Cinnabar.Numerics;
using Cinnabar.Sampling;
using Cinnabar.Tests;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>With a tokenizer that puts a space in front of a text: answers and suffixes go on with what is before them.</summary>
public sealed class TaskAnswererTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-answers-").FullName;
    private readonly KernelTable _kernels = KernelTable.Create(threads: 1);

    public void Dispose()
    {
        _kernels.Workers.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("The cat", "", false, " sat")]
    [InlineData("The cat", ")", false, " sat")]
    [InlineData("", ")", false, "sat")] // here the text begins
    [InlineData("The cat", "", true, "sat")] // a text of its own
    public void Answer_OneWord_HasItsSpaceBehindAPrompt(string prompt, string suffix, bool isChat, string expected)
    {
        DiffusionModel model = Load(isChat);
        EvaluationTask task = isChat ? new ReversalChatTask() : new ReversalTask();
        TaskExample example = new("", prompt, "") { Suffix = suffix };
        int[] expectedBehind = suffix.Length == 0 ? [] : [Id(model, suffix)];
        for (ulong seed = 0; seed < 1000; seed++)
        {
            SamplerOptions options = new() { Temperature = 1, Seed = seed, MaxNewTokens = 1 };
            int token = -1;
            int[] behind = [];
            (TaskAnswer answer, _) = new TaskAnswerer(task, model, options, answerTokens: 1).Answer(example, step =>
            {
                token = step.Canvas.Ids[step.Canvas.Holes[0].Start];
                behind = step.Canvas.Ids[step.Canvas.Holes[0].End..].ToArray();
            });
            Assert.Equal(expectedBehind, behind);
            if (token == Id(model, " sat"))
            {
                Assert.Equal(expected, answer.Text);
                return;
            }
        }

        Assert.Fail("The model never wrote the word.");
    }

    private static int Id(DiffusionModel model, string text) => model.Tokenizer.TokenToId(text)!.Value;

    private DiffusionModel Load(bool isChat)
    {
        string path = Path.Combine(_folder, "llama");
        LlamaModelFolder.Write(path);
        if (isChat)
        {
            File.WriteAllText(Path.Combine(path, "chat_template.jinja"), "{% for m in messages %}{{ m.content }}{% endfor %}");
        }

        return DiffusionModel.Load(path, _kernels);
    }
}
