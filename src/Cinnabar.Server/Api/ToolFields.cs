// OpenAI's tools and tool_choice.
//
//   "tools"        [{"type": "function", "function": {"name", "description", "parameters": JSON Schema}}, …]
//   "tool_choice"  "auto" (the model decides), "none", "required" (a call of any), {"type": "function", "function": {"name"}} (of this one)
//
// A call that must come is constrained to the schema of its tool. At most one call is made an answer then, and always with
// "parallel_tool_calls": false.
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Constraints;

namespace Cinnabar.Server.Api;

/// <summary>Reads what a model may call.</summary>
internal static class ToolFields
{
    private const int MostTools = 128;
    private const int LongestDescription = 16_384;

    /// <summary>Reads these fields.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="template">The model's; null: it has none.</param>
    /// <returns>Null: nothing may be called.</returns>
    /// <exception cref="ApiException">400: a field is wrong.</exception>
    public static ToolCalling? Read(JsonFields fields, ChatTemplateFile? template)
    {
        List<ChatTool> tools = [.. (fields.Get("tools")?.Items(0, MostTools) ?? []).Select(tool => ReadTool(tool.Object()))];
        bool allowsSeveral = fields.Flag("parallel_tool_calls") ?? true;
        JsonField? choice = fields.Get("tool_choice");
        string word = choice is null ? "auto" : choice.IsText ? choice.Word("auto", "none", "required") : "named";
        string? required = word == "named" ? NameOf(choice!.Object()) : null;
        if (tools.Count == 0)
        {
            return word is "auto" or "none" ? null : throw choice!.Wrong("\"auto\" or \"none\" without tools");
        }

        if (word == "none" || template is null)
        {
            return null;
        }

        return ApiException.Naming(
            required is null ? "tools" : "tool_choice",
            () => new ToolCalling(tools, template, mustCall: word == "required", required, allowsSeveral));
    }

    /// <summary>The constraint of an answer that must be a call; null: it need not be one.</summary>
    /// <exception cref="ApiException">400: the schema of a tool is wrong.</exception>
    public static Constraint? ConstraintOf(ToolCalling? tools, ConstraintCache known) =>
        tools?.AnswerSchema is string schema ? ApiException.Naming("tools", () => known.JsonSchema(schema)) : null;

    private static ChatTool ReadTool(JsonFields tool)
    {
        tool.Require("type").Word("function");
        JsonFields function = tool.Require("function").Object();
        function.Flag("strict");
        JsonElement? parameters = function.Get("parameters") is JsonField schema ? JsonElement.Parse(schema.Json()) : null;
        return new ChatTool(
            ChatMessages.WordOf(function.Require("name")), function.Get("description")?.Text(LongestDescription), parameters);
    }

    private static string NameOf(JsonFields choice)
    {
        choice.Require("type").Word("function");
        return ChatMessages.WordOf(choice.Require("function").Object().Require("name"));
    }
}
