// cinnabar examples TASK: the training examples of a task → a corpus that `cinnabar train` reads.
using System.CommandLine;
using System.Diagnostics;
using Cinnabar.Evaluation.Tasks;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class ExamplesCommand
{
    private const int DefaultCount = 100_000;
    private const int HeldOutCount = 1_000;

    private readonly EvaluationTask _task;
    private readonly TaskDataArguments _data;
    private readonly Option<string> _out = new("--out", "-o", "--output")
    {
        Description = "Folder for the corpus; an older corpus there is replaced. Required.",
        HelpName = "folder",
        Required = true,
    };

    private readonly Option<string?> _tokenizer = new("--tokenizer")
    {
        Description = "Use this tokenizer.json. [default: train one]",
        HelpName = "file",
    };

    private readonly Option<int> _vocabularySize = new("--vocab-size")
    {
        Description = $"Tokens of a tokenizer that is trained on the examples; {BpeTrainer.SmallestVocabulary} are bytes.",
        HelpName = "n",
        DefaultValueFactory = _ => BpeTrainer.SmallestVocabulary,
    };

    private readonly Option<int> _maxTokens = new("--max-tokens")
    {
        Description = "Leave out longer examples.",
        HelpName = "n",
        DefaultValueFactory = _ => 512,
    };

    private readonly Option<bool> _inPlace = new("--in-place")
    {
        Description = "Question and answer as one text, where the task has it (Sudoku): for networks that see both sides. "
            + "[default: the answer behind the question]",
    };

    private readonly Option<string[]> _mix = new("--mix")
    {
        Description = "Another task whose examples, as many, alternate with these; may be repeated. [default: none]",
        HelpName = "task",
    };

    private ExamplesCommand(EvaluationTask task)
    {
        _task = task;
        _data = new TaskDataArguments(task, DefaultCount);
        _maxTokens.RequireRange(4, 1_048_576);
    }

    public static Command Create()
    {
        Command command = new("examples", "Turn the examples of a task into a corpus for training.");
        foreach (EvaluationTask task in TaskCatalog.All)
        {
            command.Add(new ExamplesCommand(task).ToCommand());
        }

        return command;
    }

    private Command ToCommand()
    {
        Command command = new(_task.Name, _task.Description) { _out, _tokenizer, _vocabularySize, _maxTokens, _inPlace, _mix };
        _data.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_tokenizer) is not null && result.GetResult(_vocabularySize) is { Implicit: false })
            {
                result.AddError("Expected one of --tokenizer and --vocab-size, found both.");
            }
        });
        command.SetWork(Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string folder = parsed.GetValue(_out)!;
        ExampleCorpusOptions options = new()
        {
            Name = string.Join('+', Tasks(parsed).Select(task => task.Name)),
            TokenizerPath = parsed.GetValue(_tokenizer),
            VocabularySize = parsed.GetValue(_vocabularySize),
            MaxTokens = parsed.GetValue(_maxTokens),
        };
        using CorpusProgressLine progress = new(Console.Error, live: Screen.Detect(plain: false).Live, cancellation);
        Stopwatch time = Stopwatch.StartNew();
        CorpusManifest manifest = ExampleCorpus.Build(folder, options, split => Documents(parsed, split, cancellation), progress);
        progress.Dispose();
        ResultTable.Write(
            ["split", "examples", "bytes", "tokens"],
            [.. manifest.Splits.Select(split => Row(split.Key, split.Value))],
            textColumns: 1);
        foreach ((string reason, FileCount dropped) in manifest.Dropped)
        {
            Console.WriteLine($"left out, {reason}: {dropped.Files:N0}");
        }

        Console.Error.WriteLine(TerminalText.Safe(
            $"Complete after {time.Elapsed.TotalSeconds:F0} s. Next: cinnabar train CONFIG --corpus {folder}, "
            + $"with \"vocab_size\": {manifest.VocabularySize} in CONFIG."));
        return 0;
    }

    // What results are reported on stays out: `cinnabar eval` reads or makes it.
    private IEnumerable<ExampleDocument> Documents(ParseResult parsed, string split, CancellationToken cancellation)
    {
        TaskSplit part = Enum.Parse<TaskSplit>(split, ignoreCase: true);
        if (part == TaskSplit.Test)
        {
            yield break;
        }

        TaskSource source = _data.Source(parsed, part);
        source = part == TaskSplit.Train ? source : source with { Count = Math.Min(source.Count, HeldOutCount) };
        bool inPlace = parsed.GetValue(_inPlace);
        IEnumerable<EvaluationTask> tasks = Tasks(parsed).Where(task => task.Splits.Contains(part));
        foreach (TaskExample example in TaskExample.InTurn(tasks.Select(task => task.Examples(source))))
        {
            cancellation.ThrowIfCancellationRequested();
            TaskLayout layout = TaskLayout.Of(example, inPlace);
            yield return new ExampleDocument(layout.Parts, layout.EndsText);
        }
    }

    private static string[] Row(string name, CorpusSplit split) =>
        [name, $"{split.Documents:N0}", $"{split.Bytes:N0}", $"{split.Tokens:N0}"];

    private IEnumerable<EvaluationTask> Tasks(ParseResult parsed) => [_task, .. (parsed.GetValue(_mix) ?? []).Select(TaskCatalog.Find)];
}
