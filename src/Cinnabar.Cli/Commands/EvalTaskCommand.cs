// cinnabar eval TASK: a model, or several beside each other, on the examples of a task.
using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalTaskCommand
{
    private const int DefaultCount = 200;

    private readonly EvaluationTask _task;
    private readonly TaskDataArguments _data;
    private readonly SamplerArguments _sampler = new();
    private readonly ModelArguments _model;
    private readonly Option<string> _split;
    private readonly Option<int> _answerTokens;
    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "Another model on the same examples; may be repeated. [default: none]",
        HelpName = "name or path",
    };

    private readonly Option<int> _bestOf = new("--best-of")
    {
        Description = "Answers drawn for an example; the most probable counts. Needs a temperature, or an order that is drawn.",
        HelpName = "n",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<bool> _chat = new("--chat")
    {
        Description = "Ask as a user's message, in the model's chat template. [default: the question as the beginning of a text]",
    };

    private readonly Option<string?> _predictions = new("--predictions")
    {
        Description = "Write the answers of the first model as JSON lines. [default: none]",
        HelpName = "file",
    };

    private readonly Option<bool> _force = new("--force") { Description = "Let --predictions replace a file. [default: refuse]" };
    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: a table]" };

    private EvalTaskCommand(EvaluationTask task)
    {
        _task = task;
        _data = new TaskDataArguments(task, DefaultCount);
        _split = new Option<string>("--split")
        {
            Description = "Which examples: train, validation or test.",
            HelpName = "name",
            DefaultValueFactory = _ => "test",
        };
        _split.AcceptOnlyFromAmong("train", "validation", "test");
        _answerTokens = new Option<int>("--answer-tokens")
        {
            Description = "Most tokens of an answer whose length is not given.",
            HelpName = "n",
            DefaultValueFactory = _ => task.StandardAnswerTokens,
        };
        _answerTokens.RequireRange(1, 1_000_000);
        _model = new ModelArguments(task.Name == "sudoku" ? ModelArguments.SudokuModel : ModelArguments.DefaultModel);
        _bestOf.RequireRange(1, 1024);
    }

    public static Command Create(EvaluationTask task)
    {
        EvalTaskCommand eval = new(task);
        Command command = new(task.Name, task.Description)
        {
            eval._split, eval._answerTokens, eval._bestOf, eval._chat, eval._compare, eval._predictions, eval._force, eval._json,
        };
        eval._data.AddTo(command);
        eval._sampler.AddTo(command);
        eval._model.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(eval._force) && result.GetValue(eval._predictions) is null)
            {
                result.AddError("Expected --predictions with --force, found --force alone.");
            }
        });
        command.SetWork(eval.Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string? predictions = NewFile.Require(parsed.GetValue(_predictions), parsed.GetValue(_force), "--predictions");
        TaskSplit split = Enum.Parse<TaskSplit>(parsed.GetValue(_split)!, ignoreCase: true);
        TaskExample[] examples = [.. _task.Examples(_data.Source(parsed, split))];
        if (examples.Length == 0)
        {
            throw new CinnabarException($"Expected examples of {_task.Name} in the {split} split, found none.", "Choose another split.");
        }

        DiffusionModel model = _model.Load(parsed, cancellation);
        List<(string Name, string Path)> models = [(model.Name, model.Path)];
        List<TaskResult> results = [RunModel(parsed, model, examples, cancellation)];
        foreach (string name in parsed.GetValue(_compare) ?? [])
        {
            DiffusionModel other = _model.Load(parsed, name, cancellation, beside: model);
            models.Add((other.Name, other.Path));
            results.Add(RunModel(parsed, other, examples, cancellation));
        }

        results = [.. results.Zip(ModelLabels.Of(models), (result, label) => result with { Model = label })];
        (ulong Data, ulong Sampler) seeds = (parsed.GetValue(_data.Seed), _sampler.Seed(parsed));
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json => WriteMembers(json, results, seeds));
        }
        else
        {
            Print(results, seeds);
        }

        if (predictions is not null)
        {
            AtomicFile.Write(predictions, Encoding.UTF8.GetBytes(PredictionsOf(results[0].Answers)));
        }

        return 0;
    }

    private TaskResult RunModel(ParseResult parsed, DiffusionModel model, TaskExample[] examples, CancellationToken cancellation)
    {
        TaskAnswerer answerer = new(
            _task,
            model,
            _sampler.Read(parsed, model.DefaultOptions),
            parsed.GetValue(_answerTokens),
            parsed.GetValue(_bestOf),
            parsed.GetValue(_chat));
        EvaluationProgress progress = new($"{_task.Name}, {model.Name}", "examples", examples.Length);
        return TaskResult.Run(_task, model.Name, answerer, examples, progress.Show, cancellation);
    }

    private void Print(List<TaskResult> results, (ulong Data, ulong Sampler) seeds)
    {
        string[] measures = [.. results[0].Groups[0].Measures.Select(measure => measure.Name)];
        List<string[]> rows = [];
        foreach (TaskResult result in results)
        {
            foreach (TaskGroup group in result.Groups)
            {
                bool isAll = group == result.Groups[^1];
                rows.Add(
                [
                    result.Model,
                    group.Name.Length > 0 ? group.Name : "all",
                    group.Examples.ToString("N0", CultureInfo.InvariantCulture),
                    .. group.Measures.Select(Shown),
                    isAll ? Invariant($"{(double)result.Work.ForwardPasses / result.Answers.Count:F1}") : "",
                    isAll ? Invariant($"{result.Work.Tokens / result.Work.Seconds:N0}") : "",
                    isAll ? Invariant($"{result.Work.Seconds:F1}") : "",
                ]);
            }
        }

        ResultTable.Write(["model", "group", "examples", .. measures, "passes", "tokens/s", "seconds"], rows, textColumns: 2);
        foreach (TaskResult other in results.Skip(1))
        {
            TaskMeasure difference = results[0].DifferenceFrom(_task, other);
            string points = Invariant($"{100 * difference.Value:+0.0;-0.0} ± {100 * difference.StandardError:F1} points");
            Console.WriteLine($"{results[0].Model} less {other.Model}, {difference.Name}: {points}");
        }

        Console.WriteLine(
            $"{_task.Description} Passes are those of an answer; ± are standard errors; data seed {seeds.Data}, sampler seed "
            + $"{seeds.Sampler}.");
    }

    private void WriteMembers(Utf8JsonWriter json, List<TaskResult> results, (ulong Data, ulong Sampler) seeds)
    {
        json.WriteString("task", _task.Name);
        json.WriteNumber("seed", seeds.Data);
        json.WriteNumber("sampler_seed", seeds.Sampler);
        json.WriteStartArray("results");
        foreach (TaskResult result in results)
        {
            json.WriteStartObject();
            json.WriteString("model", result.Model);
            json.WriteStartArray("groups");
            foreach (TaskGroup group in result.Groups)
            {
                json.WriteStartObject();
                json.WriteString("group", group.Name);
                json.WriteNumber("examples", group.Examples);
                json.WriteStartObject("measures");
                foreach (TaskMeasure measure in group.Measures)
                {
                    json.WriteStartObject(measure.Name);
                    json.WriteNumber("value", measure.Value);
                    if (measure.StandardError is double error)
                    {
                        json.WriteNumber("standard_error", error);
                    }

                    json.WriteEndObject();
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("passes_per_example", (double)result.Work.ForwardPasses / result.Answers.Count);
            json.WriteNumber("computed_positions", result.Work.ComputedPositions);
            json.WriteNumber("tokens", result.Work.Tokens);
            json.WriteNumber("tokens_per_second", result.Work.Tokens / result.Work.Seconds);
            json.WriteNumber("seconds", result.Work.Seconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("differences");
        foreach (TaskResult other in results.Skip(1))
        {
            TaskMeasure difference = results[0].DifferenceFrom(_task, other);
            json.WriteStartObject();
            json.WriteString("model", results[0].Model);
            json.WriteString("less", other.Model);
            json.WriteString("measure", difference.Name);
            json.WriteNumber("value", difference.Value);
            json.WriteNumber("standard_error", difference.StandardError!.Value);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private string PredictionsOf(IReadOnlyList<TaskAnswer> answers)
    {
        using StringWriter text = new();
        switch (_task)
        {
            case HumanEvalTask:
                HumanEvalTask.WritePredictions(text, answers);
                break;
            case HumanEvalInfillingTask:
                HumanEvalInfillingTask.WritePredictions(text, answers);
                break;
            default:
                foreach (TaskAnswer answer in answers)
                {
                    text.WriteLine(PredictionLine(answer));
                }

                break;
        }

        return text.ToString();
    }

    private static string PredictionLine(TaskAnswer answer)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteString("group", answer.Example.Group);
            json.WriteString("prompt", answer.Example.Prompt);
            json.WriteString("reference", answer.Example.Reference);
            json.WriteString("answer", answer.Text);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static string Shown(TaskMeasure measure)
    {
        // BLEU has no simple error, and is a number of 0 … 100 already.
        return measure.StandardError is double error
            ? Invariant($"{100 * measure.Value:F1} ± {100 * error:F1} %")
            : Invariant($"{measure.Value:F2}");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
