// cinnabar bench passes: how many passes a block of diffusion may take before an autoregressive network of the same sizes is faster.
//
//   autoregressive   1 / t₁ tokens a second         t_b: time of a cached pass over b tokens of the context
//   diffusion        b / (P·t_b)                    for P passes a block
//   crossing         P = b·t₁ / t_b
//
// One token at a time reads all weights for it and is bound by memory; a block reads them once for all its tokens.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Commands;

internal static class BenchPassesCommand
{
    private const int Context = 256;
    private const double SecondsPerMeasurement = 3;
    private static readonly int[] s_blocks = [16, 32, 64];
    private static readonly int[] s_passes = [1, 2, 4, 8, 16, 32];

    public static Command Create()
    {
        MadeUpModelArguments arguments = new(shape: "llada-1.1b");
        Command command = new("passes", "Blocks of diffusion beside one token at a time: speed by the passes a block takes.");
        arguments.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            ModelConfig config = arguments.Config(parsed);
            int all = Environment.ProcessorCount;
            List<string[]> rows = [];
            foreach (int threads in all == 1 ? [1] : (int[])[1, all])
            {
                Console.Error.WriteLine($"{threads} threads: making {config.ParameterCount / 1e6:F0} M weights");
                DenoiserBenchmark benchmark = new(config, KernelTable.Create(threads));
                double one = Measure(benchmark, 1, cancellation);
                rows.Add([$"{threads}", "one token at a time", .. s_passes.Select(_ => Number(1 / one)), ""]);
                foreach (int block in s_blocks)
                {
                    double pass = Measure(benchmark, block, cancellation);
                    IEnumerable<string> speeds = s_passes.Select(passes => passes <= block ? Number(block / (passes * pass)) : "");
                    rows.Add([$"{threads}", $"blocks of {block}", .. speeds, Number(block * one / pass)]);
                }
            }

            string weights = arguments.Weights(parsed).ToString().ToLowerInvariant();
            Console.WriteLine($"tokens/s of {arguments.Shape(parsed)}, {weights} weights, a context of {Context} tokens");
            string[] columns = ["threads", "", .. s_passes.Select(passes => $"{passes} pass{(passes > 1 ? "es" : "")}"), "crossing at"];
            ResultTable.Write(columns, rows, textColumns: 2);
            return 0;
        });
        return command;
    }

    // The median time of a pass.
    private static double Measure(DenoiserBenchmark benchmark, int block, CancellationToken cancellation)
    {
        List<double> times = [];
        for (double spent = 0; spent < SecondsPerMeasurement; spent += times[^1])
        {
            cancellation.ThrowIfCancellationRequested();
            times.Add(benchmark.RunCached(Context, block));
        }

        return MatMulBenchmark.Median(times);
    }

    private static string Number(double value) => value.ToString(value < 10 ? "F1" : "F0", CultureInfo.InvariantCulture);
}
