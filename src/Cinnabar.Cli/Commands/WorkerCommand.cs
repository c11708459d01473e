// cinnabar worker: computes layers for programs on other machines, until Ctrl-C or SIGTERM.
using System.CommandLine;
using System.Net;
using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Cli.Commands;

internal sealed class WorkerCommand
{
    private readonly Option<int> _port = new("--port", "-p")
    {
        Description = "Port; 0: a free one.",
        HelpName = "n",
        DefaultValueFactory = _ => new LayerWorkerOptions().Port,
    };

    private readonly Option<string> _host = new("--host")
    {
        Description = "IP address to listen on; 0.0.0.0 is all of this machine, and needs a key.",
        HelpName = "address",
        DefaultValueFactory = _ => $"{IPAddress.Loopback}",
    };

    private readonly Option<string?> _keyFile = new("--key-file")
    {
        Description = $"File with the key that programs must have. [default: the key in {MachineKey.Variable}, else none]",
        HelpName = "file",
    };

    private readonly Option<bool> _insecure = new("--insecure-no-auth")
    {
        Description = "Let anybody use a machine that others reach. [default: it needs a key]",
    };

    private readonly Option<double?> _memory = new("--memory")
    {
        Description = "GB that weights, keys and values may take. [default: four fifths of this machine's memory, or of its GPU's]",
        HelpName = "GB",
    };

    private readonly DeviceArguments _device = new();

    public static Command Create() => new WorkerCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("worker", "Compute layers of models for other machines (--machines); their weights come over the network.")
        {
            _port, _host, _keyFile, _insecure, _memory,
        };
        _device.AddTo(command);
        _port.RequireRange(0, ushort.MaxValue);
        _memory.RequireRange(0.001, 1e6);
        _host.RequireAddress();
        command.SetAction((parsed, cancellation) => Task.Run(() => RunAsync(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        LayerWorkerOptions options = OptionsOf(parsed);
        options.Validate(); // before a GPU is prepared
        KeyFiles.WarnIfOthersRead(parsed.GetValue(_keyFile), "key");
        KernelTable kernels = _device.Kernels(parsed);
        using LayerWorker worker = new(kernels, options, line => Console.Error.WriteLine(TerminalText.Safe(line)));
        worker.Start();
        string place = kernels.Device?.Name ?? (kernels.Workers.Threads == 1 ? "1 thread" : $"{kernels.Workers.Threads} threads");
        Console.Out.WriteLine(TerminalText.Safe(
            $"Computes layers at {worker.EndPoint} ({place}, {worker.Memory / 1e9:F1} GB, "
            + $"{(options.Key.IsNone ? "no key" : "with a key")}). Ctrl-C ends it."));
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }
        catch (OperationCanceledException)
        {
            // The end that was asked for.
        }

        return 0;
    }

    private LayerWorkerOptions OptionsOf(ParseResult parsed)
    {
        LayerWorkerOptions options = new()
        {
            Address = AddressOption.AddressOf(parsed.GetValue(_host)!)!,
            Port = parsed.GetValue(_port),
            Key = MachineKey.Read(parsed.GetValue(_keyFile), Environment.GetEnvironmentVariable(MachineKey.Variable)),
            AllowsAnybody = parsed.GetValue(_insecure),
        };
        return parsed.GetValue(_memory) is double memory ? options with { Memory = (long)(memory * 1e9) } : options;
    }
}
