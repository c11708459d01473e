// cinnabar eval infill: single lines of code taken out of the test split and filled by a model, in the ways that it knows, next to two
// baselines that do the same.
using System.CommandLine;
using Cinnabar.Evaluation;
using Cinnabar.Sampling;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalInfillCommand
{
    private const int FirstOfGrowing = 8;

    private static readonly LineHoleOptions s_standard = new();

    private readonly Option<string> _corpus;
    private readonly Option<ulong> _seed;
    private readonly Option<bool> _json;
    private readonly Option<bool> _markdown;
    private readonly Option<int> _holes = EvalCommand.Count("--holes", "Lines to take out and fill.", s_standard.Count);
    private readonly Option<int> _canvas = EvalCommand.Count(
        "--canvas", "Tokens of a hole whose length is not given.", s_standard.CanvasLength);

    private readonly Option<int?> _steps = new("--steps")
    {
        Description = "Denoising steps for a hole. [default: one per token]",
        HelpName = "n",
    };

    private readonly Option<int?> _block = new("--block")
    {
        Description = "Fill holes in blocks of so many tokens, left to right; 1: each token after those before it. [default: all at once]",
        HelpName = "n",
    };

    private readonly Option<double> _threshold = new("--threshold")
    {
        Description = "The fast setting: commit every token at least this sure; 0 leaves it out.",
        HelpName = "p",
        DefaultValueFactory = _ => 0.9,
    };

    private readonly Option<int> _fitted = EvalCommand.Count(
        "--probe",
        "Also find lengths before filling, with a bias fitted on so many lines of the validation split; 0: with that of the model, if any.",
        standard: 0,
        least: 0);

    private readonly Option<bool> _savesBias = new("--save-bias")
    {
        Description = $"Write the bias of --probe into the model's folder ({LengthBias.FileName}), for infill --length probe. "
            + "[default: do not]",
    };

    private readonly Option<int> _order = EvalCommand.Count("--ngram-order", "Order of the n-gram baseline.", NGramModel.DefaultOrder);
    private readonly Option<int> _examples = EvalCommand.Count(
        "--examples", "Also print so many holes and their predictions.", standard: 0, least: 0);

    private EvalInfillCommand(Option<string> corpus, Option<ulong> seed, Option<bool> json, Option<bool> markdown) =>
        (_corpus, _seed, _json, _markdown) = (corpus, seed, json, markdown);

    /// <summary>The command.</summary>
    /// <param name="corpus">As of the other evaluations.</param>
    /// <param name="seed">As of the other evaluations.</param>
    /// <param name="json">As of the other evaluations.</param>
    /// <param name="markdown">As of the other evaluations.</param>
    public static Command Create(Option<string> corpus, Option<ulong> seed, Option<bool> json, Option<bool> markdown) =>
        new EvalInfillCommand(corpus, seed, json, markdown).ToCommand();

    private Command ToCommand()
    {
        _threshold.RequireRange(0, 1);
        _steps.RequireRange(1, SamplerOptions.MaximumCount);
        _block.RequireRange(1, SamplerOptions.MaximumCount);
        Command command = new("infill", "Fill single lines taken out of the test split, next to two baselines that do the same.")
        {
            _corpus, _holes, _seed, _canvas, _steps, _block, _threshold, _fitted, _savesBias, _order, _examples, _json, _markdown,
        };
        ModelArguments model = new ModelArguments().AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_savesBias) && result.GetResult(_fitted)?.Tokens is not [{ Value: not "0" }])
            {
                result.AddError("Expected --probe with a number of lines to fit the bias of --save-bias on, found none.");
            }
        });
        EvalCommand.RequireOneForm(command, _json, _markdown);
        command.SetWork((parsed, cancellation) => Infill(parsed, model.Load(parsed, cancellation), cancellation));
        return command;
    }

    private int Infill(ParseResult parsed, DiffusionModel model, CancellationToken cancellation)
    {
        RequireItsWays(parsed, model);
        LineHoleOptions options = s_standard with
        {
            Count = parsed.GetValue(_holes),
            Seed = parsed.GetValue(_seed),
            CanvasLength = parsed.GetValue(_canvas),
            WindowLength = model.Config.MaxSequenceLength,
        };
        string corpus = parsed.GetValue(_corpus)!;
        TokenDataset test = HeldOutText.Open(corpus, HeldOutText.TestSplit, model);
        IReadOnlyList<LineHole> holes = LineHoles.Sample([.. HeldOutText.Documents(test)], model.Tokenizer, options);
        if (holes.Count < options.Count)
        {
            Console.Error.WriteLine($"The test split has only {holes.Count} fitting lines, fewer than the {options.Count} asked for.");
        }

        List<IInfiller> infillers = [.. ModelInfillers(parsed, model, options), .. Baselines(parsed, corpus, model, options)];
        List<InfillResult> results = [];
        foreach (IInfiller infiller in infillers)
        {
            foreach (bool lengthGiven in infiller.TakesLength ? (bool[])[true, false] : [false])
            {
                EvaluationProgress progress = new($"{infiller.Name}, length {(lengthGiven ? "" : "not ")}given", "holes", holes.Count);
                results.Add(InfillTask.Run(infiller, holes, lengthGiven, progress.Show, cancellation));
            }
        }

        InfillReport report = new(holes, options, infillers.ToDictionary(i => i.Name, i => i.Description), results);
        Print(parsed, report, model);
        PrintExamples(parsed, report);
        return 0;
    }

    // An autoregressive model has one way: the most probable token, one a pass, until it ends the line itself.
    private void RequireItsWays(ParseResult parsed, DiffusionModel model)
    {
        Option? given = parsed.GetValue(_steps) is not null ? _steps
            : parsed.GetValue(_block) is not null ? _block
            : parsed.GetResult(_threshold) is { Implicit: false } && parsed.GetValue(_threshold) > 0 ? _threshold
            : parsed.GetValue(_fitted) > 0 ? _fitted
            : parsed.GetValue(_savesBias) ? _savesBias
            : null;
        if (model.Config.IsAutoregressive && given is not null)
        {
            throw new CinnabarException(
                $"Expected no {given.Name} for {model.Name}, which writes left to right, one token per pass, found it.", "Leave it out.");
        }
    }

    // One token a pass (or --steps), the fast setting, and what else the model knows; an autoregressive model has one way only.
    private IEnumerable<IInfiller> ModelInfillers(ParseResult parsed, DiffusionModel model, LineHoleOptions holes)
    {
        SamplerOptions standard = new() { Steps = parsed.GetValue(_steps), BlockSize = parsed.GetValue(_block) };
        string steps = standard.Steps is int n ? $"{n} steps" : "one token per pass";
        string order = standard.BlockSize is int block ? $" within blocks of {block} from left to right" : "";
        yield return Infiller(
            model.Name,
            $"the model, most confident token first{order}, temperature 0, {steps}; if the length is not given, the hole "
            + $"has {holes.CanvasLength} tokens, and the line is what stands before the first line break in it.",
            standard);
        double threshold = parsed.GetValue(_threshold);
        if (threshold > 0 && !model.Config.IsAutoregressive)
        {
            string description = $"the same, but each pass commits all tokens with a probability of at least {threshold}.";
            yield return Infiller($"{model.Name}, fast", description, standard with { Threshold = threshold });
        }

        if (model.Config.IsAutoregressive)
        {
            yield break;
        }

        if (model.Config.CausalInfill)
        {
            string description = "the same network, read left to right: one token a pass, most of which compute one position.";
            yield return Infiller($"{model.Name}, left to right", description, standard with { LeftToRight = true });
        }

        if (model.GrowsHoles)
        {
            string description = $"as the first, but a hole whose length is not given starts with {FirstOfGrowing} tokens and grows.";
            yield return Infiller($"{model.Name}, growing", description, standard, LengthPolicy.Grow);
        }

        LengthBias? bias = parsed.GetValue(_fitted) is int fitted and > 0
            ? FittedLengthBias.Fit(model, parsed.GetValue(_corpus)!, holes with { Count = fitted }, parsed.GetValue(_savesBias))
            : model.LengthBias?.Most >= holes.CanvasLength ? model.LengthBias : null;
        if (bias is not null)
        {
            string description = "as the first, but a length that is not given is found before the hole is filled, by passes over several "
                + "lengths, which are counted.";
            yield return Infiller($"{model.Name}, probed", description, standard, LengthPolicy.Probe, bias);
        }

        IInfiller Infiller(
            string name,
            string description,
            SamplerOptions options,
            LengthPolicy policy = LengthPolicy.Trim,
            LengthBias? bias = null) => HeldOutText.InfillerOf(
                model, name, description, options, holes.CanvasLength, policy, FirstOfGrowing, bias);
    }

    private IEnumerable<IInfiller> Baselines(ParseResult parsed, string corpus, DiffusionModel model, LineHoleOptions holes)
    {
        TokenDataset train = HeldOutText.Open(corpus, "train", model);
        EvaluationProgress progress = new("counting n-grams", "documents", train.DocumentCount);
        NGramModel counts = new(HeldOutText.Documents(train, progress.Show), model.Tokenizer.VocabularySize, parsed.GetValue(_order));
        if (counts.TokenCount < train.TokenCount)
        {
            Console.Error.WriteLine($"The n-gram baseline counts {counts.TokenCount:N0} of {train.TokenCount:N0} training tokens.");
        }

        yield return new NGramInfill(counts, model.Tokenizer, holes);
        yield return new NearestLineCopy(model.Tokenizer);
    }

    private void Print(ParseResult parsed, InfillReport report, DiffusionModel model)
    {
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
                json.WriteString("task", "infill");
                report.WriteMembers(json);
            });
        }
        else if (parsed.GetValue(_markdown))
        {
            Console.Write(report.ToMarkdown());
        }
        else
        {
            ResultTable.Write(InfillReport.Columns, report.Rows, textColumns: 2);
            Console.WriteLine(report.HolesText);
            Console.WriteLine(InfillReport.MeasuresText);
            foreach ((string name, string description) in report.Descriptions)
            {
                Console.WriteLine($"{name}: {description}");
            }
        }
    }

    // On standard error beside --json, so that standard output stays one object.
    private void PrintExamples(ParseResult parsed, InfillReport report)
    {
        TextWriter writer = parsed.GetValue(_json) ? Console.Error : Console.Out;
        foreach ((int index, LineHole hole) in report.Holes.Take(parsed.GetValue(_examples)).Index())
        {
            string above = hole.TextBefore.Split('\n').SkipLast(1).LastOrDefault(line => !string.IsNullOrWhiteSpace(line), "");
            writer.WriteLine();
            writer.WriteLine(TerminalText.Safe($"line above   {above.Trim()}"));
            writer.WriteLine(TerminalText.Safe($"reference    {hole.Text}"));
            foreach (InfillResult result in report.Results)
            {
                string mark = InfillTask.IsExact(result.Predictions[index], hole.Text) ? "=" : " ";
                string length = result.LengthGiven ? "given" : "not given";
                writer.WriteLine(TerminalText.Safe($"           {mark} {result.Predictions[index]}   [{result.Name}, length {length}]"));
            }
        }
    }
}
