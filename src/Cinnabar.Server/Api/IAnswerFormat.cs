using System.Text.Json.Nodes;

namespace Cinnabar.Server.Api;

/// <summary>A piece of a stream.</summary>
internal sealed record Chunk
{
    /// <summary>Number of the text, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>What to append to the text of each hole, or what to replace it with; null: there is nothing new.</summary>
    public IReadOnlyList<string>? Texts { get; init; }

    /// <summary>Whether it is the first of its text.</summary>
    public bool IsFirst { get; init; }

    /// <summary>The whole answer, if it is the last of its text; else null.</summary>
    public Answer? Answer { get; init; }

    /// <summary>What the step did, see <see cref="Streams.StepEvents"/>; null: nobody asked.</summary>
    public JsonObject? Diffusion { get; init; }
}

/// <summary>How an API writes answers.</summary>
internal interface IAnswerFormat
{
    /// <summary>Whether a stream ends with the line that OpenAI's do.</summary>
    bool EndsWithDone => true;

    /// <summary>The answer in one piece.</summary>
    /// <param name="answers">One for each text, in order.</param>
    JsonObject Whole(IReadOnlyList<Answer> answers);

    /// <summary>A piece of a stream.</summary>
    JsonObject Piece(Chunk chunk);

    /// <summary>The piece with the usage, behind all others.</summary>
    JsonObject Usage(IReadOnlyList<Answer> answers);
}
