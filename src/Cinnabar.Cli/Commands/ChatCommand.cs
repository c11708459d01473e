// cinnabar chat [MESSAGE]: a conversation with a model, one line a message; with a message, one answer.
using System.CommandLine;
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Constraints;
using Cinnabar.Sampling;

namespace Cinnabar.Cli.Commands;

internal sealed class ChatCommand
{
    private const string Help = "/clear forgets the conversation, /exit (or the end of the input) ends it, Ctrl-C stops.";

    private readonly Argument<string?> _message = new("message")
    {
        Description = "One message, answered once. [default: a conversation, one line of standard input a message]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _system = new("--system")
    {
        Description = "What the model is told before the conversation. [default: what its template says]",
        HelpName = "text",
    };

    private readonly Option<bool?> _thinking = new("--thinking")
    {
        Description = "Sets enable_thinking for templates that know it. [default: the template's]",
        HelpName = "true or false",
    };

    private readonly Option<int?> _maxNewTokens = new("--max-new-tokens", "-n")
    {
        Description = $"Length of the canvas of an answer. [default: the model's, or {new SamplerOptions().MaxNewTokens}]",
        HelpName = "n",
    };

    private readonly Option<bool> _plain = new("--plain") { Description = "No picture of the canvas. [default: a picture on a terminal]" };
    private readonly ModelArguments _model = new();
    private readonly SamplerArguments _sampler = new();
    private readonly ConstraintArguments _constraint = new();

    public static Command Create() => new ChatCommand().ToCommand();

    private Command ToCommand()
    {
        Command command = new("chat", "Hold a conversation with a chat model.") { _message, _system, _thinking, _maxNewTokens, _plain };
        _model.AddTo(command);
        _sampler.AddTo(command);
        _constraint.AddTo(command);
        _maxNewTokens.RequireRange(1, SamplerOptions.MaximumCount);
        command.SetWork(Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        Constraint? constraint = _constraint.Read(parsed);
        DiffusionModel model = _model.Load(parsed, cancellation);
        SamplerOptions options = _sampler.Read(parsed, model.DefaultOptions);
        options = options with { MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? options.MaxNewTokens };
        model.Followed(options).Validate(); // before the first message
        Screen screen = Screen.Detect(parsed.GetValue(_plain));
        List<ChatMessage> turns = Beginning(parsed);
        if (parsed.GetValue(_message) is string only)
        {
            turns.Add(new ChatMessage("user", only));
            Answer(model, turns, options, Variables(parsed), constraint, screen, cancellation);
            return 0;
        }

        bool isTyped = !Console.IsInputRedirected;
        if (isTyped)
        {
            Console.Error.WriteLine($"{model.Name}. {Help}");
        }

        bool hasFailed = false;
        while (NextLine(isTyped, cancellation) is string line && line.Trim() != "/exit")
        {
            if (line.Trim() == "/clear")
            {
                turns = Beginning(parsed);
            }
            else if (line.Trim().Length > 0)
            {
                turns.Add(new ChatMessage("user", line));
                try
                {
                    string answer = Answer(model, turns, options, Variables(parsed), constraint, screen, cancellation);
                    turns.Add(new ChatMessage("assistant", answer));
                }
                catch (CinnabarException e) when (model.ChatTemplate is not null)
                {
                    // Mostly a conversation that outgrows the context: it can go on without the message.
                    turns.RemoveAt(turns.Count - 1);
                    hasFailed = true;
                    Console.Error.WriteLine(TerminalText.Safe(
                        $"error: {e.Message} The message was dropped; /clear forgets the conversation."));
                }
            }
        }

        return hasFailed && !isTyped ? CommandRunner.Failed : 0;
    }

    // The reading of a line cannot be stopped, but the waiting for it can.
    private static string? NextLine(bool isTyped, CancellationToken cancellation)
    {
        if (isTyped)
        {
            Console.Error.Write("> ");
        }

        try
        {
            return Task.Run(() => Console.In.ReadLine(), cancellation).WaitAsync(cancellation).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (isTyped)
        {
            Console.Error.WriteLine(); // leaves the prompt
            throw;
        }
    }

    private List<ChatMessage> Beginning(ParseResult parsed) =>
        parsed.GetValue(_system) is string text ? [new ChatMessage("system", text)] : [];

    private Dictionary<string, JsonElement> Variables(ParseResult parsed)
    {
        Dictionary<string, JsonElement> variables = [];
        if (parsed.GetValue(_thinking) is bool thinking)
        {
            variables["enable_thinking"] = JsonSerializer.SerializeToElement(thinking);
        }

        return variables;
    }

    private static string Answer(
        DiffusionModel model,
        List<ChatMessage> turns,
        SamplerOptions options,
        Dictionary<string, JsonElement> variables,
        Constraint? constraint,
        Screen screen,
        CancellationToken cancellation)
    {
        GenerationResult result;
        using (CanvasDisplay display = new(Console.Error, model.Tokenizer, screen, trace: false))
        {
            result = model.Chat(turns, options, variables, display.Show, cancellation, constraint);
        }

        Console.Out.WriteLine(screen.ResultIsShown ? TerminalText.Safe(result.Text) : result.Text);
        Console.Error.WriteLine(ResultWriter.Summary(result));
        FilledHole answer = result.Holes[0];
        if (constraint is null && answer.CanvasLength < options.MaxNewTokens && answer.TokenIds.Count == answer.CanvasLength)
        {
            Console.Error.WriteLine(
                $"The answer was cut short: with it the model's context of {model.Config.MaxSequenceLength} tokens is full; in a "
                + "conversation, /clear makes room.");
        }

        return result.Text;
    }
}
