// POST /v1/chat/completions (OpenAI, Inception): answers the last message of a conversation.
using Cinnabar.Chat;
using Cinnabar.Constraints;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Api;

/// <summary>Conversations.</summary>
internal static class ChatEndpoint
{
    /// <summary>POST /v1/chat/completions.</summary>
    public static async Task AnswerAsync(HttpContext http)
    {
        JsonFields fields = await JsonBody.ReadAsync(http).ConfigureAwait(false);
        ServedModel served = GenerationRequest.ModelOf(fields, http);
        DiffusionModel model = served.Engine.Model;
        IReadOnlyList<ChatMessage> messages = ChatMessages.Read(fields);
        int? maxTokens = GenerationRequest.MaxTokens(fields, model, "max_completion_tokens", "max_tokens");
        ToolCalling? tools = ToolFields.Read(fields, model.ChatTemplate);
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
        await Generation.AnswerAsync(http, request, () => PromptLayout.ForMessages(model, messages, maxTokens, tools), format)
            .ConfigureAwait(false);
    }
}
