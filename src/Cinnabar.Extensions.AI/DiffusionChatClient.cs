// A diffusion model as Microsoft.Extensions.AI's chat client. A stream brings, step after step,
//
//   update with a DenoisingStepContent and no text      what the step did; unless it was not wanted
//   update with text                                    what has settled since: all of them together are the answer
//   last update                                         finish reason, usage, and in its additional properties seed, steps, passes, seconds
//
// A response is its stream, joined, so the two never differ. A stop sequence ends the work as soon as it has settled.
using System.Runtime.CompilerServices;
using System.Text;
using Cinnabar.Chat;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace Cinnabar.Extensions.AI;

/// <summary>Answers conversations with the model of an engine. Thread-safe: requests share denoising passes.</summary>
public sealed class DiffusionChatClient : IChatClient
{
    private readonly ModelEngine _engine;
    private readonly DiffusionChatClientOptions _settings;
    private readonly ChatClientMetadata _metadata;
    private readonly ConstraintCache _constraints = new();

    /// <summary>Makes a client.</summary>
    /// <param name="engine">The caller's: disposing the client leaves it running.</param>
    /// <param name="settings">Null: the defaults.</param>
    public DiffusionChatClient(ModelEngine engine, DiffusionChatClientOptions? settings = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        (_engine, _settings) = (engine, settings ?? new DiffusionChatClientOptions());
        _metadata = new ChatClientMetadata("cinnabar", providerUri: null, engine.Model.Name);
    }

    private DiffusionModel Model => _engine.Model;

    /// <summary>Answers a conversation.</summary>
    /// <param name="messages">Oldest first; texts only.</param>
    /// <param name="options">
    /// Temperature, TopP, TopK, Seed (null: a random one), StopSequences, MaxOutputTokens, Instructions, ModelId, ResponseFormat (JSON by
    /// a schema is always valid), Tools, ToolMode, AllowMultipleToolCalls (false: the first call alone), and sampler options by name in
    /// AdditionalProperties (steps, threshold, block_length …); a RawRepresentationFactory may give the SamplerOptions to start from. Null:
    /// the model's.
    /// </param>
    /// <param name="cancellationToken">Gives the answer up before its next step.</param>
    /// <exception cref="CinnabarException">Something cannot be honoured, or is out of range.</exception>
    /// <exception cref="EngineBusyException">Too many texts wait, or the engine has been stopped.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, or the engine has been stopped.</exception>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, mayShowSteps: false, cancellationToken).ToChatResponseAsync(cancellationToken);
    }

    /// <summary>Answers a conversation piece by piece.</summary>
    /// <inheritdoc cref="GetResponseAsync"/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return StreamAsync(messages, options, mayShowSteps: true, cancellationToken);
    }

    /// <summary>Gives the metadata, the engine, its model, or the client itself.</summary>
    /// <param name="serviceType">What is wanted.</param>
    /// <param name="serviceKey">Nothing is known by a key.</param>
    /// <returns>Null: there is no such service.</returns>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        object[] known = [_metadata, this, _engine, Model];
        return serviceKey is null ? Array.Find(known, serviceType.IsInstanceOfType) : null;
    }

    /// <summary>Does nothing: the engine is its maker's.</summary>
    public void Dispose()
    {
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        IEnumerable<ChatMessage> messages,
        ChatOptions? options,
        bool mayShowSteps,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        ChatRequest request = ChatRequest.Read(messages, options?.Clone() ?? new ChatOptions(), this, Model, _settings, _constraints);
        bool showsSteps = mayShowSteps && request.IncludeSteps;
        SettledText settled = new(request.Text, Model.Tokenizer, hole: 0, request.Stops);
        StringBuilder held = new();
        UpdateMaker make = new(Guid.NewGuid().ToString("N"), Model.Name, DateTimeOffset.UtcNow);
        cancellation.ThrowIfCancellationRequested();
        DenoisingJob job = _engine.Submit(request.Text, request.Options, showsSteps ? StepDetail.All : StepDetail.Newest);
        try
        {
            DenoisingStep? last = null;
            await foreach (DenoisingStep step in job.StepsAsync(cancellation).ConfigureAwait(false))
            {
                last = step;
                if (showsSteps)
                {
                    yield return make.Update([DenoisingStepContent.Of(step, request.Text, Model.Tokenizer)]);
                }

                if (Shown(settled.Append(step)) is { Length: > 0 } piece)
                {
                    yield return make.Update([new TextContent(piece)]);
                }

                if (settled.IsStopped)
                {
                    break;
                }
            }

            GenerationResult? result = null; // null: a stop ended the work
            if (!settled.IsStopped)
            {
                result = await job.Completion.ConfigureAwait(false);
                if (Shown(settled.Finish(result)) is { Length: > 0 } rest)
                {
                    yield return make.Update([new TextContent(rest)]);
                }
            }

            (string text, IReadOnlyList<ToolCall> calls) = request.Tools?.Read(held.ToString()) ?? ("", []);
            if (text.Length > 0)
            {
                yield return make.Update([new TextContent(text)]);
            }

            if (calls.Count > 0)
            {
                yield return make.Update([.. calls.Select((call, i) => RequestedTools.ContentOf(call, $"{make.Id}-{i}"))]);
            }

            ChatResponseUpdate end = make.Last(request, settled, last, result);
            end.FinishReason = calls.Count > 0 ? ChatFinishReason.ToolCalls : end.FinishReason;
            yield return end;
        }
        finally
        {
            job.Cancel();
        }

        // Where tools may be called, only the whole answer shows whether it is text.
        string Shown(string piece)
        {
            if (request.Tools is null)
            {
                return piece;
            }

            held.Append(piece);
            return "";
        }
    }

    private sealed record UpdateMaker(string Id, string Model, DateTimeOffset Created)
    {
        public ChatResponseUpdate Update(IList<AIContent> contents) => new(ChatRole.Assistant, contents)
        {
            ResponseId = Id,
            MessageId = Id,
            ModelId = Model,
            CreatedAt = Created,
        };

        public ChatResponseUpdate Last(ChatRequest request, SettledText settled, DenoisingStep? last, GenerationResult? result)
        {
            // A stopped text is still in the engine's hands; the step's canvas is ours. Its tokens are those that the text needs, whichever
            // step showed the stop, so that reading slowly does not change their number.
            Canvas canvas = last?.Canvas ?? request.Text.Canvas;
            int room = canvas.Holes[0].Length;
            IReadOnlyList<int> ids = result?.Holes[0].TokenIds ?? canvas.SettledTextOf(hole: 0, last!.FinalBefore).ToArray();
            int written = settled.TokensOf([.. ids]);
            UsageDetails usage = new()
            {
                InputTokenCount = canvas.Length - room,
                OutputTokenCount = written,
                TotalTokenCount = canvas.Length - room + written,
            };
            ChatResponseUpdate update = Update([new UsageContent(usage)]);
            bool isWhole = settled.IsStopped || written < request.Text.MostTokensOf(hole: 0) || request.Text.IsConstrained(hole: 0);
            update.FinishReason = isWhole ? ChatFinishReason.Stop : ChatFinishReason.Length;
            update.AdditionalProperties = new AdditionalPropertiesDictionary
            {
                ["seed"] = request.Options.Seed,
                ["steps"] = last?.Step ?? 0,
                ["passes"] = last?.ForwardPasses ?? 0,
                ["seconds"] = (DateTimeOffset.UtcNow - Created).TotalSeconds,
            };
            return update;
        }
    }
}
