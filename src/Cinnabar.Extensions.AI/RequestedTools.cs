// Tools of Microsoft.Extensions.AI → those of the library, and back. Its middleware (UseFunctionInvocation) makes the calls; this client
// only says which.
using System.Text.Json;
using Cinnabar.Chat;
using Microsoft.Extensions.AI;
using ChatMessage = Cinnabar.Chat.ChatMessage;

namespace Cinnabar.Extensions.AI;

/// <summary>Reads the tools of a request, and writes calls.</summary>
internal static class RequestedTools
{
    /// <summary>What may be called; null: nothing.</summary>
    /// <exception cref="CinnabarException">A tool is no function, or a call is required that cannot be made.</exception>
    public static ToolCalling? Read(ChatOptions options, DiffusionModel model)
    {
        RequiredChatToolMode? required = options.ToolMode as RequiredChatToolMode;
        if (options.ToolMode is NoneChatToolMode || options.Tools is not { Count: > 0 } offered)
        {
            return required is null ? null : throw new CinnabarException(
                "Expected tools beside a ToolMode that requires a call, found none.", "Give the tools, or leave ToolMode out.");
        }

        ChatTemplateFile template = model.ChatTemplate ?? throw new CinnabarException(
            $"Expected a model with a chat template for tools, found {model.Name}, which has none.",
            "Use a model that was made for conversations.");
        return new ToolCalling(
            [.. offered.Select(ToolOf)], template, mustCall: required is not null, required?.RequiredFunctionName);
    }

    /// <summary>Calls as templates know them.</summary>
    public static JsonElement ToJson(IEnumerable<FunctionCallContent> calls) => JsonSerializer.SerializeToElement(calls.Select(call => new
    {
        id = call.CallId,
        type = "function",
        function = new { name = call.Name, arguments = call.Arguments ?? new Dictionary<string, object?>() },
    }));

    /// <summary>The message with the result of a call.</summary>
    public static ChatMessage ResultOf(FunctionResultContent result) =>
        new("tool", result.Result as string ?? JsonSerializer.Serialize(result.Result));

    /// <summary>A call of an answer.</summary>
    public static FunctionCallContent ContentOf(ToolCall call, string id) =>
        new(id, call.Name, JsonSerializer.Deserialize<Dictionary<string, object?>>(call.Arguments));

    private static ChatTool ToolOf(AITool tool) => tool is AIFunctionDeclaration function
        ? new ChatTool(function.Name, function.Description, function.JsonSchema)
        : throw new CinnabarException(
            $"Expected tools that are functions, found {tool.Name}, a {tool.GetType().Name}.", "Leave it out.");
}
