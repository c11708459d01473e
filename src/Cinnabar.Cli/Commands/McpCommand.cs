// cinnabar mcp: the model as tools of the Model Context Protocol, over standard input and output. Standard output carries the protocol and
// nothing else; what there is to tell goes to standard error. It ends with its input, and so do calls that are not answered by then: nobody
// would hear the answer.
using System.CommandLine;
using System.Reflection;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Cinnabar.Cli.Commands;

internal static class McpCommand
{
    public static Command Create()
    {
        Command command = new("mcp", "Serve a model's tools (complete, infill, score) to an assistant, over standard input and output.");
        ModelArguments arguments = new ModelArguments().AddTo(command);
        command.SetAction((parsed, cancellation) => ServeAsync(arguments.Load(parsed, cancellation), cancellation));
        return command;
    }

    /// <summary>What a server of these tools says of itself and does.</summary>
    /// <param name="tools">The tools.</param>
    /// <param name="ended">Ends all calls.</param>
    internal static McpServerOptions OptionsFor(McpTools tools, CancellationToken ended) => new()
    {
        ServerInfo = new Implementation
        {
            Name = "cinnabar",
            Version = Assembly.GetExecutingAssembly().GetName().Version!.ToString(3),
        },
        Capabilities = new ServerCapabilities { Tools = new ToolsCapability() },
        Handlers = new McpServerHandlers
        {
            ListToolsHandler = (_, _) => ValueTask.FromResult(new ListToolsResult { Tools = [.. tools.All] }),
            CallToolHandler = async (request, cancelled) =>
            {
                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancelled, ended);
                return await tools.CallAsync(request.Params!.Name, request.Params.Arguments, either.Token).ConfigureAwait(false);
            },
        },
    };

    private static async Task<int> ServeAsync(DiffusionModel model, CancellationToken cancellation)
    {
        using McpTools tools = new(model);
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        McpServerOptions options = OptionsFor(tools, ended.Token);
        Console.SetOut(Console.Error); // the transport has the stream itself
        await using StdioServerTransport transport = new(options);
        await using McpServer server = McpServer.Create(transport, options);
        Task running = server.RunAsync(cancellation);
        await Task.WhenAny(running, transport.MessageReader.Completion);
        await ended.CancelAsync();
        await running;
        return 0;
    }
}
