// Tools of Microsoft.Extensions.AI → those of the library, and back. Its middleware (UseFunctionInvocation) makes the calls; this client
// only says which.
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Cinnabar.Chat;
using Microsoft.Extensions.AI;
using Arguments = System.Collections.Generic.IDictionary<string, object?>;
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
            [.. offered.Select(ToolOf)],
            template,
            mustCall: required is not null,
            required?.RequiredFunctionName,
            options.AllowMultipleToolCalls ?? true);
    }

    /// <summary>Calls as templates know them.</summary>
    public static JsonElement ToJson(IEnumerable<FunctionCallContent> calls) => JsonElement.Parse(new JsonArray([.. calls.Select(call =>
        new JsonObject
        {
            ["id"] = call.CallId,
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = call.Name,
                ["arguments"] = JsonSerializer.SerializeToNode(call.Arguments ?? new Dictionary<string, object?>(), TypeOf<Arguments>()),
            },
        })]).ToJsonString());

    /// <summary>The message with the result of a call, which belongs to it by its id.</summary>
    public static ChatMessage ResultOf(FunctionResultContent result) =>
        new("tool", result.Result switch
        {
            string text => text,
            JsonElement { ValueKind: JsonValueKind.String } text => text.GetString(),
            _ => JsonSerializer.Serialize(result.Result, TypeOf<object>()),
        })
        {
            OtherFields = new Dictionary<string, JsonElement>
            {
                ["tool_call_id"] = JsonElement.Parse(JsonValue.Create(result.CallId)!.ToJsonString()),
            },
        };

    /// <summary>A call of an answer; arguments that are no Unicode text become its exception.</summary>
    public static FunctionCallContent ContentOf(ToolCall call, string id) => FunctionCallContent.CreateFromParsedArguments(
        call.Arguments, id, call.Name, json => (Arguments?)JsonSerializer.Deserialize(json, TypeOf<Arguments>()));

    private static JsonTypeInfo TypeOf<T>() => AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(T));

    private static ChatTool ToolOf(AITool tool) => tool is AIFunctionDeclaration function
        ? new ChatTool(function.Name, function.Description, function.JsonSchema)
        : throw new CinnabarException(
            $"Expected tools that are functions, found {tool.Name}, a {tool.GetType().Name}.", "Leave it out.");
}
