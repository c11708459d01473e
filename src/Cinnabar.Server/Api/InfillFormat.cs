using System.Text.Json.Nodes;
using Cinnabar.Server.Streams;

namespace Cinnabar.Server.Api;

/// <summary>Answers of /v1/infill: the whole text, and each hole by itself.</summary>
/// <param name="request">What was asked for.</param>
/// <param name="text">The text with its holes.</param>
internal sealed class InfillFormat(GenerationRequest request, TextWithHoles text) : IAnswerFormat
{
    private const string ChunkKind = "infill.chunk";

    private readonly AnswerHead _head = new("infill", request.Model.Id);

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers)
    {
        Answer answer = answers[0];
        JsonObject whole = _head.Begin("infill");
        whole["text"] = text.Fill(answer.Texts);
        whole["holes"] = new JsonArray([.. answer.Texts.Select((hole, i) => new JsonObject
        {
            ["index"] = i,
            ["text"] = hole,
            ["tokens"] = answer.Tokens[i],
        })]);
        whole["finish_reason"] = answer.FinishReason;
        whole["usage"] = AnswerHead.Usage(answers);
        whole["diffusion"] = StepEvents.Summary(answers);
        return whole;
    }

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        IEnumerable<JsonObject> holes = (chunk.Texts ?? [])
            .Select((delta, i) => new JsonObject { ["index"] = i, ["delta"] = delta })
            .Where((_, i) => chunk.Texts![i].Length > 0);
        JsonObject piece = _head.Begin(ChunkKind);
        piece["holes"] = new JsonArray([.. holes]);
        piece["finish_reason"] = chunk.Answer?.FinishReason;
        if (chunk.Answer is Answer answer)
        {
            piece["text"] = text.Fill(answer.Texts);
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
        usage["holes"] = new JsonArray();
        usage["finish_reason"] = null;
        usage["usage"] = AnswerHead.Usage(answers);
        return usage;
    }
}
