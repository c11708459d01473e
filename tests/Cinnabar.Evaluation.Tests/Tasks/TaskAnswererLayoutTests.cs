using Cinnabar.Evaluation.Tasks;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation.Tests.Tasks;

/// <summary>What a network is shown of an example.</summary>
public sealed class TaskAnswererLayoutTests : IDisposable
{
    private const int Block = 8;

    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-layouts-").FullName;
    private readonly KernelTable _kernels = KernelTable.Create(threads: 1);

    public void Dispose()
    {
        _kernels.Workers.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("a b")]
    [InlineData("a b c d")]
    public void Answer_NetworkThatAttendsInBlocks_GetsAWholeLastBlock(string prompt)
    {
        const int Wanted = 5;
        string path = Path.Combine(_folder, "blocks");
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = Block });
        DiffusionModel model = DiffusionModel.Load(path, _kernels);
        int length = 0;
        (_, DecodingWork work) = new TaskAnswerer(new GradeSchoolMathTask(), model, new SamplerOptions(), Wanted)
            .Answer(new TaskExample("", prompt, ""), step => length = step.Canvas.Length);
        int known = 1 + model.Tokenizer.Encode(prompt).Length;
        Assert.Equal((known + Wanted + Block - 1) / Block * Block, length);
        Assert.InRange(work.Tokens, 0, Wanted);
    }

    [Theory]
    [InlineData("____")] // a hole as long as the tokens of the answer would tell that two digits are one token
    [InlineData("12__")]
    public void Answer_TemplateWhoseDigitsAreJoined_IsRefused(string template)
    {
        TaskAnswerer answerer = new(new SudokuTask(4), Joining(), new SamplerOptions(), answerTokens: 4);
        CinnabarException e = Assert.Throws<CinnabarException>(() => answerer.Answer(InPlace(template)));
        Assert.Contains("one token for each character of a sudoku4x4 template", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Answer_TemplateOfSingleDigits_HasAHoleForEveryRunAndStopsWhenCancelled()
    {
        TaskAnswerer answerer = new(new SudokuTask(4), Joining(), new SamplerOptions(), answerTokens: 4);
        List<int> holes = [];
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => answerer.Answer(
            InPlace("1__4"),
            step =>
            {
                holes.AddRange(step.Canvas.Holes.Select(hole => hole.Length));
                stop.Cancel();
            },
            stop.Token));
        Assert.Equal([2], holes);
    }

    [Fact]
    public void Answer_AskedInChat_ShowsTheTemplateOfTheModel()
    {
        TaskExample example = new("", "Question: 1?\nAnswer:", " 1");
        DiffusionModel model = Chat();
        Assert.EndsWith("[user: Question: 1?\nAnswer:]", Shown(model, example, asksInChat: true), StringComparison.Ordinal);
        Assert.Equal(example.Prompt, Shown(model, example, asksInChat: false));
    }

    [Fact]
    public void Answer_AskedInChatButWithoutATemplateOrWithASuffix_IsRefused()
    {
        string path = Path.Combine(_folder, "plain");
        TinyModelFolder.Write(path);
        DiffusionModel plain = DiffusionModel.Load(path, _kernels);
        CinnabarException e = Assert.Throws<CinnabarException>(() => Shown(plain, new TaskExample("", "a", "b"), asksInChat: true));
        Assert.Contains("Expected a model with a chat template", e.Message, StringComparison.Ordinal);
        TaskExample between = new("", "a", "b") { Suffix = "c" };
        e = Assert.Throws<CinnabarException>(() => Shown(Chat(), between, asksInChat: true));
        Assert.Contains("without text behind the answer", e.Message, StringComparison.Ordinal);
    }

    private static TaskExample InPlace(string template) => new("", "0000\n", "1234") { Template = template };

    // The known text before the answer.
    private static string Shown(DiffusionModel model, TaskExample example, bool asksInChat)
    {
        string shown = "";
        TaskAnswerer answerer = new(
            new GradeSchoolMathTask(), model, new SamplerOptions { Steps = 1 }, answerTokens: 4, asksInChat: asksInChat);
        answerer.Answer(example, step => shown = model.Tokenizer.Decode(step.Canvas.Ids[..step.Canvas.Holes[0].Start]));
        return shown;
    }

    private DiffusionModel Chat()
    {
        string path = Path.Combine(_folder, "chat");
        TinyModelFolder.Write(path);
        File.WriteAllText(
            Path.Combine(path, "chat_template.jinja"), "{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}");
        return DiffusionModel.Load(path, _kernels);
    }

    // "12" is one token, all other digits are tokens by themselves.
    private DiffusionModel Joining()
    {
        string tokenizer = Path.Combine(_folder, "joining.json");
        new BpeTrainer(new BpeTrainerOptions { VocabularySize = 300, Threads = 1 }).Train(Enumerable.Repeat("12", 9)).Save(tokenizer);
        string path = Path.Combine(_folder, "joining");
        TinyModelFolder.WriteWith(File.ReadAllBytes(tokenizer), path);
        return DiffusionModel.Load(path, _kernels);
    }
}
