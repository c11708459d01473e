// Answers of OpenAI's chat completions where the model may call tools: "tool_calls" beside "content", and "finish_reason": "tool_calls".
// Only a whole answer shows whether it is a call, so a stream sends it in its last but one chunk; its steps come as they are taken.
using System.Text.Json.Nodes;
using Cinnabar.Chat;

namespace Cinnabar.Server.Api;

/// <summary>Writes answers that may be calls.</summary>
/// <param name="request">What was asked for.</param>
/// <param name="tools">What may be called.</param>
internal sealed class ToolFormat(GenerationRequest request, ToolCalling tools) : IAnswerFormat
{
    private const string ChunkKind = "chat.completion.chunk";

    private readonly AnswerHead _head = new("chatcmpl", request.Model.Id);

    // Ids of calls differ from those of other answers of one conversation, whatever the seed.
    private readonly string _calls = Guid.NewGuid().ToString("N")[..12];

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers) => _head.Whole("chat.completion", answers, answer =>
    {
        JsonObject message = Message(answer, isDelta: false);
        message["role"] = "assistant";
        message["refusal"] = null;
        return Choice(answer.Index, "message", message, answer);
    });

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        JsonObject delta = chunk.IsFirst ? new JsonObject { ["role"] = "assistant", ["content"] = "" }
            : chunk.Answer is Answer answer ? Message(answer, isDelta: true)
            : [];
        return _head.Piece(ChunkKind, Choice(chunk.Index, "delta", delta, chunk.Answer), chunk, request.IncludesUsage);
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers) => _head.UsageChunk(ChunkKind, answers);

    private JsonObject Message(Answer answer, bool isDelta)
    {
        (string text, IReadOnlyList<ToolCall> calls) = tools.Read(answer.Texts[0]);
        JsonObject message = new() { ["content"] = calls.Count > 0 && text.Length == 0 ? null : text };
        if (calls.Count > 0)
        {
            message["tool_calls"] = new JsonArray([.. calls.Select((call, i) => CallOf(answer, call, i, isDelta))]);
        }

        return message;
    }

    private JsonObject CallOf(Answer answer, ToolCall call, int index, bool isDelta)
    {
        JsonObject written = new()
        {
            ["id"] = $"call_{_calls}_{answer.Index}_{index}",
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = call.Arguments },
        };
        if (isDelta)
        {
            written["index"] = index;
        }

        return written;
    }

    private JsonObject Choice(int index, string name, JsonObject content, Answer? answer) => new()
    {
        ["index"] = index,
        [name] = content,
        ["logprobs"] = null,
        ["finish_reason"] = content.ContainsKey("tool_calls") ? "tool_calls" : answer?.FinishReason,
    };
}
