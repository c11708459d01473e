// The tools of `cinnabar mcp` and what calls of them do. A call that cannot be answered gives a tool error with a sentence that says what
// to change, so that the assistant can try again; only a tool that does not exist is an error of the protocol. The model works on one call
// at a time; a cancelled call ends before its next pass.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Numerics;
using Cinnabar.Cli.Commands;
using Cinnabar.Models;
using Cinnabar.Sampling;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Cinnabar.Cli;

/// <summary>Completing, infilling and scoring with one model. Thread-safe.</summary>
internal sealed class McpTools(DiffusionModel model) : IDisposable
{
    private const int MostCharacters = 1_000_000;
    private const int MostScoredCharacters = 100_000;
    private const int MostSamples = 256;
    private const int DefaultSamples = 8;
    private const long MostSeed = (1L << 53) - 1; // exact in every JSON reader

    private readonly SemaphoreSlim _oneCall = new(1);

    /// <summary>The tools, with the schemas of their arguments.</summary>
    public IReadOnlyList<Tool> All { get; } =
    [
        Describe(
            "complete",
            "Continue a text",
            $"Continues a text with the diffusion language model {model.Name}. Returns the continuation alone.",
            ["prompt"],
            [
                ("prompt", Text("The text so far; empty: the model writes from nothing.", MostCharacters)),
                ("max_tokens", Whole(
                    $"Length of the continuation, at most. Default: {model.DefaultOptions.MaxNewTokens}.",
                    1,
                    model.Config.MaxSequenceLength)),
                .. SamplerProperties(model),
            ]),
        Describe(
            "infill",
            "Fill holes in a text",
            $"Fills holes in a text or code with the diffusion language model {model.Name}, looking at both sides of each. Returns the "
            + "whole text; everything outside of the holes is unchanged.",
            ["text"],
            [
                ("text", Text("The text, with <fill> (at most 32 tokens) or <fill:N> (at most N tokens) at each hole.", MostCharacters)),
                .. SamplerProperties(model),
            ]),
        Describe(
            "score",
            "Measure how predictable a text is",
            $"Measures how well the diffusion language model {model.Name} predicts a text, in bits per byte: lower is more like what it "
            + "was trained on.",
            ["text"],
            [
                ("text", Text("The text, not empty.", MostScoredCharacters)),
                ("samples", Whole($"Passes a window of text; more are more exact. Default {DefaultSamples}.", 1, MostSamples)),
                ("seed", Whole("Start of the random masks. Default 0.", 0, MostSeed)),
            ]),
    ];

