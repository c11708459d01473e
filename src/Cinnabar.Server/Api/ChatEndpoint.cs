// POST /v1/chat/completions (OpenAI, Inception): answers the last message of a conversation.
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Constraints;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Conversations.</summary>
internal static class ChatEndpoint
{
    // What templates are told; a variable of any other name or kind could change what they rely on.
    private static readonly string[] s_variables = ["enable_thinking", "thinking"];

    /// <summary>POST /v1/chat/completions.</summary>
    public static async Task AnswerAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        IReadOnlyList<ChatMessage> messages = ChatMessages.Read(fields);
        int? maxTokens = GenerationRequest.MaxTokens(fields, model, "max_completion_tokens", "max_tokens");
        ToolCalling? tools = ToolFields.Read(fields, model.ChatTemplate);
        Dictionary<string, JsonElement> variables = VariablesOf(fields.Get("chat_template_kwargs")?.Object());
        GenerationRequest request = GenerationRequest.Read(fields, served);
        UnsupportedFields.Check(fields, hasTools: true);
        fields.Finish();
        if (model.ChatTemplate is null)
        {
            throw ApiException.Invalid(
                $"Expected a model with a chat template, found {served.Id}, which has none. "
                + "Use /v1/completions, /v1/fim/completions, /v1/infill or /v1/edit/completions with it, or another model.",
                "model");
        }

        if (ToolFields.ConstraintOf(tools, served.Constraints) is Constraint call)
        {
            request = request.Constraint is null
                ? request with { Constraint = call, ConstraintParam = "tools" }
                : throw ApiException.Invalid(
                    "Expected no response_format beside a tool_choice that asks for a call, found both. Leave one of the two out.",
                    "response_format");
        }

        IAnswerFormat format = tools is null ? new ChatFormat(request) : new ToolFormat(request, tools);
        await Generation.AnswerAsync(http, request, () => PromptLayout.ForMessages(model, messages, maxTokens, tools, variables), format)
            .ConfigureAwait(false);
    }

    private static Dictionary<string, JsonElement> VariablesOf(JsonFields? asked)
    {
        Dictionary<string, JsonElement> variables = [];
        foreach (string name in s_variables)
        {
            if (asked?.Flag(name) is bool flag)
            {
                variables[name] = JsonElement.Parse(flag ? "true" : "false");
            }
        }

        return variables;
    }
}
