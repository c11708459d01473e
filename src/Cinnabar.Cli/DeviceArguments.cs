using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Cuda;

namespace Cinnabar.Cli;

/// <summary>The options that say where kernels run, for every command that runs a network.</summary>
internal sealed class DeviceArguments
{
    private const string Processor = "cpu";
    private const string Gpu = "cuda";
    private const string Automatic = "auto";

    private readonly Option<string> _device = new("--device")
    {
        Description = "Where the network runs: cpu, cuda (or cuda:1, the second GPU), or auto, a GPU if there is one.",
        HelpName = "device",
        DefaultValueFactory = _ => Automatic,
    };

    private readonly Option<int?> _threads = new("--threads")
    {
        Description = "Threads of the processor; the result does not depend on it. [default: all cores]",
        HelpName = "n",
    };

    private bool _isTold;

    public void AddTo(Command command)
    {
        RequireThreads(_threads);
        _device.Validators.Add(RequireDevice);
        command.Add(_device);
        command.Add(_threads);
    }

    /// <summary>The kernels of the device; with --verbose the first call says which it is.</summary>
    /// <exception cref="CudaException">A GPU was asked for and cannot be used.</exception>
    public KernelTable Kernels(ParseResult parsed)
    {
        string device = parsed.GetValue(_device)!;
        string? noGpu = device == Automatic && !CudaKernels.IsAvailable(out string reason) ? reason : null;
        bool usesGpu = device != Processor && noGpu is null;

        // Threads of its own for each model that is served: of two that share some, one would wait for every loop of the other.
        int threads = parsed.GetValue(_threads) ?? Environment.ProcessorCount;
        KernelTable kernels = usesGpu ? CudaKernels.Create(OrdinalOf(device) ?? 0, threads, TellOfCompiling) : KernelTable.Create(threads);
        if (parsed.IsVerbose() && !_isTold)
        {
            _isTold = true;
            string place = kernels.Device?.Name ?? $"this processor, {threads} thread{(threads == 1 ? "" : "s")}";
            Console.Error.WriteLine(TerminalText.Safe($"Runs on {place}.{(noGpu is null ? "" : $" No GPU is used: {noGpu}")}"));
        }

        return kernels;
    }

    /// <summary>Refuses numbers that are no number of threads.</summary>
    public static void RequireThreads(Option<int?> threads) => threads.RequireRange(1, 1024);

    private static void TellOfCompiling(int sources) =>
        Console.Error.WriteLine($"Compiling {sources} kernel source{(sources == 1 ? "" : "s")} for this GPU: some seconds, once.");

    private static void RequireDevice(OptionResult result)
    {
        string device = result.GetValueOrDefault<string>() ?? "";
        if (device is not (Processor or Gpu or Automatic) && OrdinalOf(device) is null)
        {
            result.AddError(
                $"Expected --device to be {Processor}, {Gpu}, {Gpu}:0, {Gpu}:1, … or {Automatic}, found {TerminalText.Quote(device)}.");
        }
    }

    // Of cuda:n.
    private static int? OrdinalOf(string device) =>
        device.StartsWith($"{Gpu}:", StringComparison.Ordinal)
        && int.TryParse(device.AsSpan(Gpu.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int ordinal)
            ? ordinal
            : null;
}