    /// <summary>Calls a tool.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="given">Its arguments; null: none.</param>
    /// <param name="cancellation">Gives the call up.</param>
    /// <returns>The answer, or a tool error.</returns>
    /// <exception cref="McpProtocolException">There is no such tool.</exception>
    public async Task<CallToolResult> CallAsync(string name, IDictionary<string, JsonElement>? given, CancellationToken cancellation)
    {
        Func<McpArguments, CancellationToken, CallToolResult> call = name switch
        {
            "complete" => Complete,
            "infill" => Infill,
            "score" => Score,
            _ => throw new McpProtocolException(
                $"Expected a tool ({string.Join(", ", All.Select(tool => tool.Name))}), found another name. Ask tools/list for them.",
                McpErrorCode.InvalidParams),
        };
        await _oneCall.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await Task.Run(() => call(new McpArguments(given), cancellation), cancellation).ConfigureAwait(false);
        }
        catch (CinnabarException error)
        {
            return new CallToolResult { IsError = true, Content = [new TextContentBlock { Text = error.Message }] };
        }
        catch (DeviceException error)
        {
            return new CallToolResult { IsError = true, Content = [new TextContentBlock { Text = error.InWords }] };
        }
        finally
        {
            _oneCall.Release();
        }
    }

    public void Dispose() => _oneCall.Dispose();

    private CallToolResult Complete(McpArguments arguments, CancellationToken cancellation)
    {
        string prompt = arguments.RequiredText("prompt", MostCharacters);
        SamplerOptions options = Options(arguments);
        int? most = (int?)arguments.Whole("max_tokens", 1, model.Config.MaxSequenceLength);
        arguments.RequireNoOther();
        GenerationResult result = model.Generate(
            prompt, options with { MaxNewTokens = most ?? options.MaxNewTokens }, cancellation: cancellation);
        return Answer(result.Holes[0].Text, result, []);
    }

    private CallToolResult Infill(McpArguments arguments, CancellationToken cancellation)
    {
        string text = arguments.RequiredText("text", MostCharacters);
        SamplerOptions options = Options(arguments);
        arguments.RequireNoOther();
        GenerationResult result = model.Infill(text, options, cancellation: cancellation);
        JsonNode[] holes = [.. result.Holes.Select(hole => new JsonObject
        {
            ["index"] = hole.Index,
            ["text"] = hole.Text,
            ["tokens"] = hole.TokenIds.Count,
        })];
        return Answer(result.Text, result, [new("holes", new JsonArray(holes))]);
    }

    private CallToolResult Score(McpArguments arguments, CancellationToken cancellation)
    {
        string text = arguments.RequiredText("text", MostScoredCharacters);
        int samples = (int)(arguments.Whole("samples", 1, MostSamples) ?? DefaultSamples);
        ulong seed = (ulong)(arguments.Whole("seed", 0, MostSeed) ?? 0);
        arguments.RequireNoOther();
        ScoreCommand.Score score = ScoreCommand.Measure(model, text, samples, seed, cancellation);
        (double bits, double error) = (score.BitsPerByte.Nats, score.BitsPerByte.StandardError);
        return Result(
            score.Exact ? $"{bits:F4} bits per byte, exact" : $"{bits:F4} ± {error:F4} bits per byte",
            new JsonObject
            {
                ["bits_per_byte"] = bits,
                ["standard_error"] = error,
                ["exact"] = score.Exact,
                ["bytes"] = score.Bytes,
                ["tokens"] = score.Tokens,
                ["model"] = model.Name,
            });
    }

    private static int MostSteps(DiffusionModel model) =>
        model.Denoiser.Noise == NoiseKind.Uniform ? UniformOptions.MaximumSteps : SamplerOptions.MaximumCount;

    private SamplerOptions Options(McpArguments arguments)
    {
        // Arguments that nobody reads here are refused like any that a tool does not have.
        SamplerOptions options = model.DefaultOptions;
        options = options with { Seed = (ulong)(arguments.Whole("seed", 0, MostSeed) ?? 0) };
        if (!model.Config.IsAutoregressive && (int?)arguments.Whole("steps", 1, MostSteps(model)) is int steps)
        {
            options = model.Denoiser.Noise == NoiseKind.Uniform
                ? options with { Uniform = options.Uniform with { Steps = steps } }
                : options with { Steps = steps };
        }

        if (model.Denoiser.Noise != NoiseKind.Mask)
        {
            return options;
        }

        options = options with
        {
            Temperature = arguments.Number("temperature", 0, 100) ?? options.Temperature,
            TopP = arguments.Number("top_p", 0, 1) is double share ? (share == 0 ? null : share) : options.TopP,
        };
        if (model.Config.IsAutoregressive)
        {
            return options;
        }

        options = arguments.Number("threshold", 0, 1) switch
        {
            null => options,
            0 => options with { Threshold = null },
            double threshold => options.ByThreshold(threshold),
        };
        return options.WithoutDraftsOf(model.DefaultOptions);
    }

    private CallToolResult Answer(string text, GenerationResult result, KeyValuePair<string, JsonNode?>[] further) => Result(
        text,
        new JsonObject(
        [
            new("text", text),
            .. further,
            new("new_tokens", result.NewTokens),
            new("steps", result.Steps),
            new("passes", result.ForwardPasses),
            new("seconds", Math.Round(result.Elapsed.TotalSeconds, 4)),
            new("seed", result.Seed),
            new("omitted_tokens", result.OmittedTokens),
            new("model", result.Model),
        ]));

    private static CallToolResult Result(string text, JsonObject structured) => new()
    {
        Content = [new TextContentBlock { Text = text }],
        StructuredContent = JsonSerializer.SerializeToElement(structured),
    };

    // Temperatures and thresholds are about drawing tokens for masks; steps and thresholds about how many are written at once, which is one
    // with an autoregressive model.
    private static (string Name, JsonObject Schema)[] SamplerProperties(DiffusionModel model)
    {
        SamplerOptions standard = model.DefaultOptions;
        int? steps = model.Denoiser.Noise == NoiseKind.Uniform ? standard.Uniform.Steps : standard.Steps;
        bool hasMasks = model.Denoiser.Noise == NoiseKind.Mask;
        List<(string, JsonObject)> properties = [];
        if (hasMasks)
        {
            properties.Add(("temperature", Number(
                $"0 takes the most probable token; higher is more varied. Default: {Shown(standard.Temperature, "0")}.", 0, 100)));
            properties.Add(("top_p", Number(
                $"Draws only from the most probable tokens that sum to this; 0: off. Default: {Shown(standard.TopP, "off")}.", 0, 1)));
        }

        if (hasMasks && !model.Config.IsAutoregressive)
        {
            properties.Add(("threshold", Number(
                "Also writes every token at least this sure, so fewer steps are needed; 0.9 is usual, 0: off. "
                + $"Default: {Shown(standard.Threshold, "off")}.",
                0,
                1)));
        }

        if (!model.Config.IsAutoregressive)
        {
            properties.Add(("steps", Whole(
                $"Denoising steps. Default: {Shown(steps, standard.DraftTokens is null ? "one per token" : "as few as the drafts allow")}.",
                1,
                MostSteps(model))));
        }

        properties.Add(("seed", Whole("Start of the random numbers; the same seed gives the same text. Default 0.", 0, MostSeed)));
        return [.. properties];

        static string Shown(double? value, string none) => value?.ToString(CultureInfo.InvariantCulture) ?? none;
    }

    private static Tool Describe(
        string name, string title, string description, string[] required, (string Name, JsonObject Schema)[] properties) => new()
    {
        Name = name,
        Title = title,
        Description = description,
        InputSchema = JsonSerializer.SerializeToElement(new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(properties.Select(property => KeyValuePair.Create(property.Name, (JsonNode?)property.Schema))),
            ["required"] = new JsonArray([.. required.Select(one => (JsonNode)one)]),
            ["additionalProperties"] = false,
        }),
        Annotations = new ToolAnnotations { ReadOnlyHint = true, IdempotentHint = true, OpenWorldHint = false, DestructiveHint = false },
    };

    private static JsonObject Text(string description, int most) =>
        new() { ["type"] = "string", ["description"] = description, ["maxLength"] = most };

    private static JsonObject Whole(string description, long least, long most) =>
        new() { ["type"] = "integer", ["description"] = description, ["minimum"] = least, ["maximum"] = most };

    private static JsonObject Number(string description, double least, double most) =>
        new() { ["type"] = "number", ["description"] = description, ["minimum"] = least, ["maximum"] = most };
}
