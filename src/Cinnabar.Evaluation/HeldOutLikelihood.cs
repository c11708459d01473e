// Bits per byte of held-out text: the likelihood bound of windows spread evenly over a split, one masked sample each, over the bytes
// of text that the windows' tokens stand for. An upper bound of the true figure (Diffusion/LikelihoodBound.cs); special tokens are
// predicted and paid for but count no bytes.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>The likelihood bound of held-out text.</summary>
/// <param name="BitsPerByte">Bits, not nats, per byte of text, at most.</param>
/// <param name="NatsPerToken">Nats per token, at most.</param>
/// <param name="Windows">Windows measured.</param>
/// <param name="Tokens">Tokens measured.</param>
/// <param name="Bytes">Bytes they stand for.</param>
/// <param name="Seconds">Time it took.</param>
public sealed record HeldOutLikelihood(
    LikelihoodEstimate BitsPerByte, LikelihoodEstimate NatsPerToken, int Windows, long Tokens, long Bytes, double Seconds)
{
    /// <summary>Estimates the bound.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="kernels">Where the loss is computed.</param>
    /// <param name="tokenizer">Counts the bytes.</param>
    /// <param name="windows">Equally long windows of clean ids, at least one.</param>
    /// <param name="seed">Start of the random masks.</param>
    /// <param name="windowDone">Told the number of windows done.</param>
    public static HeldOutLikelihood Measure(
        IDenoiser denoiser,
        KernelTable kernels,
        Tokenizer tokenizer,
        IReadOnlyList<int[]> windows,
        ulong seed,
        Action<int>? windowDone = null)
    {
        long tokens = windows.Sum(window => (long)window.Length);
        long bytes = windows.Sum(window => window.Sum(id => (long)tokenizer.ByteLength(id)));
        Stopwatch time = Stopwatch.StartNew();
        LikelihoodEstimate total = new LikelihoodBound(denoiser, kernels).EstimateWindows(windows, seed, windowDone);
        LikelihoodEstimate perToken = new(total.Nats / tokens, total.StandardError / tokens);
        return new HeldOutLikelihood(total.BitsPer(bytes), perToken, windows.Count, tokens, bytes, time.Elapsed.TotalSeconds);
    }

    /// <summary>The measurement in one line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{BitsPerByte.Nats:F3} ± {BitsPerByte.StandardError:F3} bits per byte at most "
        + $"({NatsPerToken.Nats:F3} nats per token; {Windows} windows, {Tokens} tokens, {Bytes} bytes, {Seconds:F1} s)");

    /// <summary>A row of a model card's table.</summary>
    public string ToMarkdown() => string.Create(
        CultureInfo.InvariantCulture,
        $"| held-out text, likelihood bound | {BitsPerByte.Nats:F3} ± {BitsPerByte.StandardError:F3} bits per byte "
        + $"({Windows} windows of the test split) |");

    /// <summary>Members of a JSON object.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteNumber("bits_per_byte", BitsPerByte.Nats);
        json.WriteNumber("bits_per_byte_error", BitsPerByte.StandardError);
        json.WriteNumber("nats_per_token", NatsPerToken.Nats);
        json.WriteNumber("nats_per_token_error", NatsPerToken.StandardError);
        json.WriteNumber("windows", Windows);
        json.WriteNumber("tokens", Tokens);
        json.WriteNumber("bytes", Bytes);
        json.WriteNumber("seconds", Seconds);
    }

    /// <summary>Where the windows of a text begin: spread evenly over it, without overlap.</summary>
    /// <param name="tokenCount">Tokens of the text.</param>
    /// <param name="length">Tokens of a window.</param>
    /// <param name="count">Most windows.</param>
    public static IReadOnlyList<long> Spread(long tokenCount, int length, int count)
    {
        long fitting = Math.Min(count, tokenCount / length);
        return [.. Enumerable.Range(0, (int)fitting).Select(w => fitting == 1 ? 0 : (tokenCount - length) * w / (fitting - 1))];
    }
}
