// A request as Microsoft.Extensions.AI has it → a canvas, sampler options, stops. What a diffusion model cannot honour is refused by name;
// what means "nothing of the kind" (penalties of 0) is accepted.
using System.Globalization;
using System.Text.Json;
using Cinnabar.Chat;
using Cinnabar.Constraints;
using Cinnabar.Sampling;
using Microsoft.Extensions.AI;
using AIMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatMessage = Cinnabar.Chat.ChatMessage;

namespace Cinnabar.Extensions.AI;

/// <summary>A request that was understood.</summary>
/// <param name="Text">Laid out, with the answer as its one hole.</param>
/// <param name="Options">Valid, with a seed.</param>
/// <param name="Stops">Texts that end the answer.</param>
/// <param name="IncludeSteps">Whether a stream brings steps.</param>
/// <param name="Tools">What the answer may call; null: nothing.</param>
internal sealed record ChatRequest(
    TextCanvas Text, SamplerOptions Options, IReadOnlyList<string> Stops, bool IncludeSteps, ToolCalling? Tools)
{
    /// <summary>Reads a request.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="options">A copy of what the caller gave.</param>
    /// <param name="client">Who is asked; options may make a form of their own for it.</param>
    /// <param name="model">The model.</param>
    /// <param name="settings">The client's.</param>
    /// <param name="known">Constraints that have been compiled.</param>
    /// <exception cref="CinnabarException">Something cannot be honoured, or is out of range.</exception>
    public static ChatRequest Read(
        IEnumerable<AIMessage> messages,
        ChatOptions options,
        IChatClient client,
        DiffusionModel model,
        DiffusionChatClientOptions settings,
        ConstraintCache known)
    {
        Refuse(options, model);
        SamplerOptions start = options.RawRepresentationFactory?.Invoke(client) as SamplerOptions ?? model.DefaultOptions;
        SamplerOptions sampler = Sampling(options, start);
        bool includesSteps = settings.IncludeSteps;
        foreach ((string name, object? value) in options.AdditionalProperties ?? [])
        {
            switch (name)
            {
                case "include_steps":
                    includesSteps = SamplerProperties.Truth(name, value);
                    break;
                case "stream_options": // asks other services for usage, which is always given here
                    break;
                default:
                    sampler = SamplerProperties.Set(sampler, name, value);
                    break;
            }
        }

        bool isGiven = options.AdditionalProperties?.ContainsKey("threshold") == true;
        sampler = isGiven ? sampler : sampler.WithoutThresholdOf(start);
        object? said = options.AdditionalProperties?.GetValueOrDefault("left_to_right");
        bool? leftToRight = said is null or JsonElement { ValueKind: JsonValueKind.Null } ? null : sampler.LeftToRight;
        bool namesDrafts = options.AdditionalProperties?.ContainsKey("draft_tokens") == true;
        sampler = sampler.ReadAs(start, leftToRight, namesDrafts, sampler.DraftTokens);
        sampler = model.Followed(sampler);
        sampler.Validate();
        ToolCalling? tools = RequestedTools.Read(options, model);
        TextCanvas text = Layout([.. messages], options, model, settings, sampler, tools);
        if (ConstraintOf(options.ResponseFormat, tools, known) is Constraint constraint)
        {
            text.Constrain(hole: 0, constraint);
        }

        return new ChatRequest(text, sampler, [.. options.StopSequences ?? []], includesSteps, tools);
    }

    // A call that must come is the form of the answer, whatever else was asked for.
    private static Constraint? ConstraintOf(ChatResponseFormat? format, ToolCalling? tools, ConstraintCache known) => format switch
    {
        _ when tools?.AnswerSchema is string call => known.JsonSchema(call),
        ChatResponseFormatJson { Schema: JsonElement schema } => known.JsonSchema(schema.GetRawText()),
        ChatResponseFormatJson => Constraint.AnyJsonObject,
        _ => null,
    };

    private static SamplerOptions Sampling(ChatOptions options, SamplerOptions defaults) => defaults with
    {
        MaxNewTokens = options.MaxOutputTokens ?? defaults.MaxNewTokens,
        Temperature = Exact(options.Temperature) ?? defaults.Temperature,
        TopP = Exact(options.TopP) ?? defaults.TopP,
        TopK = options.TopK ?? defaults.TopK,
        Seed = options.Seed is long seed ? unchecked((ulong)seed) : (ulong)Random.Shared.NextInt64(),
    };

    // A float of 0.7 means the double of 0.7, so that texts are those of the other ways to ask.
    private static double? Exact(float? value) => value is float number
        ? double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
        : null;

    private static void Refuse(ChatOptions options, DiffusionModel model)
    {
        const string Penalties = "Leave it out; temperature, top_p and top_k vary the text.";
        Require(options.FrequencyPenalty is null or 0, nameof(options.FrequencyPenalty), "0", Penalties);
        Require(options.PresencePenalty is null or 0, nameof(options.PresencePenalty), "0", Penalties);
        bool thinksNot = options.Reasoning?.Effort is null or ReasoningEffort.None;
        Require(thinksNot, nameof(options.Reasoning), "absent", "The additional properties steps and threshold set the effort.");
        const string Stateless = "Send the whole conversation each time.";
        Require(options.ConversationId is null, nameof(options.ConversationId), "absent", Stateless);
        Require(options.ContinuationToken is null, nameof(options.ContinuationToken), "absent", Stateless);
        Require(options.AllowBackgroundResponses is not true, nameof(options.AllowBackgroundResponses), "false", Stateless);
        bool isModel = options.ModelId is null || options.ModelId == model.Name;
        Require(isModel, nameof(options.ModelId), model.Name, "Leave it out, or ask a client of that model.");
    }

    private static void Require(bool holds, string option, string expected, string remedy)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the chat option {option} to be {expected}, found another value.", remedy);
        }
    }

    private static TextCanvas Layout(
        AIMessage[] messages,
        ChatOptions options,
        DiffusionModel model,
        DiffusionChatClientOptions settings,
        SamplerOptions sampler,
        ToolCalling? tools)
    {
        List<ChatMessage> turns = [.. messages.SelectMany(ReadMessage)];
        if (turns.Count == 0)
        {
            throw new CinnabarException("Expected at least one message, found none.", "Send what the model shall answer.");
        }

        if (options.Instructions is string instructions)
        {
            turns.Insert(0, new ChatMessage("system", instructions));
        }

        if (model.ChatTemplate is not null || !settings.ContinueWithoutTemplate)
        {
            return model.CanvasFor(turns, sampler.MaxNewTokens, variables: null, tools);
        }

        return turns is [{ Role: "user", Content: string prompt }]
            ? model.CanvasFor(prompt, sampler.MaxNewTokens)
            : throw new CinnabarException(
                $"Expected one user message for {model.Name}, which has no chat template and continues its text, found {turns.Count}: "
                + $"{string.Join(", ", turns.Take(4).Select(turn => turn.Role))}.",
                "Send one message, or use a model that was made for conversations.");
    }

    // Each result of a call is a message of its own.
    private static IEnumerable<ChatMessage> ReadMessage(AIMessage message, int index)
    {
        List<string> texts = [];
        List<string> thoughts = [];
        List<FunctionCallContent> calls = [];
        List<ChatMessage> results = [];
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextContent text:
                    texts.Add(text.Text);
                    break;
                case TextReasoningContent thought:
                    thoughts.Add(thought.Text);
                    break;
                case FunctionCallContent call:
                    calls.Add(call);
                    break;
                case FunctionResultContent result:
                    results.Add(RequestedTools.ResultOf(result));
                    break;
                case DenoisingStepContent or UsageContent: // of an earlier answer
                    break;
                default:
                    throw new CinnabarException(
                        $"Expected texts in message {index}, found a {content.GetType().Name}.",
                        "These models read texts only: leave it out.");
            }
        }

        bool isOnlyResults = results.Count > 0 && texts.Count == 0 && calls.Count == 0;
        return isOnlyResults ? results : results.Prepend(new ChatMessage(message.Role.Value, string.Concat(texts))
        {
            Name = message.AuthorName,
            ReasoningContent = thoughts.Count == 0 ? null : string.Concat(thoughts),
            ToolCalls = calls.Count == 0 ? null : RequestedTools.ToJson(calls),
        });
    }
}
