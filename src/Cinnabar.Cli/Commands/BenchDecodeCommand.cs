// cinnabar bench decode: every way of decoding on the same holes, speed and quality side by side, next to an autoregressive model if one
// is given. The numbers of one row come from the same passes, so none can be had without the other.
using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Evaluation;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal sealed class BenchDecodeCommand
{
    private const int WarmUpHoles = 2;
    private const int LikelihoodWindows = 50;
    private const ulong LikelihoodSeed = 1;

    private readonly Option<string> _corpus = new("--corpus")
    {
        Description = "Folder written by 'cinnabar corpus'; the holes are lines of its test split. Required.",
        HelpName = "folder",
        Required = true,
    };

    private readonly Option<int> _holes = new("--holes")
    {
        Description = "Lines to take out and fill.",
        HelpName = "n",
        DefaultValueFactory = _ => 100,
    };

    private readonly Option<int[]> _windows = new("--window")
    {
        Description = "Tokens of text and hole together that a model sees; may be given several times. [default: its context]",
        HelpName = "n",
    };

    private readonly Option<string[]> _methods = new("--method")
    {
        Description = "A way of decoding by its name in the table; may be given several times. [default: all]",
        HelpName = "name",
    };

    private readonly Option<string?> _baseline = new("--baseline")
    {
        Description = "An autoregressive model for the same corpus. [default: none]",
        HelpName = "name or path",
    };

    private readonly Option<string?> _svg = new("--svg")
    {
        Description = "Draw speed against quality into this file. [default: no]",
        HelpName = "file",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: a table]" };
    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        BenchDecodeCommand decode = new();
        Command command = new("decode", "Ways of decoding: tokens per second next to what they got right.")
        {
            decode._corpus, decode._holes, decode._windows, decode._methods, decode._baseline, decode._svg, decode._json,
        };
        decode._model.AddTo(command);
        decode._holes.RequireRange(1, 1_000_000);
        decode._methods.Validators.Add(result =>
        {
            string[] known = [.. DecodingMethod.Standard.Select(method => method.Name)];
            if ((result.GetValueOrDefault<string[]>() ?? []).FirstOrDefault(name => !known.Contains(name)) is string unknown)
            {
                result.AddError($"Expected --method to be one of {string.Join("; ", known)}, found {TerminalText.Quote(unknown)}.");
            }
        });
        command.SetWork(decode.Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        string? svg = NewFile.Require(parsed.GetValue(_svg), mayReplace: true, "--svg");
        DiffusionModel model = _model.Load(parsed, cancellation);
        List<DiffusionModel> models = [model];
        if (parsed.GetValue(_baseline) is string baseline)
        {
            models.Add(_model.Load(parsed, baseline, cancellation, beside: model));
        }

        int[] windows = parsed.GetValue(_windows) is [_, ..] wanted ? wanted : [model.Config.MaxSequenceLength];
        RequireContext(models, windows.Max());

        // The same for all; a model with other tokens is refused.
        TokenDataset[] tests = [.. models.Select(each => HeldOutText.Open(parsed.GetValue(_corpus)!, HeldOutText.TestSplit, each))];
        string[] labels = ModelLabels.Of([.. models.Select(each => (each.Name, each.Path))]);
        IReadOnlyList<int[]> documents = [.. HeldOutText.Documents(tests[0])];
        MachinePeak? peak = MachinePeak.TryCreate(model.Kernels.Workers, out _);
        List<Measured> measured = [];
        int count = 0;
        for (int i = 0; i < models.Count; i++)
        {
            (DiffusionModel each, string label) = (models[i], labels[i]);
            HeldOutLikelihood likelihood = HeldOutText.Measure(each, tests[i], LikelihoodWindows, LikelihoodSeed, cancellation);
            List<DecodingResult> results = [];
            foreach (int window in windows)
            {
                // The same lines whatever the window.
                LineHoleOptions options = new() { Count = parsed.GetValue(_holes), WindowLength = window };
                IReadOnlyList<LineHole> holes = LineHoles.Sample(documents, model.Tokenizer, options);
                count = holes.Count;
                string suffix = windows.Length > 1 ? $", window {window}" : "";
                MatMulPrecision precision = ProductsOf(_model.TypeOf(parsed, each));
                results.AddRange(
                    Measure(each, label, holes, options, MethodsFor(parsed, each), suffix, precision, peak, cancellation));
            }

            measured.Add(new Measured(each, label, likelihood, results));
        }

        Print(parsed, measured, count, peak);
        if (svg is not null)
        {
            AtomicFile.Write(svg, Encoding.UTF8.GetBytes(ParetoPlot.Draw([.. measured.SelectMany(one => one.Results)])));
        }

        return 0;
    }

    private static void RequireContext(List<DiffusionModel> models, int window)
    {
        if (models.FirstOrDefault(model => model.Config.MaxSequenceLength < window) is DiffusionModel tooShort)
        {
            throw new CinnabarException(
                $"Expected windows of at most {tooShort.Config.MaxSequenceLength} tokens, the context of {tooShort.Name}, found {window}.",
                "Give a smaller --window.");
        }
    }

    private IReadOnlyList<DecodingMethod> MethodsFor(ParseResult parsed, DiffusionModel model) =>
        model.Config.IsAutoregressive ? [new DecodingMethod("left to right, key/value cache", new())]
            : parsed.GetValue(_methods) is [_, ..] names ? [.. DecodingMethod.Standard.Where(method => names.Contains(method.Name))]
            : [.. DecodingMethod.Standard.Where(method => method.Options.VerifyThreshold is null || CanVerify(model))];

    // Leaving a token out needs its own position to predict it.
    private static bool CanVerify(DiffusionModel model) => model.Config is { AttentionKind: AttentionKind.Full, ShiftLogits: false };

    private static IEnumerable<DecodingResult> Measure(
        DiffusionModel model,
        string label,
        IReadOnlyList<LineHole> holes,
        LineHoleOptions options,
        IReadOnlyList<DecodingMethod> methods,
        string suffix,
        MatMulPrecision precision,
        MachinePeak? peak,
        CancellationToken cancellation)
    {
        foreach (DecodingMethod method in methods)
        {
            IInfiller infiller = HeldOutText.InfillerOf(model, method.Name, method.Name, method.Options, options.CanvasLength);
            InfillTask.Run(infiller, [.. holes.Take(WarmUpHoles)], lengthGiven: true, cancellation: cancellation);
            double? peakBefore = peak?.Measure(precision);
            long allocated = GC.GetTotalAllocatedBytes(precise: true);
            EvaluationProgress progress = new($"{label}, {method.Name}", "holes", holes.Count);
            InfillResult result = InfillTask.Run(infiller, holes, lengthGiven: true, progress.Show, cancellation);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            double rate = 2.0 * model.Config.NonEmbeddingParameterCount * result.Work.ComputedPositions / result.Work.Seconds / 1e9;
            double? share = peak is null ? null : 2 * rate / (peakBefore + peak.Measure(precision));
            yield return new DecodingResult(
                method.Name + suffix, label, result, share, (double)allocated / Math.Max(1, result.Work.ForwardPasses));
        }
    }

    private void Print(ParseResult parsed, List<Measured> measured, int holes, MachinePeak? peak)
    {
        int threads = measured[0].Model.Kernels.Workers.Threads;
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json => WriteMembers(json, parsed, measured, holes, peak));
            return;
        }

        Console.WriteLine(
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {threads} threads, "
            + $"{RuntimeInformation.FrameworkDescription}; {holes} single-line holes, length given");
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            if (peak is not null)
            {
                Console.WriteLine($"peak {precision.ToString().ToLowerInvariant()}: {peak.Measure(precision):F0} GFLOP/s");
            }
        }

        foreach (Measured one in measured)
        {
            Console.WriteLine($"{one.Label}, {WeightsOf(parsed, one.Model)} weights: {one.Likelihood}");
        }

        IEnumerable<DecodingResult> results = measured.SelectMany(one => one.Results);
        ResultTable.Write(DecodingResult.Columns, [.. results.Select(result => result.Cells)], textColumns: 2);
    }

    private string WeightsOf(ParseResult parsed, DiffusionModel model) => _model.TypeOf(parsed, model).ToString().ToLowerInvariant();

    // Whose peak counts: Int4 enters products as Int8.
    private static MatMulPrecision ProductsOf(DType weights) => weights switch
    {
        DType.F32 => MatMulPrecision.F32,
        DType.BF16 => MatMulPrecision.BF16,
        _ => MatMulPrecision.Int8,
    };

    private void WriteMembers(Utf8JsonWriter json, ParseResult parsed, List<Measured> measured, int holes, MachinePeak? peak)
    {
        json.WriteString("system", RuntimeInformation.OSDescription);
        json.WriteString("architecture", RuntimeInformation.ProcessArchitecture.ToString());
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        json.WriteNumber("threads", measured[0].Model.Kernels.Workers.Threads);
        json.WriteNumber("holes", holes);
        json.WriteStartObject("peaks_gflops_per_second");
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            if (peak is not null)
            {
                json.WriteNumber(precision.ToString().ToLowerInvariant(), Math.Round(peak.Measure(precision), 1));
            }
        }

        json.WriteEndObject();
        json.WriteStartArray("rows");
        foreach ((Measured one, DecodingResult result) in measured.SelectMany(each => each.Results.Select(reached => (each, reached))))
        {
            DecodingWork work = result.Result.Work;
            json.WriteStartObject();
            json.WriteString("model", result.Model);
            json.WriteString("weights", WeightsOf(parsed, one.Model));
            json.WriteNumber("bits_per_byte", one.Likelihood.BitsPerByte.Nats);
            json.WriteString("method", result.Method);
            json.WriteNumber("passes_per_hole", result.Result.ForwardPasses);
            json.WriteNumber("tokens_per_pass", (double)work.Tokens / Math.Max(1, work.ForwardPasses));
            json.WriteNumber("computed_positions", work.ComputedPositions);
            json.WriteNumber("tokens", work.Tokens);
            json.WriteNumber("seconds", Math.Round(work.Seconds, 4));
            json.WriteNumber("tokens_per_second", Math.Round(result.TokensPerSecond, 1));
            if (result.TokensPerSecondAfterFirstStep is double after)
            {
                json.WriteNumber("tokens_per_second_after_first_step", Math.Round(after, 1));
            }

            if (result.ShareOfPeak is double share)
            {
                json.WriteNumber("percent_of_peak", Math.Round(100 * share, 1));
            }

            json.WriteNumber("allocated_bytes_per_pass", Math.Round(result.AllocatedBytesPerPass));
            json.WriteNumber("exact_match", result.Result.ExactMatch.Mean);
            json.WriteNumber("exact_match_error", result.Result.ExactMatch.StandardError);
            json.WriteNumber("edit_similarity", result.Result.EditSimilarity.Mean);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>What was measured of a model.</summary>
    /// <param name="Model">The model.</param>
    /// <param name="Label">What it is called here.</param>
    /// <param name="Likelihood">How well it predicts the corpus.</param>
    /// <param name="Results">Of every window and every way of decoding.</param>
    private sealed record Measured(
        DiffusionModel Model, string Label, HeldOutLikelihood Likelihood, IReadOnlyList<DecodingResult> Results);
}
