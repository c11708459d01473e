// cinnabar eval infill | likelihood | proofread | constraints | writing | rebuilding | TASK: how good a model is on the test split of its
// corpus, next to baselines on the same material (EvalInfillCommand), under constraints (EvalConstraintsCommand), at writing freely
// (EvalWritingCommand), what its latents keep (EvalRebuildingCommand), and on the tasks of EvalTaskCommand.
using System.CommandLine;
using Cinnabar.Evaluation;
using Cinnabar.Evaluation.Tasks;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalCommand
{
    private readonly Option<string> _corpus = new("--corpus")
    {
        Description = "Folder written by 'cinnabar corpus'. Required.",
        HelpName = "folder",
        Required = true,
    };

    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Start of the random choices; the same seed gives the same holes, masks and errors.",
        HelpName = "n",
        DefaultValueFactory = _ => new LineHoleOptions().Seed,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: text]" };
    private readonly Option<bool> _markdown = new("--markdown") { Description = "Print Markdown for a model card. [default: text]" };
    private readonly Option<int> _windows = Count("--windows", "Windows of text, one pass through the network each.", 200);

    public static Command Create()
    {
        EvalCommand eval = new();
        Command command = new("eval", "Measure how well a model predicts held-out text, fills lines of code, or does a task.")
        {
            EvalInfillCommand.Create(eval._corpus, eval._seed, eval._json, eval._markdown),
            eval.LikelihoodCommand(),
            EvalProofreadCommand.Create(eval._corpus, eval._seed, eval._json),
            EvalConstraintsCommand.Create(),
            EvalWritingCommand.Create(),
            EvalRebuildingCommand.Create(eval._corpus, eval._json),
        };
        foreach (EvaluationTask task in TaskCatalog.All)
        {
            command.Add(EvalTaskCommand.Create(task));
        }

        return command;
    }

    private Command LikelihoodCommand()
    {
        Command command = new("likelihood", "Measure how well a model predicts the test split: bits per byte, an upper bound or exact.")
        {
            _corpus, _windows, _seed, _json, _markdown,
        };
        ModelArguments model = new ModelArguments().AddTo(command);
        RequireOneForm(command, _json, _markdown);
        command.SetWork((parsed, cancellation) => Likelihood(parsed, model.Load(parsed, cancellation), cancellation));
        return command;
    }

    private int Likelihood(ParseResult parsed, DiffusionModel model, CancellationToken cancellation)
    {
        TokenDataset test = HeldOutText.Open(parsed.GetValue(_corpus)!, HeldOutText.TestSplit, model);
        ulong seed = parsed.GetValue(_seed);
        HeldOutLikelihood measured = HeldOutText.Measure(model, test, parsed.GetValue(_windows), seed, cancellation);
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
                json.WriteString("task", "likelihood");
                json.WriteNumber("seed", seed);
                measured.WriteMembers(json);
            });
        }
        else
        {
            Console.WriteLine(parsed.GetValue(_markdown) ? measured.ToMarkdown() : measured.ToString());
        }

        return 0;
    }

    /// <summary>Refuses --json beside --markdown.</summary>
    internal static void RequireOneForm(Command command, Option<bool> json, Option<bool> markdown) => command.Validators.Add(result =>
    {
        if (result.GetValue(json) && result.GetValue(markdown))
        {
            result.AddError("Expected --json or --markdown, found both.");
        }
    });

    /// <summary>An option that is a number of something.</summary>
    internal static Option<int> Count(string name, string description, int standard, int least = 1)
    {
        Option<int> option = new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => standard };
        option.RequireRange(least, 1_000_000);
        return option;
    }
}
