// Bits per byte of held-out text: the likelihood of windows spread evenly over a split, over the bytes of text that the windows' tokens
// stand for. For a diffusion model an upper bound from one masked sample a window (Diffusion/LikelihoodBound.cs), for an autoregressive
// one exact (Diffusion/AutoregressiveLikelihood.cs); the standard error is over the windows. Special tokens are predicted and paid for
// but count no bytes.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Evaluation;

/// <summary>The likelihood of held-out text, or its bound.</summary>
/// <param name="Exact">Whether the figures are the likelihood itself; otherwise they bound it from above.</param>
/// <param name="BitsPerByte">Bits, not nats, per byte of text.</param>
/// <param name="NatsPerToken">Nats per token.</param>
/// <param name="Windows">Windows measured.</param>
/// <param name="Tokens">Tokens measured.</param>
/// <param name="Bytes">Bytes they stand for.</param>
/// <param name="Seconds">Time it took.</param>
public sealed record HeldOutLikelihood(
    bool Exact, LikelihoodEstimate BitsPerByte, LikelihoodEstimate NatsPerToken, int Windows, long Tokens, long Bytes, double Seconds)
{
    /// <summary>Estimates the bound of a diffusion model.</summary>
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
        Action<int>? windowDone = null) =>
        Of(
            windows,
            tokenizer,
            exact: false,
            () => new LikelihoodBound(denoiser, kernels).EstimateWindows(windows, seed, windowDone));

    /// <summary>Computes the exact likelihood of an autoregressive model.</summary>
    /// <param name="denoiser">The network.</param>
    /// <param name="kernels">Where the loss is computed.</param>
    /// <param name="tokenizer">Counts the bytes.</param>
    /// <param name="windows">Equally long windows of clean ids, at least one.</param>
    /// <param name="windowDone">Told the number of windows done.</param>
    public static HeldOutLikelihood MeasureExact(
        IDenoiser denoiser,
        KernelTable kernels,
        Tokenizer tokenizer,
        IReadOnlyList<int[]> windows,
        Action<int>? windowDone = null) =>
        Of(windows, tokenizer, exact: true, () => new AutoregressiveLikelihood(denoiser, kernels).OfWindows(windows, windowDone));

    /// <summary>The measurement in one line.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{BitsPerByte.Nats:F3} ± {BitsPerByte.StandardError:F3} bits per byte{(Exact ? ", exact" : " at most")} "
        + $"({NatsPerToken.Nats:F3} nats per token; {Windows} windows, {Tokens} tokens, {Bytes} bytes, {Seconds:F1} s)");

    /// <summary>A row of a model card's table.</summary>
    public string ToMarkdown() => string.Create(
        CultureInfo.InvariantCulture,
        $"| held-out text, {(Exact ? "exact likelihood" : "likelihood bound")} "
        + $"| {BitsPerByte.Nats:F3} ± {BitsPerByte.StandardError:F3} bits per byte ({Windows} windows of the test split) |");

    /// <summary>Members of a JSON object.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteBoolean("exact", Exact);
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

    private static HeldOutLikelihood Of(
        IReadOnlyList<int[]> windows, Tokenizer tokenizer, bool exact, Func<LikelihoodEstimate> measure)
    {
        long tokens = windows.Sum(window => (long)window.Length);
        long bytes = windows.Sum(window => window.Sum(id => (long)tokenizer.ByteLength(id)));
        Stopwatch time = Stopwatch.StartNew();
        LikelihoodEstimate total = measure();
        LikelihoodEstimate perToken = new(total.Nats / tokens, total.StandardError / tokens);
        return new HeldOutLikelihood(exact, total.BitsPer(bytes), perToken, windows.Count, tokens, bytes, time.Elapsed.TotalSeconds);
    }
}
