// cinnabar serve: models over HTTP, until Ctrl-C or SIGTERM.
using System.CommandLine;
using System.Net;
using Cinnabar.Checkpoints;
using Cinnabar.Server;
using Cinnabar.Server.Security;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Builder;

namespace Cinnabar.Cli.Commands;

internal sealed class ServeCommand
{
    // The autoregressive twin of the model that ships; the page races the two.
    private const string Twin = $"{ModelArguments.DefaultModel}-ar";

    private readonly Option<string[]> _models = new("--model", "-m")
    {
        Description = "Model to serve, as for other commands; several: repeat the option, the first is the default of requests. "
            + $"[default: {ModelArguments.DefaultModel}, and {Twin} if it is there]",
        HelpName = "name or path",
    };

    private readonly Option<int> _port = new("--port", "-p")
    {
        Description = "Port; 0: a free one.",
        HelpName = "n",
        DefaultValueFactory = _ => new ServerOptions().Port,
    };

    private readonly Option<string> _host = new("--host")
    {
        Description = "IP address to listen on; 0.0.0.0 is all of this machine, and needs an API key.",
        HelpName = "address",
        DefaultValueFactory = _ => $"{IPAddress.Loopback}",
    };

    private readonly Option<string?> _keyFile = new("--api-key-file")
    {
        Description = $"File with the API keys, one a line. [default: the key in {ApiKeys.Variable}, else none]",
        HelpName = "file",
    };

    private readonly Option<bool> _insecure = new("--insecure-no-auth")
    {
        Description = "Let anybody use a server that other machines reach. [default: it needs an API key]",
    };

    private readonly Option<int> _maxRunning = new("--max-running")
    {
        Description = "Texts that a model works on at once.",
        HelpName = "n",
        DefaultValueFactory = _ => new EngineOptions().MaxRunning,
    };

    private readonly Option<int> _maxWaiting = new("--max-waiting")
    {
        Description = "Texts that wait for a model; further ones are answered 429.",
        HelpName = "n",
        DefaultValueFactory = _ => new EngineOptions().MaxWaiting,
    };

    private readonly Option<int> _maxConnections = new("--max-connections")
    {
        Description = "Connections at once; further ones are closed.",
        HelpName = "n",
        DefaultValueFactory = _ => new ServerOptions().MaxConnections,
    };

    private readonly Option<bool> _quiet = new("--quiet", "-q")
    {
        Description = "Write no line for each request to standard error. [default: one each]",
    };

    private readonly ModelArguments _model = new();

    public static Command Create() => new ServeCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("serve", "Serve models over HTTP, with the interfaces of OpenAI, Inception and llama.cpp, and a page.")
        {
            _models, _port, _host, _keyFile, _insecure, _maxRunning, _maxWaiting, _maxConnections, _quiet,
        };
        _model.AddFormTo(command);
        _port.RequireRange(0, 65_535);
        _maxRunning.RequireRange(1, 4096);
        _maxWaiting.RequireRange(0, 65_536);
        _maxConnections.RequireRange(1, 1_000_000);
        _host.RequireAddress();
        command.SetAction((parsed, cancellation) => Task.Run(() => RunAsync(parsed, cancellation), CancellationToken.None));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        ServerOptions options = OptionsOf(parsed);
        options.Validate(); // before models are loaded, which can take minutes
        Warn(parsed.GetValue(_keyFile), options);
        ServedModels models = Load(parsed, cancellation);
        await using WebApplication server = CinnabarServer.Create(options, models, Console.Error);
        string url = await CinnabarServer.StartAsync(server, cancellation);
        Console.Out.Write(TerminalText.Safe(ServeBanner.Text(url, options, EnginesOf(parsed), models, parsed.GetValue(_keyFile))));
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        }
        catch (OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"Stopping; texts in work have {options.StopWithin.TotalSeconds:F0} s.");
        }

        await CinnabarServer.StopAsync(server);
        return 0;
    }

    private ServerOptions OptionsOf(ParseResult parsed) => new()
    {
        Address = AddressOption.AddressOf(parsed.GetValue(_host)!)!,
        Port = parsed.GetValue(_port),
        Keys = ApiKeys.Read(parsed.GetValue(_keyFile), Environment.GetEnvironmentVariable(ApiKeys.Variable)),
        AllowsAnybody = parsed.GetValue(_insecure),
        MaxConnections = parsed.GetValue(_maxConnections),
        LogsRequests = !parsed.GetValue(_quiet),
    };

    private EngineOptions EnginesOf(ParseResult parsed) => new()
    {
        MaxRunning = parsed.GetValue(_maxRunning),
        MaxWaiting = parsed.GetValue(_maxWaiting),
    };

    private ServedModels Load(ParseResult parsed, CancellationToken cancellation)
    {
        List<ServedModel> served = [];
        foreach (string name in ModelNames(parsed))
        {
            DiffusionModel model = _model.Load(parsed, name, cancellation);
            served.Add(new ServedModel(
                model.Name, new ModelEngine(model, EnginesOf(parsed)), DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
        }

        return new ServedModels(served);
    }

    private IEnumerable<string> ModelNames(ParseResult parsed)
    {
        if (parsed.GetValue(_models) is { Length: > 0 } given)
        {
            return given;
        }

        string standard = ModelLocator.Find(ModelArguments.DefaultModel);
        string twin = Path.Combine(Path.GetDirectoryName(standard)!, Twin);
        return Directory.Exists(twin) ? [standard, twin] : [standard];
    }

    private static void Warn(string? keyFile, ServerOptions options)
    {
        KeyFiles.WarnIfOthersRead(keyFile, "API keys");
        if (!options.IsLoopback && options.Keys.Count == 0)
        {
            Console.Error.WriteLine("warning: anybody who reaches this machine may use the server.");
        }
    }
}
