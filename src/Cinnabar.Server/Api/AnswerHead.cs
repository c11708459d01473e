using System.Text.Json.Nodes;

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
