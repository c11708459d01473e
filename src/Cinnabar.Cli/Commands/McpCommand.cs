// cinnabar mcp: the model as tools of the Model Context Protocol, over standard input and output. Standard output carries the protocol and
// nothing else; what there is to tell goes to standard error. It ends with its input, when what was asked until then has been answered or
// the time for that is over.
using System.CommandLine;
using System.Reflection;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Cinnabar.Cli.Commands;

internal static class McpCommand
{
    // As long as the server gives the requests in work when it stops.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

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
                if (request.Params is not CallToolRequestParams call)
                {
                    throw new McpProtocolException(
                        "Expected params with the name of a tool, found none. Give {\"name\": …, \"arguments\": {…}}.",
                        McpErrorCode.InvalidParams);
                }

                using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancelled, ended);
                return await tools.CallAsync(call.Name, call.Arguments, either.Token).ConfigureAwait(false);
            },
        },
    };

    /// <summary>Serves until the input ends.</summary>
    /// <param name="tools">The tools.</param>
    /// <param name="input">Messages, a line each.</param>
    /// <param name="output">Gets the answers, a line each.</param>
    /// <param name="grace">How long requests may still take when the input has ended.</param>
    /// <param name="cancellation">Ends all at once.</param>
    internal static async Task ServeAsync(
        McpTools tools, Stream input, Stream output, TimeSpan grace, CancellationToken cancellation)
    {
        using CancellationTokenSource ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using McpInput messages = new(input, grace);
        McpServerOptions options = OptionsFor(tools, ended.Token);
        options.Filters.Message.OutgoingFilters.Add(next => async (context, cancelled) =>
        {
            await next(context, cancelled);
            if (context.JsonRpcMessage is JsonRpcMessageWithId answer and (JsonRpcResponse or JsonRpcError))
            {
                messages.Answered($"{answer.Id}");
            }
        });
        await using StreamServerTransport transport = new(messages, output, options.ServerInfo!.Name);
        await using McpServer server = McpServer.Create(transport, options);
        Task running = server.RunAsync(cancellation);
        await Task.WhenAny(running, transport.MessageReader.Completion);
        await ended.CancelAsync();
        await running;
    }

    private static async Task<int> ServeAsync(DiffusionModel model, CancellationToken cancellation)
    {
        using McpTools tools = new(model);
        Console.SetOut(Console.Error); // the transport has the stream itself
        await using Stream input = Console.OpenStandardInput();
        await using BufferedStream output = new(Console.OpenStandardOutput());
        await ServeAsync(tools, input, output, s_grace, cancellation);
        return 0;
    }
}
