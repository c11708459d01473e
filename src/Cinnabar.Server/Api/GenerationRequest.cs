// What the generating endpoints have in common: model, sampler, stop texts, number of texts, stream, fork. Each endpoint adds its prompt
// and the length it asks for.
using System.Security.Cryptography;
using Cinnabar.Constraints;
using Cinnabar.Sampling;
using Cinnabar.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Cinnabar.Server.Api;

/// <summary>How a text is sent while it is written.</summary>
internal enum StreamKind
{
    /// <summary>Not at all: one answer at the end.</summary>
    None,

    /// <summary>What has settled, piece by piece.</summary>
    Settled,

    /// <summary>All of it as it stands, noise included, over and over.</summary>
    Diffusing,
}

/// <summary>The part of a request that all generating endpoints share.</summary>
internal sealed record GenerationRequest
{
    /// <summary>Largest seed: what JavaScript's numbers hold exactly.</summary>
    public const long MostSeed = (1L << 53) - 1;

    private const int MostTexts = 8;
    private const int MostStops = 16; // editors send a dozen for some models
    private const int LongestStop = 256;
    private const int MostAlternatives = 20;

    /// <summary>Who answers.</summary>
    public required ServedModel Model { get; init; }

    /// <summary>How; with the seed of the first text.</summary>
    public required SamplerOptions Options { get; init; }

    /// <summary>Texts asked for; the i-th has the seed of the first plus i.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Texts that end an answer and are not part of it.</summary>
    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary>How it is sent.</summary>
    public StreamKind Stream { get; init; }

    /// <summary>Whether a stream ends with a chunk of usage.</summary>
    public bool IncludesUsage { get; init; }

    /// <summary>Whether the chunks of a stream carry its steps.</summary>
    public bool IncludesSteps { get; init; }

    /// <summary>What the text of every hole must be that has no constraint of its own; null: anything.</summary>
    public Constraint? Constraint { get; init; }

    /// <summary>The field with <see cref="Constraint"/>.</summary>
    public string ConstraintParam { get; init; } = "response_format";

    /// <summary>The field with the constraint of each hole that has one of its own; empty, the default: none has.</summary>
    public IReadOnlyList<string?> HoleConstraintParams { get; init; } = [];

    /// <summary>The field that says how long holes become.</summary>
    public string LengthParam { get; init; } = "length";

    /// <summary>What is fixed on the canvas.</summary>
    public required Fork Fork { get; init; }

    /// <summary>What the engine has begun for the request, to which its texts belong; null, the default: nothing.</summary>
    public EngineWork? Begun { get; init; }

    /// <summary>Hands a text of the request to the engine.</summary>
    /// <exception cref="CinnabarException">An option does not fit the canvas or the model.</exception>
    /// <exception cref="EngineBusyException">There is no room, and nothing has begun.</exception>
    public DenoisingJob Submit(TextCanvas text, SamplerOptions options, StepDetail detail) =>
        Begun is null ? Model.Engine.Submit(text, options, detail) : Begun.Submit(text, options, detail);

    /// <summary>The model that a request names.</summary>
    /// <exception cref="ApiException">404: there is none of that name.</exception>
    public static ServedModel ModelOf(JsonFields fields, HttpContext http)
    {
        // llama.vscode sends an empty name where none is configured.
        string? id = fields.Get("model")?.Text(most: 256) is { Length: > 0 } named ? named : null;
        return http.RequestServices.GetRequiredService<ServedModels>().Find(id);
    }

    /// <summary>Reads the fields that all generating endpoints accept.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="model">The model.</param>
    /// <param name="defaults">Of the endpoint; null: the model's.</param>
    /// <exception cref="ApiException">400: one of them is wrong.</exception>
    public static GenerationRequest Read(JsonFields fields, ServedModel model, SamplerOptions? defaults = null)
    {
        bool streams = fields.Flag("stream") ?? false;
        bool diffuses = fields.Flag("diffusing") ?? false;
        JsonField? streamOptions = fields.Get("stream_options");
        int alternatives = fields.Integer("alternatives", 0, MostAlternatives) ?? 0;
        JsonFields? stream = streamOptions?.Object();
        stream?.Flag("include_obfuscation"); // padding against eavesdroppers: none is sent
        bool includesUsage = stream?.Flag("include_usage") ?? false;
        bool includesSteps = stream?.Flag("include_steps") ?? false;
        RequireStream(streams || !diffuses, "diffusing", "\"stream\": true beside it");
        RequireStream(streams || !(includesUsage || includesSteps), "stream_options", "\"stream\": true beside it");
        RequireStream(!(diffuses && includesSteps), "diffusing", "false beside include_steps, whose chunks append");
        RequireStream(includesSteps || alternatives == 0, "alternatives", "0 without \"stream_options\": {\"include_steps\": true}");
        DiffusionModel asked = model.Engine.Model;
        return new GenerationRequest
        {
            Model = model,
            Options = SamplerFields.Read(fields, asked.Denoiser.Noise, defaults ?? asked.DefaultOptions) with
            {
                Seed = fields.Get("seed")?.Integer(-1, MostSeed) is long seed and >= 0 ? (ulong)seed : RandomSeed(),
                Alternatives = alternatives,
            },
            Count = fields.Integer("n", 1, MostTexts) ?? 1,
            Stops = StopsOf(fields.Get("stop")),
            Stream = diffuses ? StreamKind.Diffusing : streams ? StreamKind.Settled : StreamKind.None,
            IncludesUsage = includesUsage,
            IncludesSteps = includesSteps,
            Constraint = ResponseFormat.Read(fields, model),
            Fork = Fork.Read(fields, asked),
        };
    }

    /// <summary>What the library refused, with the field that is at fault.</summary>
    /// <param name="error">The error.</param>
    /// <param name="otherwise">The field if neither a constraint nor an option is at fault; null: none.</param>
    public ApiException Refused(CinnabarException error, string? otherwise = null)
    {
        if (error.Hole is int hole)
        {
            string? own = hole < HoleConstraintParams.Count ? HoleConstraintParams[hole] : null;
            return ApiException.Invalid(error.Message, own ?? ConstraintParam);
        }

        ApiException refused = SamplerFields.Refused(error);
        return refused.Param is null ? ApiException.Invalid(refused.Message, otherwise) : refused;
    }

    /// <summary>The most tokens of an answer.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="model">Whose context is the limit.</param>
    /// <param name="names">What the API calls it; the first that is there counts.</param>
    /// <returns>Null: the request does not say.</returns>
    /// <exception cref="ApiException">400: it is out of range.</exception>
    public static int? MaxTokens(JsonFields fields, DiffusionModel model, params ReadOnlySpan<string> names)
    {
        int? tokens = null;
        foreach (string name in names)
        {
            int? named = fields.Integer(name, 1, model.Config.MaxSequenceLength);
            tokens ??= named;
        }

        return tokens;
    }

    // Where a request says nothing, or −1 as llama.cpp's clients do, every answer is another one; which, the answer tells.
    private static ulong RandomSeed() => (ulong)RandomNumberGenerator.GetInt32(int.MaxValue);

    private static IReadOnlyList<string> StopsOf(JsonField? field) => field switch
    {
        null => [],
        { IsText: true } => [field.Text(LongestStop, mayBeEmpty: false)],
        _ => [.. field.Items(0, MostStops).Select(stop => stop.Text(LongestStop, mayBeEmpty: false))],
    };

    private static void RequireStream(bool holds, string param, string expected)
    {
        if (!holds)
        {
            throw ApiException.Invalid($"Expected {param} only with a stream that can carry it: {expected}. Change one of them.", param);
        }
    }
}
