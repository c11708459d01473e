using System.Text.Json.Nodes;
using Cinnabar.Server.Streams;

namespace Cinnabar.Server.Api;

/// <summary>Answers of OpenAI's chat completions, which Inception's edits share: "object": "chat.completion" and its chunks.</summary>
/// <param name="request">What was asked for.</param>
internal sealed class ChatFormat(GenerationRequest request) : IAnswerFormat
{
    private const string ChunkKind = "chat.completion.chunk";

    private readonly AnswerHead _head = new("chatcmpl", request.Model.Id);

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers) => Whole(answers, answer => answer.Texts[0]);

    /// <summary>The answer in one piece, with other contents than what was written.</summary>
    /// <param name="answers">One for each text.</param>
    /// <param name="content">What the message of an answer says.</param>
    public JsonObject Whole(IReadOnlyList<Answer> answers, Func<Answer, string> content)
    {
        JsonObject whole = _head.Begin("chat.completion");
        whole["choices"] = new JsonArray([.. answers.Select(answer => new JsonObject
        {
            ["index"] = answer.Index,
            ["message"] = new JsonObject { ["role"] = "assistant", ["content"] = content(answer), ["refusal"] = null },
            ["logprobs"] = null,
            ["finish_reason"] = answer.FinishReason,
        })]);
        whole["usage"] = AnswerHead.Usage(answers);
        whole["diffusion"] = StepEvents.Summary(answers);
        return whole;
    }

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        JsonObject delta = chunk.IsFirst ? new JsonObject { ["role"] = "assistant", ["content"] = "" }
            : chunk.Texts is null ? []
            : new JsonObject { ["content"] = chunk.Texts[0] };
        JsonObject piece = _head.Begin(ChunkKind);
        piece["choices"] = new JsonArray(new JsonObject
        {
            ["index"] = chunk.Index,
            ["delta"] = delta,
            ["logprobs"] = null,
            ["finish_reason"] = chunk.Answer?.FinishReason,
        });
        if (request.IncludesUsage)
        {
            piece["usage"] = null;
        }

        if (chunk.Diffusion is not null)
        {
            piece["diffusion"] = chunk.Diffusion;
        }

        return piece;
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers)
    {
        JsonObject usage = _head.Begin(ChunkKind);
        usage["choices"] = new JsonArray();
        usage["usage"] = AnswerHead.Usage(answers);
        return usage;
    }
}
