// What a training run is: one JSON file, every key optional but "corpus", "output" and "model", unknown keys refused.
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training;

/// <summary>Settings of a training run. JSON keys are the property names in snake_case.</summary>
public sealed partial record TrainingOptions
{
    /// <summary>Folder written by `cinnabar corpus`. Required.</summary>
    public string Corpus { get; set; } = "";

    /// <summary>Folder of the run: checkpoint, loss.csv, loss.svg and the finished model. Required.</summary>
    public string Output { get; set; } = "";

    /// <summary>Sizes of the network, with the keys of a LLaDA config.json. Required.</summary>
    public JsonElement Model { get; set; }

    /// <summary>
    /// Model whose weights the run starts from: a name under models/ or a folder, of the same sizes as <see cref="Model"/>.
    /// Default: random weights.
    /// </summary>
    public string? InitialModel { get; set; }

    /// <summary>
    /// What the network is trained to say: "masked_diffusion"; "block_diffusion" for a block-causal <see cref="Model"/>, or
    /// "autoregressive" for a causal one with shifted logits. Default "masked_diffusion".
    /// </summary>
    public string Objective { get; set; } = TrainingObjective.MaskedDiffusion;

    /// <summary>Optimiser steps in all. Default 1000.</summary>
    public int Steps { get; set; } = 1000;

    /// <summary>Sequences per optimiser step. Default 16.</summary>
    public int BatchSize { get; set; } = 16;

    /// <summary>Sequences per pass; gradients of BatchSize / MicroBatchSize passes add up. Default 4.</summary>
    public int MicroBatchSize { get; set; } = 4;

    /// <summary>L: tokens per sequence. Default 512.</summary>
    public int SequenceLength { get; set; } = 512;

    /// <summary>Highest learning rate. Default 1e-3.</summary>
    public double LearningRate { get; set; } = 1e-3;

    /// <summary>Learning rate at the end, as a share of the highest. Default 0.1.</summary>
    public double FinalLearningRateRatio { get; set; } = 0.1;

    /// <summary>Shape of the learning rate after warm-up: "wsd" (constant, then linear decay) or "cosine". Default "wsd".</summary>
    public string Schedule { get; set; } = "wsd";

    /// <summary>Steps of linear warm-up. Default 100.</summary>
    public int WarmupSteps { get; set; } = 100;

    /// <summary>Steps of the final decay of "wsd". Default 200.</summary>
    public int DecaySteps { get; set; } = 200;

    /// <summary>AdamW β1. Default 0.9.</summary>
    public double Beta1 { get; set; } = 0.9;

    /// <summary>AdamW β2. Default 0.98.</summary>
    public double Beta2 { get; set; } = 0.98;

    /// <summary>AdamW ε. Default 1e-8.</summary>
    public double AdamEpsilon { get; set; } = 1e-8;

    /// <summary>AdamW decoupled weight decay of matrices (norm weights have none). Default 0.1.</summary>
    public double WeightDecay { get; set; } = 0.1;

    /// <summary>Largest global gradient norm; longer gradients are scaled down. Default 1.</summary>
    public double ClipNorm { get; set; } = 1.0;

    /// <summary>Decay per step of the averaged weights that are shipped and evaluated. Default 0.999.</summary>
    public double EmaDecay { get; set; } = 0.999;

    /// <summary>
    /// Share of sequences as infilling sees them: with holes inside clean text, or laid out to fill in the middle if autoregressive.
    /// Default null: the objective's own, 0.25 or 0.5.
    /// </summary>
    public double? InfillShare { get; set; }

    /// <summary>Share of sequences with a clean prefix, as continuation sees them; diffusion only. Default 0.15.</summary>
    public double ContinuationShare { get; set; } = 0.15;

    /// <summary>Share of sequences of random length, so that short canvases are not foreign; diffusion only. Default 0.01.</summary>
    public double RandomLengthShare { get; set; } = 0.01;

    /// <summary>
    /// Of a corpus of examples: most tokens of padding, or of further ends of text, behind an answer that a diffusion network learns to
    /// say, so that a canvas may be longer than its answer; 0 for examples of fixed shape. Default 16.
    /// </summary>
    public int AnswerPadding { get; set; } = 16;

    /// <summary>ε: smallest masking probability; diffusion only. Default 1e-3.</summary>
    public double NoiseEpsilon { get; set; } = 1e-3;

    /// <summary>Largest masking probability; diffusion only. Default 1.</summary>
    public double MaxMaskRate { get; set; } = 1;

    /// <summary>
    /// What a masked token weighs at masking probability t: "elbo", 1/t, for the likelihood bound, or "linear", 1 − t, for planning;
    /// diffusion only. Default "elbo".
    /// </summary>
    public string TimeWeight { get; set; } = NoiseTimes.Elbo;

    /// <summary>
    /// Whether every run of wanted tokens, such as a hole, has a masking probability of its own instead of that of its sequence; masked
    /// diffusion only. Default false.
    /// </summary>
    public bool SeparateTimes { get; set; }

