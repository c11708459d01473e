// cinnabar bench products: single products of inference, few rows of activations with a packed weight, as a share of the peak.
using System.CommandLine;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Cli.Commands;

internal static class BenchProductsCommand
{
    private const int Int4Group = 128;
    private static readonly int[] s_rows = [32, 64, 128, 256];
    private static readonly (int In, int Out)[] s_weights =
    [
        (768, 768), (768, 2048), (2048, 768), (2048, 2048), (2048, 5632), (5632, 2048),
    ];

    public static Command Create()
    {
        MadeUpModelArguments arguments = new();
        Option<int?> threads = new("--threads") { Description = "Threads. [default: all cores]", HelpName = "n" };
        DeviceArguments.RequireThreads(threads);
        Option<bool> json = new("--json") { Description = "Print one JSON object. [default: a table]" };
        Command command = new("products", "Matrix products of inference: 32 to 256 rows with weights of common sizes.")
        {
            threads, json,
        };
        arguments.AddWeightsTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            KernelTable kernels = KernelTable.Create(parsed.GetValue(threads));
            MachinePeak peak = BenchReport.RequirePeak(kernels);
            DType type = arguments.Weights(parsed);
            MatMulPrecision precision = arguments.Precision(parsed);
            MatMulBenchmark benchmark = new(kernels, peak);
            BenchReport report = new();
            report.AddPeaks(peak, kernels.Workers.Threads);
            foreach ((int inSize, int outSize) in s_weights)
            {
                foreach (int rows in s_rows)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Console.Error.WriteLine($"measuring {rows} rows with a weight of {outSize} x {inSize}");
                    int group = type == DType.Int4 ? Int4Group : inSize;
                    MatMulCase product = new($"{type} weight", rows, inSize, outSize, Weight: type, GroupSize: group);
                    report.Add(benchmark.Measure(product, precision), kernels.Workers.Threads);
                }
            }

            report.Print(parsed.GetValue(json));
            return 0;
        });
        return command;
    }
}
