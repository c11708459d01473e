using System.Text.Json.Nodes;

namespace Cinnabar.Server.Api;

/// <summary>
/// Answers of llama.cpp's /infill, without what describes its own sampler and without the prompt. Its streams end with the chunk that
/// says "stop": true. There is no time of the prompt by itself: a denoising pass works on prompt and answer at once.
/// </summary>
/// <param name="request">What was asked for.</param>
internal sealed class LlamaInfillFormat(GenerationRequest request) : IAnswerFormat
{
    /// <inheritdoc/>
    public bool EndsWithDone => false;

    /// <inheritdoc/>
    public JsonObject Whole(IReadOnlyList<Answer> answers) => Final(answers[0], answers[0].Texts[0]);

    /// <inheritdoc/>
    public JsonObject Piece(Chunk chunk)
    {
        string content = chunk.Texts?[0] ?? "";
        JsonObject piece = chunk.Answer is Answer answer ? Final(answer, content) : new JsonObject
        {
            ["index"] = chunk.Index,
            ["content"] = content,
            ["tokens"] = new JsonArray(),
            ["stop"] = false,
            ["id_slot"] = 0,
        };
        if (chunk.Diffusion is not null)
        {
            piece["diffusion"] = chunk.Diffusion;
        }

        return piece;
    }

    /// <inheritdoc/>
    public JsonObject Usage(IReadOnlyList<Answer> answers) => new() { ["usage"] = AnswerHead.Usage(answers) };

    private JsonObject Final(Answer answer, string content)
    {
        double milliseconds = Math.Round(answer.Elapsed.TotalMilliseconds, 3);
        int tokens = answer.NewTokens;
        return new JsonObject
        {
            ["index"] = answer.Index,
            ["content"] = content,
            ["tokens"] = new JsonArray(),
            ["id_slot"] = 0,
            ["stop"] = true,
            ["model"] = request.Model.Id,
            ["tokens_predicted"] = tokens,
            ["tokens_evaluated"] = answer.PromptTokens,
            ["has_new_line"] = answer.Texts[0].Contains('\n', StringComparison.Ordinal),
            ["truncated"] = answer.IsTruncated,
            ["stop_type"] = answer.Ending switch { Ending.StopText => "word", Ending.Length => "limit", _ => "eos" },
            ["stopping_word"] = answer.StopText ?? "",
            ["tokens_cached"] = 0,
            ["timings"] = new JsonObject
            {
                ["prompt_n"] = answer.PromptTokens,
                ["prompt_ms"] = 0,
                ["prompt_per_token_ms"] = 0,
                ["prompt_per_second"] = 0,
                ["predicted_n"] = tokens,
                ["predicted_ms"] = milliseconds,
                ["predicted_per_token_ms"] = tokens > 0 ? Math.Round(milliseconds / tokens, 3) : 0,
                ["predicted_per_second"] = milliseconds > 0 ? Math.Round(tokens * 1000 / milliseconds, 2) : 0,
            },
        };
    }
}
