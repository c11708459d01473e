// From what a request knows to a canvas. What does not fit is the fault of a field, so the library's errors get its name.
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Models;

namespace Cinnabar.Server.Api;

/// <summary>Lays out prompts for a model; each call makes a canvas of its own.</summary>
internal static class PromptLayout
{
    /// <summary>A text to be continued.</summary>
    /// <param name="model">Who continues it.</param>
    /// <param name="prompt">The text.</param>
    /// <param name="maxTokens">Tokens asked for; null: the model's default.</param>
    /// <exception cref="ApiException">400: it leaves no room in the context.</exception>
    public static TextCanvas ForPrompt(DiffusionModel model, string prompt, int? maxTokens) =>
        ApiException.Naming("prompt", () => model.CanvasFor(prompt, maxTokens));

    /// <summary>A text with holes.</summary>
    /// <param name="model">Who fills them.</param>
    /// <param name="text">The text.</param>
    /// <param name="param">The field with what the model cannot lay out.</param>
    /// <param name="sizeParam">The field with the size of the holes.</param>
    /// <exception cref="ApiException">400: the model fills no holes, or they do not fit.</exception>
    public static TextCanvas ForHoles(DiffusionModel model, TextWithHoles text, string param, string sizeParam) =>
        ApiException.Naming(model.Denoiser.Noise == NoiseKind.Uniform ? param : sizeParam, () => model.CanvasFor(text));

    /// <summary>A conversation to be answered.</summary>
    /// <param name="model">Who answers it.</param>
    /// <param name="messages">Oldest first.</param>
    /// <param name="maxTokens">Tokens asked for; null: the model's default.</param>
    /// <param name="tools">What may be called; null: nothing.</param>
    /// <param name="variables">Further variables of the template; null: none.</param>
    /// <exception cref="ApiException">400: the model's template refuses it, or it leaves no room in the context.</exception>
    public static TextCanvas ForMessages(
        DiffusionModel model,
        IReadOnlyList<ChatMessage> messages,
        int? maxTokens,
        ToolCalling? tools = null,
        IReadOnlyDictionary<string, JsonElement>? variables = null) =>
        ApiException.Naming("messages", () => model.CanvasFor(messages, maxTokens, variables, tools));
}
