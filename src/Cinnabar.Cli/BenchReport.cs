// What a benchmark prints: the measured peaks, then a row a measurement with its share of the peak measured beside it.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training;

namespace Cinnabar.Cli;

internal sealed class BenchReport
{
    private readonly List<(string Precision, int Threads, double GigaflopsPerSecond)> _peaks = [];
    private readonly List<Row> _rows = [];

    /// <summary>The peak of the table's threads; a benchmark without one would have nothing to compare with.</summary>
    public static MachinePeak RequirePeak(KernelTable kernels) => MachinePeak.TryCreate(kernels.Workers, out string reason)
        ?? throw new CinnabarException(
            $"The machine's peak cannot be measured: {reason}.", "Run the benchmark on an x64 processor with AVX2.");

    public void AddPeaks(MachinePeak peak, int threads)
    {
        _peaks.Add(("f32", threads, peak.Measure(MatMulPrecision.F32)));
        _peaks.Add(("bf16", threads, peak.Measure(MatMulPrecision.BF16)));
        _peaks.Add(("int16", threads, peak.Measure(MatMulPrecision.Int16)));
        _peaks.Add(("int8", threads, peak.Measure(MatMulPrecision.Int8)));
    }

    public void Add(MatMulResult result, int threads)
    {
        MatMulCase product = result.Case;
        _rows.Add(new Row(
            $"{result.Precision.ToString().ToLowerInvariant()} {product.Name}",
            $"{product.M}x{product.K}x{product.N}",
            threads,
            result.GigaflopsPerSecond,
            "GFLOP/s",
            100 * result.GigaflopsPerSecond / result.PeakGigaflopsPerSecond));
    }

    public void AddPass(string name, string shape, int threads, double tokensPerSecond, double shareOfPeak, long allocatedBytes)
    {
        _rows.Add(new Row(name, shape, threads, tokensPerSecond, "tokens/s", 100 * shareOfPeak));
        _rows.Add(new Row(name, shape, threads, allocatedBytes, "bytes allocated", null));
    }

    public void AddMemory(string shape, int threads, long heldBytes, long weightBytes)
    {
        _rows.Add(new Row("network", shape, threads, heldBytes, "bytes held", null));
        _rows.Add(new Row("network", shape, threads, 100.0 * heldBytes / weightBytes, "% of the weights", null));
    }

    public void AddStep(TrainingBenchmark benchmark, double rate, double peak, int threads, ModelConfig config)
    {
        string shape = $"{benchmark.Options.BatchSize}x{benchmark.Options.SequenceLength} tokens, "
            + $"{config.NonEmbeddingParameterCount / 1e6:F1} M parameters";
        _rows.Add(new Row("training step", shape, threads, rate, "GFLOP/s", 100 * rate / peak));
        _rows.Add(new Row("training step", shape, threads, rate * 1e9 / (6.0 * config.NonEmbeddingParameterCount), "tokens/s", null));
    }

    public void Print(bool json)
    {
        if (json)
        {
            ResultWriter.WriteJson(WriteMembers);
            return;
        }

        Console.WriteLine(
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} processors, "
            + RuntimeInformation.FrameworkDescription);
        foreach ((string precision, int threads, double rate) in _peaks)
        {
            Console.WriteLine($"peak {precision}, {threads} {(threads == 1 ? "thread" : "threads")}: {rate:F0} GFLOP/s");
        }

        ResultTable.Write(
            ["name", "shape", "threads", "value", "unit", "% of peak"],
            [.. _rows.Select(r => (string[])[r.Name, r.Shape, $"{r.Threads}", $"{r.Value:F0}", r.Unit, Percent(r)])],
            textColumns: 2);
    }

    private static string Percent(Row row) => row.PercentOfPeak?.ToString("F0", CultureInfo.InvariantCulture) ?? "";

    private void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteStartArray("peaks");
        foreach ((string precision, int threads, double rate) in _peaks)
        {
            json.WriteStartObject();
            json.WriteString("precision", precision);
            json.WriteNumber("threads", threads);
            json.WriteNumber("gflops_per_second", Math.Round(rate, 1));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("rows");
        foreach (Row row in _rows)
        {
            json.WriteStartObject();
            json.WriteString("name", row.Name);
            json.WriteString("shape", row.Shape);
            json.WriteNumber("threads", row.Threads);
            json.WriteNumber("value", Math.Round(row.Value, 1));
            json.WriteString("unit", row.Unit);
            if (row.PercentOfPeak is double percent)
            {
                json.WriteNumber("percent_of_peak", Math.Round(percent, 1));
            }
            else
            {
                json.WriteNull("percent_of_peak");
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private sealed record Row(string Name, string Shape, int Threads, double Value, string Unit, double? PercentOfPeak);
}
