// cinnabar eval constraints: whether texts under made-up regular expressions and JSON Schemas satisfy them, and what that costs.
using System.CommandLine;
using Cinnabar.Evaluation.Constrained;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalConstraintsCommand
{
    private const int MostShown = 5;

    private readonly Option<int> _count = new("--count")
    {
        Description = "Constraints of each kind.",
        HelpName = "n",
        DefaultValueFactory = _ => 1000,
    };

    private readonly Option<ulong> _seed = new("--seed")
    {
        Description = "Start of the random choices; the same seed gives the same constraints and texts.",
        HelpName = "n",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<int> _steps = new("--steps")
    {
        Description = "Denoising steps of a text.",
        HelpName = "n",
        DefaultValueFactory = _ => 8,
    };

    private readonly Option<int?> _tokens = new("--tokens", "-n")
    {
        Description = "Positions of each canvas. [default: 64 … 128, at random]", HelpName = "n",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: tables]" };
    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        EvalConstraintsCommand eval = new();
        eval._count.RequireRange(1, 1_000_000);
        eval._steps.RequireRange(1, 128);
        Command command = new(
            "constraints", "Write texts under made-up constraints: whether all satisfy them, and the time that takes beside texts without.")
        {
            eval._count, eval._seed, eval._steps, eval._tokens, eval._json,
        };
        eval._model.AddTo(command);
        command.SetWork(eval.Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        DiffusionModel model = _model.Load(parsed, cancellation);
        (int count, ulong seed, int steps) = (parsed.GetValue(_count), parsed.GetValue(_seed), parsed.GetValue(_steps));
        int? tokens = parsed.GetValue(_tokens);
        if (tokens is < 1 || tokens >= model.Config.MaxSequenceLength)
        {
            throw new CinnabarException(
                $"Expected --tokens to be 1 … {model.Config.MaxSequenceLength - 1}, less than the model's context, found {tokens}.",
                "Give another number, or leave it out.");
        }

        ConstraintEvaluation evaluation = new(model, new SamplerOptions { Steps = steps }, tokens);
        EvaluationProgress progress = new($"constraints, {model.Name}", "constraints", 2 * count);
        (IReadOnlyList<ConstraintResult> results, IReadOnlyList<ConstraintPreparation> preparation) =
            evaluation.Run(count, seed, progress.Show, cancellation);
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
                json.WriteString("task", "constraints");
                json.WriteNumber("seed", seed);
                json.WriteNumber("steps", steps);
                json.WriteStartArray("results");
                foreach (ConstraintResult result in results)
                {
                    json.WriteStartObject();
                    result.WriteMembers(json);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteStartArray("preparation");
                foreach (ConstraintPreparation prepared in preparation)
                {
                    json.WriteStartObject();
                    prepared.WriteMembers(json);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
        }
        else
        {
            ResultTable.Write(ConstraintResult.Columns, [.. results.Select(result => result.Cells)], textColumns: 1);
            Console.WriteLine(
                "Too long: no text fits the canvas. Overhead: median over pairs of the ratio of time with and without the constraint, over "
                + $"the steps that both took. {model.Name}, {steps} steps, seed {seed}.");
            Console.WriteLine();
            ResultTable.Write(ConstraintPreparation.Columns, [.. preparation.Select(prepared => prepared.Cells)], textColumns: 1);
        }

        foreach (InvalidText invalid in evaluation.Invalid.Take(MostShown))
        {
            Console.Error.WriteLine(TerminalText.Safe(
                $"invalid, temperature {invalid.Temperature}, seed {invalid.Seed}: {invalid.Text} of {invalid.Constraint.Source}"));
        }

        return 0;
    }
}
