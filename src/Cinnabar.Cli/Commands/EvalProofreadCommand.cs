// cinnabar eval proofread: planted errors in held-out C#, found and repaired by a model, or by several beside each other.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Evaluation;
using Cinnabar.Evaluation.Proofreading;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalProofreadCommand
{
    private readonly Option<int> _count = new("--count")
    {
        Description = "Pieces of 30 lines, with one error each.",
        HelpName = "n",
        DefaultValueFactory = _ => 200,
    };

    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "Another model on the same pieces; may be repeated. [default: none]",
        HelpName = "name or path",
    };

    private readonly ModelArguments _model = new();

    /// <summary>The command.</summary>
    /// <param name="corpus">As of the other evaluations.</param>
    /// <param name="seed">As of the other evaluations.</param>
    /// <param name="json">As of the other evaluations.</param>
    public static Command Create(Option<string> corpus, Option<ulong> seed, Option<bool> json)
    {
        EvalProofreadCommand eval = new();
        eval._count.RequireRange(1, 1_000_000);
        Command command = new("proofread", "Find and repair errors planted in the test split: one in each piece of 30 lines of C#.")
        {
            corpus, eval._count, seed, eval._compare, json,
        };
        eval._model.AddTo(command);
        command.SetWork((parsed, cancellation) =>
            eval.Run(parsed, parsed.GetValue(corpus)!, parsed.GetValue(seed), parsed.GetValue(json), cancellation));
        return command;
    }

    private int Run(ParseResult parsed, string corpus, ulong seed, bool asJson, CancellationToken cancellation)
    {
        DiffusionModel model = _model.Load(parsed, cancellation);
        TokenDataset test = HeldOutText.Open(corpus, HeldOutText.TestSplit, model);
        string[] documents = [.. HeldOutText.Documents(test).Select(ids => model.Tokenizer.Decode(ids))];
        int count = parsed.GetValue(_count);
        IReadOnlyList<PlantedError> errors = PlantedErrors.Sample(documents, count, seed);
        if (errors.Count < count)
        {
            Console.Error.WriteLine($"The test split has only {errors.Count} fitting pieces, fewer than the {count} asked for.");
        }

        List<(string Name, string Path)> models = [(model.Name, model.Path)];
        List<ProofreadingResult> results = [RunModel(model, errors, cancellation)];
        foreach (string name in parsed.GetValue(_compare) ?? [])
        {
            DiffusionModel other = _model.Load(parsed, name, cancellation, beside: model);
            models.Add((other.Name, other.Path));
            results.Add(RunModel(other, errors, cancellation));
        }

        results = [.. results.Zip(ModelLabels.Of(models), (result, label) => result with { Model = label })];
        if (asJson)
        {
            WriteJson(results, seed);
        }
        else
        {
            Print(results, seed);
        }

        return 0;
    }

    private static ProofreadingResult RunModel(DiffusionModel model, IReadOnlyList<PlantedError> errors, CancellationToken cancellation)
    {
        EvaluationProgress progress = new($"proofread, {model.Name}", "pieces", errors.Count);
        return ProofreadingResult.Run(model, errors, progress.Show, cancellation);
    }

    // The pieces of each kind of error, then all.
    private static IEnumerable<(string Name, ProofreadPiece[] Pieces)> Groups(ProofreadingResult result) =>
    [
        .. result.Pieces.GroupBy(piece => piece.Error.Kind).OrderBy(group => group.Key)
            .Select(group => (group.Key.ToString().ToLowerInvariant(), group.ToArray())),
        ("all", [.. result.Pieces]),
    ];

    private static SampleMean Mean(IEnumerable<ProofreadPiece> pieces, Func<ProofreadPiece, double> measure) =>
        SampleMean.Of([.. pieces.Select(measure)]);

    // Each piece is compared with itself: what both find or miss adds no error.
    private static SampleMean AucDifference(ProofreadingResult first, ProofreadingResult other) =>
        SampleMean.Of([.. first.Pieces.Zip(other.Pieces, (a, b) => a.Auc - b.Auc)]);

    private static void Print(List<ProofreadingResult> results, ulong seed)
    {
        List<string[]> rows = [];
        foreach (ProofreadingResult result in results)
        {
            foreach ((string name, ProofreadPiece[] pieces) in Groups(result))
            {
                rows.Add(
                [
                    result.Model,
                    name,
                    Invariant($"{pieces.Length:N0}"),
                    .. ProofreadingResult.Measures.Select(measure => Shown(Mean(pieces, measure.Of))),
                    name == "all" ? Invariant($"{result.Seconds / pieces.Length:F2}") : "",
                ]);
            }
        }

        string[] columns = ["model", "error", "pieces", .. ProofreadingResult.Measures.Select(measure => measure.Name), "seconds a piece"];
        ResultTable.Write(columns, rows, textColumns: 2);
        foreach (ProofreadingResult other in results.Skip(1))
        {
            SampleMean difference = AucDifference(results[0], other);
            string points = Invariant($"{100 * difference.Mean:+0.0;-0.0} ± {100 * difference.StandardError:F1} points");
            Console.WriteLine($"{results[0].Model} less {other.Model}, AUC: {points}");
        }

        Console.WriteLine(
            "AUC: the wrong line against the other lines of its piece, chance is 50 %. Found: it has the highest score of all. Best token: "
            + "the most probable token in the most suspicious place restores the text; repaired: the best suggestion does. "
            + $"± are standard errors; seed {seed}.");
    }

    private static void WriteJson(List<ProofreadingResult> results, ulong seed) => ResultWriter.WriteJson(json =>
    {
        json.WriteString("task", "proofread");
        json.WriteNumber("seed", seed);
        json.WriteStartArray("results");
        foreach (ProofreadingResult result in results)
        {
            json.WriteStartObject();
            json.WriteString("model", result.Model);
            json.WriteStartArray("groups");
            foreach ((string name, ProofreadPiece[] pieces) in Groups(result))
            {
                json.WriteStartObject();
                json.WriteString("group", name);
                json.WriteNumber("pieces", pieces.Length);
                json.WriteStartObject("measures");
                foreach ((string measure, Func<ProofreadPiece, double> of) in ProofreadingResult.Measures)
                {
                    SampleMean mean = Mean(pieces, of);
                    json.WriteStartObject(measure.ToLowerInvariant().Replace(' ', '_'));
                    json.WriteNumber("value", mean.Mean);
                    json.WriteNumber("standard_error", mean.StandardError);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("seconds", result.Seconds);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("differences");
        foreach (ProofreadingResult other in results.Skip(1))
        {
            SampleMean difference = AucDifference(results[0], other);
            json.WriteStartObject();
            json.WriteString("model", results[0].Model);
            json.WriteString("less", other.Model);
            json.WriteString("measure", "auc");
            json.WriteNumber("value", difference.Mean);
            json.WriteNumber("standard_error", difference.StandardError);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static string Shown(SampleMean value) => Invariant($"{100 * value.Mean:F1} ± {100 * value.StandardError:F1} %");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
