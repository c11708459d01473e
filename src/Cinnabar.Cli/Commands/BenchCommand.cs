// cinnabar bench kernels | model | train (products, passes, decode, serve: own files): how fast the machine is, and which share of that the
// program reaches.
using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tokenizers;
using Cinnabar.Training;

namespace Cinnabar.Cli.Commands;

internal static class BenchCommand
{
    private const int TrainingRows = 2048; // one pass of the default configuration: 4 sequences of 512 tokens
    private const int HeadRows = 1024; // of which half are masked on average

    public static Command Create() => new("bench", "Measure speed against the machine's peak.")
    {
        CreateKernels(), BenchProductsCommand.Create(), CreateModel(), BenchPassesCommand.Create(), CreateTrain(), BenchGpuCommand.Create(),
        BenchDecodeCommand.Create(), BenchServeCommand.Create(),
    };

    private static Command CreateKernels()
    {
        BenchArguments arguments = new();
        Option<string> precision = new("--precision")
        {
            Description = "Rounding of the operands: f32, bf16, int16, int8. [default: what training uses here]",
            HelpName = "p",
        };
        precision.AcceptOnlyFromAmong("f32", "bf16", "int16", "int8");
        Command command = new("kernels", "Matrix products of a model's training step, on one core and on all.") { precision };
        arguments.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            ModelConfig config = ModelFolder.Open(ModelLocator.Find(arguments.Model(parsed))).Config;
            BenchReport report = new();
            int all = arguments.Threads(parsed);
            foreach (int threads in all == 1 ? [1] : (int[])[1, all])
            {
                KernelTable kernels = KernelTable.Create(threads);
                MachinePeak peak = BenchReport.RequirePeak(kernels);
                report.AddPeaks(peak, threads);
                MatMulPrecision rounding = parsed.GetValue(precision) is string name
                    ? Enum.Parse<MatMulPrecision>(name, ignoreCase: true)
                    : kernels.MatMul.Fastest;
                MatMulBenchmark benchmark = new(kernels, peak);
                foreach (MatMulCase product in ProductsOf(config))
                {
                    cancellation.ThrowIfCancellationRequested();
                    Console.Error.WriteLine($"measuring {product.Name} on {threads} {(threads == 1 ? "thread" : "threads")}");
                    report.Add(benchmark.Measure(product, rounding), threads);
                }
            }

            report.Print(arguments.Json(parsed));
            return 0;
        });
        return command;
    }

    private static Command CreateModel()
    {
        const int Passes = 7;
        MadeUpModelArguments arguments = new();
        Option<int?> threads = new("--threads") { Description = "Threads. [default: all cores]", HelpName = "n" };
        DeviceArguments.RequireThreads(threads);
        Option<bool> json = new("--json") { Description = "Print one JSON object. [default: a table for people]" };
        Command command = new("model", "A denoising pass over 64 and over 256 tokens, with made-up weights.")
        {
            threads, json,
        };
        arguments.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            KernelTable kernels = KernelTable.Create(parsed.GetValue(threads));
            MachinePeak peak = BenchReport.RequirePeak(kernels);
            string name = arguments.Shape(parsed);
            ModelConfig config = arguments.Config(parsed);
            MatMulPrecision precision = arguments.Precision(parsed);
            Console.Error.WriteLine($"making {config.ParameterCount / 1e6:F0} M weights");
            DenoiserBenchmark benchmark = new(config, kernels);
            BenchReport report = new();
            report.AddPeaks(peak, kernels.Workers.Threads);
            report.AddMemory(name, kernels.Workers.Threads, benchmark.HeldBytes, benchmark.WeightBytes);
            foreach (int tokens in (int[])[64, 256])
            {
                WarmUp(benchmark, tokens, cancellation);
                List<double> rates = [];
                List<double> peaks = [];
                long allocated = 0;
                for (int pass = 0; pass < Passes; pass++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    peaks.Add(peak.Measure(precision));
                    (double seconds, allocated) = benchmark.Run(tokens);
                    rates.Add(tokens / seconds);
                    Console.Error.WriteLine($"{tokens} tokens: {rates[^1]:F0} tokens/s");
                }

                double rate = MatMulBenchmark.Median(rates);
                double share = rate * benchmark.OperationsOf(1) / 1e9 / MatMulBenchmark.Median(peaks);
                string kind = $"{arguments.Weights(parsed).ToString().ToLowerInvariant()} pass";
                report.AddPass(kind, $"{name}, {tokens} tokens", kernels.Workers.Threads, rate, share, allocated);
            }

            report.Print(parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    // Until the runtime has compiled the hot methods for good.
    private static void WarmUp(DenoiserBenchmark benchmark, int tokens, CancellationToken cancellation)
    {
        const double Seconds = 2;
        const int Least = 3;
        double spent = 0;
        for (int pass = 0; spent < Seconds || pass < Least; pass++)
        {
            cancellation.ThrowIfCancellationRequested();
            spent += benchmark.Run(tokens).Seconds;
        }
    }

    private static Command CreateTrain()
    {
        BenchArguments arguments = new();
        Option<int> steps = new("--steps")
        {
            Description = "Steps to time; the median counts.",
            HelpName = "n",
            DefaultValueFactory = _ => 5,
        };
        steps.RequireRange(1, 1_000_000);
        Command command = new("train", "A whole training step: data, forward, backward, optimiser.") { steps };
        arguments.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            ModelFolder model = ModelFolder.Open(ModelLocator.Find(arguments.Model(parsed)));
            KernelTable kernels = KernelTable.Create(arguments.Threads(parsed));
            MachinePeak peak = BenchReport.RequirePeak(kernels);
            TrainingBenchmark benchmark = new(model.Config, Tokenizer.Load(model.TokenizerPath), kernels);
            List<double> rates = [];
            List<double> peaks = [];
            benchmark.Run();
            for (int step = 0; step < parsed.GetValue(steps); step++)
            {
                cancellation.ThrowIfCancellationRequested();
                peaks.Add(peak.Measure(MatMulPrecision.BF16));
                rates.Add(benchmark.Run());
                Console.Error.WriteLine($"step {step + 1}: {rates[^1]:F0} GFLOP/s, peak {peaks[^1]:F0}");
            }

            BenchReport report = new();
            report.AddPeaks(peak, kernels.Workers.Threads);
            report.AddStep(benchmark, MatMulBenchmark.Median(rates), MatMulBenchmark.Median(peaks), kernels.Workers.Threads, model.Config);
            report.Print(arguments.Json(parsed));
            return 0;
        });
        return command;
    }

    // Each linear layer multiplies three times: forward, input gradient, weight gradient.
    private static IEnumerable<MatMulCase> ProductsOf(ModelConfig config)
    {
        int hidden = config.HiddenSize;
        int inner = config.IntermediateSize;
        (string Name, int Rows, int In, int Out)[] layers =
        [
            ("attention", TrainingRows, hidden, hidden),
            ("gate, up", TrainingRows, hidden, inner),
            ("down", TrainingRows, inner, hidden),
            ("head", HeadRows, hidden, config.EmbeddingSize),
        ];
        foreach ((string name, int rows, int inSize, int outSize) in layers)
        {
            yield return new MatMulCase($"{name}: forward", rows, inSize, outSize, TransposeB: true);
            yield return new MatMulCase($"{name}: input gradient", rows, outSize, inSize);
            yield return new MatMulCase($"{name}: weight gradient", outSize, rows, inSize, TransposeA: true, Accumulate: true);
        }
    }
}
