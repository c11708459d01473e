// Texts, templates and conversations laid out for a model.
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar;

public sealed partial class DiffusionModel
{
    /// <summary>A canvas for continuing <paramref name="prompt"/>. Thread-safe, as are the two below.</summary>
    /// <param name="prompt">The text so far, may be empty.</param>
    /// <param name="maxNewTokens">
    /// Length of the noisy tail; null: that of <see cref="DefaultOptions"/>. Cut to what is left of the context.
    /// </param>
    /// <exception cref="CinnabarException">The prompt leaves no room in the context.</exception>
    public TextCanvas CanvasFor(string prompt, int? maxNewTokens = null) =>
        TextCanvas.ForPrompt(prompt, maxNewTokens ?? DefaultOptions.MaxNewTokens, this);

    /// <summary>A canvas with the holes of <paramref name="text"/>.</summary>
    /// <exception cref="CinnabarException">The holes do not fit into the context, or the model has no token to let them grow.</exception>
    /// <exception cref="ArgumentException">The lengths are yet to be found: <see cref="FindLengths"/> does so.</exception>
    public TextCanvas CanvasFor(TextWithHoles text)
    {
        if (Denoiser.Noise != NoiseKind.Gaussian)
        {
            Denoiser.RequireMask("holes with text behind them");
        }

        return TextCanvas.ForHoles(text, this);
    }

    /// <summary>A canvas for the answer to the last message of a conversation.</summary>
    /// <param name="messages">The turns so far, oldest first. Special tokens spelled in them are ordinary text.</param>
    /// <param name="maxNewTokens">As for continuing a text.</param>
    /// <param name="variables">Further variables of the template, such as enable_thinking; null: none.</param>
    /// <param name="tools">
    /// What may be called; null: nothing. If it has an <see cref="ToolCalling.AnswerSchema"/>, the canvas is to be constrained by it.
    /// </param>
    /// <exception cref="CinnabarException">
    /// The model is no chat model, the template refuses the messages, or they leave no room in the context.
    /// </exception>
    public TextCanvas CanvasFor(
        IReadOnlyList<ChatMessage> messages,
        int? maxNewTokens = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null,
        ToolCalling? tools = null)
    {
        PromptEncoder prompts = _prompts ?? throw new CinnabarException(
            $"Expected a model with a chat template, found {Name}, which has none.",
            "Use a model that was made for conversations, or put its chat_template.jinja beside its weights.");
        int[] prompt = prompts.Encode(messages, variables, tools);
        return TextCanvas.ForAnswer(prompt, maxNewTokens ?? DefaultOptions.MaxNewTokens, this);
    }

    /// <summary>Which tokens begin holes; null where the first token of one cannot be chosen.</summary>
    internal FirstTokens? FirstTokens => Denoiser.Noise == NoiseKind.Mask ? _firstTokens : null;

    /// <summary>Whether the model can let holes grow: its tokenizer has the token <c>&lt;|expand|&gt;</c>.</summary>
    public bool GrowsHoles => Tokenizer.ExpandTokenId is not null;

    /// <summary>
    /// Whether the model can write left to right and by drafts (<see cref="SamplerOptions.LeftToRight"/>,
    /// <see cref="SamplerOptions.DraftTokens"/>): its network can also be read so. How well it does is a matter of its training.
    /// </summary>
    public bool CanDraft => Denoiser is ITwoWayDenoiser && Config is { AttentionKind: AttentionKind.Full, ShiftLogits: true };

    /// <summary>The special ids for a canvas of your own whose holes grow.</summary>
    /// <exception cref="CinnabarException">The model has no token for it.</exception>
    public CanvasTokens TokensForGrowth()
    {
        int expand = Tokenizer.ExpandTokenId ?? throw new CinnabarException(
            $"Expected a model whose tokenizer has the token {Tokenizer.ExpandToken} for holes that grow, found {Name}, which has none.",
            "Use a model that was trained for it, or give holes their full length.");
        return _tokens with { ExpandTokenId = expand, NeverEmitted = [.. _tokens.NeverEmitted.Where(id => id != expand)] };
    }

    /// <summary>The special ids for a canvas of your own.</summary>
    /// <param name="exactLength">True: holes keep their length, the end of a hole is never predicted.</param>
    public CanvasTokens TokensFor(bool exactLength) => (exactLength, Config.IsAutoregressive) switch
    {
        (false, _) => _tokens,
        (true, false) => _tokens with { PaddingTokenId = null, NeverEmitted = [.. _tokens.NeverEmitted, Config.PadTokenId] },
        (true, true) => _tokens with { EosTokenId = null, NeverEmitted = [.. _tokens.NeverEmitted, Config.EosTokenId] },
    };
}
