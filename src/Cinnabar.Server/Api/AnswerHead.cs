using System.Text.Json.Nodes;
using Cinnabar.Server.Streams;

namespace Cinnabar.Server.Api;

/// <summary>What all parts of one answer begin with: the same id, time and model.</summary>
/// <param name="prefix">Begins the id: cmpl, chatcmpl …</param>
/// <param name="model">Name of the model.</param>
internal sealed class AnswerHead(string prefix, string model)
{
    private readonly string _id = $"{prefix}-{Guid.NewGuid():N}";
    private readonly long _created = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Tokens read and written.</summary>
    /// <param name="answers">Texts of one prompt, which counts once.</param>
    public static JsonObject Usage(IReadOnlyList<Answer> answers)
    {
        (int prompt, int completion) = (answers[0].PromptTokens, answers.Sum(answer => answer.NewTokens));
        return new JsonObject
        {
            ["prompt_tokens"] = prompt,
            ["completion_tokens"] = completion,
            ["total_tokens"] = prompt + completion,
        };
    }

    /// <summary>An answer in one piece, as OpenAI's: a choice for each text.</summary>
    public JsonObject Whole(string kind, IReadOnlyList<Answer> answers, Func<Answer, JsonObject> choice)
    {
        JsonObject whole = Begin(kind);
        whole["choices"] = new JsonArray([.. answers.Select(choice)]);
        whole["usage"] = Usage(answers);
        whole["diffusion"] = StepEvents.Summary(answers);
        return whole;
    }

    /// <summary>A chunk of a stream, as OpenAI's, with one choice.</summary>
    /// <param name="kind">Its "object".</param>
    /// <param name="choice">What is new of one text.</param>
    /// <param name="chunk">The chunk.</param>
    /// <param name="hasUsage">Whether the stream ends with a chunk of usage, so that the others say null.</param>
    public JsonObject Piece(string kind, JsonObject choice, Chunk chunk, bool hasUsage)
    {
        JsonObject piece = Begin(kind);
        piece["choices"] = new JsonArray(choice);
        if (hasUsage)
        {
            piece["usage"] = null;
        }

        if (chunk.Diffusion is not null)
        {
            piece["diffusion"] = chunk.Diffusion;
        }

        return piece;
    }

    /// <summary>The chunk of usage that a stream ends with: no choices.</summary>
    public JsonObject UsageChunk(string kind, IReadOnlyList<Answer> answers)
    {
        JsonObject usage = Begin(kind);
        usage["choices"] = new JsonArray();
        usage["usage"] = Usage(answers);
        return usage;
    }

    /// <summary>The beginning of an answer, or of a chunk.</summary>
    /// <param name="kind">Its "object".</param>
    public JsonObject Begin(string kind) => new()
    {
        ["id"] = _id,
        ["object"] = kind,
        ["created"] = _created,
        ["model"] = model,
    };
}