    /// <summary>
    /// Share of passes that are autoregressive: causal attention, and the loss of every next token; masked diffusion with shift_logits
    /// only. Default 0.
    /// </summary>
    public double CausalShare { get; set; }

    /// <summary>
    /// Share of sequences, or with <see cref="SeparateTimes"/> of runs, whose masks are their last wanted tokens instead of random ones;
    /// masked diffusion only. Default 0.
    /// </summary>
    public double TailShare { get; set; }

    /// <summary>
    /// Probability that two masks side by side become one that says the expand token, so that holes can grow (DreamOn: 0.5); masked
    /// diffusion only, and the tokenizer must have <c>&lt;|expand|&gt;</c>. Default 0.
    /// </summary>
    public double ExpandShare { get; set; }

    /// <summary>γ of the token reweighting (1 − p)^γ of a token said with probability p (MGDM); 0 leaves it out. Default 0.</summary>
    public double FocalGamma { get; set; }

    /// <summary>
    /// Rounding of matrix-product operands: "f32", "bf16", "int16" or "fastest", whichever of the 16-bit ones this processor multiplies
    /// faster. Default "fastest".
    /// </summary>
    public string Precision { get; set; } = "fastest";

    /// <summary>Seed of weights, data order and noise. Default 1.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>Steps between measurements on held-out text. Default 200.</summary>
    public int EvaluateEvery { get; set; } = 200;

    /// <summary>Held-out windows per measurement. Default 64.</summary>
    public int EvaluationWindows { get; set; } = 64;

    /// <summary>Steps between checkpoints. Default 100.</summary>
    public int CheckpointEvery { get; set; } = 100;

    /// <summary>The network's sizes.</summary>
    [JsonIgnore]
    public ModelConfig ModelConfig => ModelConfig.Parse("\"model\" of the training configuration", WithoutComments(Model));

    /// <summary>The rounding that <see cref="Precision"/> asks for.</summary>
    /// <param name="matMul">Decides what is fastest.</param>
    public MatMulPrecision MatMulPrecision(IMatMul matMul) => Precision switch
    {
        "f32" => Numerics.Kernels.MatMulPrecision.F32,
        "bf16" => Numerics.Kernels.MatMulPrecision.BF16,
        "int16" => Numerics.Kernels.MatMulPrecision.Int16,
        _ => matMul.Fastest,
    };

    /// <summary>Reads a configuration file; relative paths in it are relative to the current directory.</summary>
    /// <param name="path">The file.</param>
    /// <param name="change">Applied before values are checked: what the command line overrides.</param>
    /// <exception cref="CinnabarException">The file is missing, is not JSON, has an unknown key or a value out of range.</exception>
    public static TrainingOptions Load(string path, Action<TrainingOptions>? change = null)
    {
        if (!File.Exists(path))
        {
            throw new CinnabarException(
                $"The training configuration '{path}' does not exist.",
                "Give the path of a JSON file, for example recipes/text-12m.json.");
        }

        TrainingOptions options;
        try
        {
            byte[] json = [.. ByteOrderMark.Skip(File.ReadAllBytes(path))];
            RequireKnownKeys(path, json);
            options = JsonSerializer.Deserialize(json, TrainingJson.Default.TrainingOptions)
                ?? throw new JsonException("the file holds null instead of an object");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            string reason = e.Message.Replace(Environment.NewLine, " ", StringComparison.Ordinal);
            throw new CinnabarException(
                $"The training configuration '{path}' cannot be read: {reason}",
                "Correct it; docs/training.md describes every key.",
                e);
        }

        change?.Invoke(options);
        options.Validate();
        return options;
    }

    /// <summary>Writes the settings as JSON.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, TrainingJson.Default.TrainingOptions);

    // A config.json of its own may hold no comments; the raw text of the element does.
    private static byte[] WithoutComments(JsonElement value)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            value.WriteTo(json);
        }

        return text.ToArray();
    }

    // The serialiser would refuse unknown keys and values of another kind too, but in words about .NET types.
    private static void RequireKnownKeys(string path, byte[] json)
    {
        JsonDocumentOptions lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };
        using JsonDocument document = JsonDocument.Parse(json, lenient);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new CinnabarException(
                $"The training configuration '{path}' should be a JSON object, found {Shown(document.RootElement)}.",
                "Take one in recipes/ as an example.");
        }

        JsonPropertyInfo[] known = [.. TrainingJson.Default.TrainingOptions.Properties.Where(p => p.Set is not null)];
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            JsonPropertyInfo key = known.FirstOrDefault(p => p.Name == property.Name) ?? throw new CinnabarException(
                $"The training configuration '{path}' has the unknown key \"{property.Name}\".",
                $"Correct or remove it; the keys are {string.Join(", ", known.Select(p => p.Name))}.");
            string? expected = JsonKinds.ExpectedInstead(key.PropertyType, property.Value);
            Require(expected is null, property.Name, expected ?? "", property.Value.GetRawText());
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    WriteIndented = true)]
[JsonSerializable(typeof(TrainingOptions))]
[JsonSerializable(typeof(TrainingProgressMark))]
internal sealed partial class TrainingJson : JsonSerializerContext;
