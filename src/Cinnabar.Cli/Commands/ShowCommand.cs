// cinnabar show [MODEL]: what a model folder holds.
using System.CommandLine;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli.Commands;

internal static class ShowCommand
{
    private const int MostTokens = 12;

    private static readonly string[] s_files =
    [
        "config.json", "generation_config.json", "tokenizer.json", LengthBias.FileName, "*.safetensors", "model.safetensors.index.json",
        "README.md",
    ];

    public static Command Create()
    {
        Argument<string> name = new("model")
        {
            Description = "Name of a model under models/, or path of a model folder.",
            DefaultValueFactory = _ => ModelArguments.DefaultModel,
        };
        Option<bool> json = new("--json") { Description = "Print one JSON object. [default: lines for people]" };
        Command command = new("show", "Describe a model: sizes, files, tokenizer, sampling defaults, licence.") { name, json };
        command.SetWork((parsed, _) =>
        {
            Checkpoint checkpoint = Checkpoint.Open(ModelLocator.Find(parsed.GetValue(name)!));
            Shown model = new(checkpoint, checkpoint.LoadTokenizer());
            if (parsed.GetValue(json))
            {
                ResultWriter.WriteJson(writer => WriteMembers(writer, model));
            }
            else
            {
                Print(model);
            }

            return 0;
        });
        return command;
    }

    private static void WriteMembers(Utf8JsonWriter json, Shown model)
    {
        json.WriteString("model", model.Checkpoint.Name);
        json.WriteString("path", model.Checkpoint.Path);
        json.WriteNumber("parameters", model.Checkpoint.Config.ParameterCount);
        json.WriteNumber("non_embedding_parameters", model.Checkpoint.Config.NonEmbeddingParameterCount);
        json.WriteString("family", model.Checkpoint.Config.Family.Name);
        WriteNetwork(json, model.Checkpoint.Config);
        string config = Path.Combine(model.Checkpoint.Path, "config.json");
        if (File.Exists(config))
        {
            json.WritePropertyName("config");
            json.WriteRawValue(File.ReadAllText(config));
        }

        json.WritePropertyName("generation_config");
        json.WriteRawValue(model.Checkpoint.GenerationConfig.ToJson());
        json.WriteStartObject("tokenizer");
        json.WriteNumber("vocabulary_size", model.Tokenizer.VocabularySize);
        json.WriteStartObject("special_tokens");
        foreach ((string token, int id) in SpecialTokens(model))
        {
            json.WriteNumber(token, id);
        }

        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteStartArray("files");
        foreach (FileInfo file in Files(model))
        {
            json.WriteStartObject();
            json.WriteString("name", file.Name);
            json.WriteNumber("bytes", file.Length);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("licence", Licence(model));
    }

    private static void WriteNetwork(Utf8JsonWriter json, ModelConfig config)
    {
        json.WriteStartObject("network");
        json.WriteNumber("layers", config.NumHiddenLayers);
        json.WriteNumber("width", config.HiddenSize);
        json.WriteNumber("heads", config.NumAttentionHeads);
        json.WriteNumber("key_value_heads", config.NumKeyValueHeads);
        json.WriteNumber("head_size", config.HeadSize);
        json.WriteNumber("feed_forward", config.IntermediateSize);
        json.WriteNumber("vocabulary_size", config.VocabularySize);
        json.WriteNumber("context", config.MaxSequenceLength);
        if (!config.LearnedPositions)
        {
            json.WriteNumber("rope_theta", config.RopeTheta);
        }

        json.WriteString("attention", config.AttentionKind.ToString());
        json.WriteBoolean("shift_logits", config.ShiftLogits);
        json.WriteBoolean("closes_holes", config.ClosesHoles);
        json.WriteBoolean("causal_infill", config.CausalInfill);
        json.WriteNumber("mask_token_id", config.MaskTokenId);
        json.WriteStartArray("end_token_ids");
        foreach (int id in (IEnumerable<int>)[config.EosTokenId, .. config.AlsoEndText])
        {
            json.WriteNumberValue(id);
        }

        json.WriteEndArray();
        if (config.Experts is { } experts)
        {
            json.WriteNumber("experts", experts.Count);
            json.WriteNumber("active_experts", experts.ActiveCount);
        }

        json.WriteEndObject();
    }

    private static void Print(Shown model)
    {
        var config = model.Checkpoint.Config;
        StringBuilder text = new();
        Line("model", model.Checkpoint.Name);
        Line("path", TerminalText.Safe(model.Checkpoint.Path));
        Line("family", config.Family.Name);
        Line("parameters", $"{config.ParameterCount:N0} ({config.NonEmbeddingParameterCount:N0} in matrix products)");
        Line(
            "network",
            $"{config.NumHiddenLayers} layers, width {config.HiddenSize}, {config.NumAttentionHeads} heads, "
            + (config.Experts is { } e
                ? $"{e.ActiveCount} of {e.Count} experts of {e.IntermediateSize}"
                    + (e.SharedIntermediateSize is int shared ? $" and a shared one of {shared}" : "")
                : $"feed-forward {config.IntermediateSize}"));
        string assumed = config.AttentionBlockIsAssumed ? " (config.json does not say how many)" : "";
        string blocks = config.AttentionKind == AttentionKind.BlockCausal ? $" in blocks of {config.AttentionBlockSize}{assumed}" : "";
        Line(
            "attention",
            $"{config.AttentionKind}{blocks}, {config.NumKeyValueHeads} key/value heads of {config.HeadSize}, "
            + (config.LearnedPositions ? "learned positions" : $"rotary base {config.RopeTheta:G}"));
        Line("logits", config.ShiftLogits ? "of the next position (shifted)" : "of the same position");
        if (config.ClosesHoles)
        {
            Line("holes", "closed by a padding token where their text may end before");
        }

        if (config.CausalInfill)
        {
            Line("holes", "also filled left to right");
        }

        string ends = string.Join(", ", config.AlsoEndText.Prepend(config.EosTokenId));
        Line("ids", $"mask {config.MaskTokenId}, end {ends}, pad {config.PadTokenId}");
        Line("context", $"{config.MaxSequenceLength} tokens");
        IEnumerable<string> special = SpecialTokens(model).Select(t => $"{TerminalText.Safe(t.Token)} = {t.Id}");
        string others = special.Count() > MostTokens ? $" and {special.Count() - MostTokens} more" : "";
        Line("tokenizer", $"{model.Tokenizer.VocabularySize} tokens; {string.Join(", ", special.Take(MostTokens))}{others}");
        foreach (string message in model.Checkpoint.GenerationConfig.PassedOver ?? [])
        {
            Line("passed over", TerminalText.Safe(message));
        }

        string settings = string.Join(", ", Settings(model.Checkpoint.DefaultOptions));
        Line("sampling", settings.Length > 0 ? settings : "no settings of its own");
        Line("chat template", model.Checkpoint.ChatTemplateFor(model.Tokenizer) is null ? "none" : "there is one");
        Line("licence", TerminalText.Safe(Licence(model) ?? "not stated in README.md"));
        foreach (FileInfo file in Files(model))
        {
            Line(file.Name, $"{file.Length:N0} bytes");
        }

        Console.Out.Write(text.ToString());

        void Line(string name, string value) => text.Append($"{name,-24}{value}\n");
    }

    // What differs from the sampler's own defaults.
    private static IEnumerable<string> Settings(SamplerOptions options)
    {
        SamplerOptions standard = new();
        foreach (PropertyInfo property in typeof(SamplerOptions).GetProperties())
        {
            object? value = property.GetValue(options);
            if (!Equals(value, property.GetValue(standard)))
            {
                string name = JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
                string text = value is Enum ? JsonNamingPolicy.SnakeCaseLower.ConvertName($"{value}")
                    : string.Create(CultureInfo.InvariantCulture, $"{value}");
                yield return $"{name} {text}";
            }
        }
    }

    private static IEnumerable<(string Token, int Id)> SpecialTokens(Shown model) =>
        Enumerable.Range(0, model.Tokenizer.VocabularySize)
            .Where(model.Tokenizer.IsSpecial)
            .Select(id => (model.Tokenizer.TokenText(id), id));

    private static IEnumerable<FileInfo> Files(Shown model) => File.Exists(model.Checkpoint.Path)
        ? [new FileInfo(model.Checkpoint.Path)]
        : s_files
            .SelectMany(name => Directory.GetFiles(model.Checkpoint.Path, name).Order(StringComparer.Ordinal))
            .Select(path => new FileInfo(path));

    // The line "license: …" of the front matter of the model card, spelled as Hugging Face does.
    private static string? Licence(Shown model)
    {
        const string Key = "license:";
        string card = Path.Combine(model.Checkpoint.Path, "README.md");
        string[] lines = File.Exists(card) ? [.. File.ReadLines(card).Take(100)] : [];
        IEnumerable<string> frontMatter = lines is ["---", ..] ? lines.Skip(1).TakeWhile(line => line != "---") : [];
        return frontMatter.FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))?[Key.Length..].Trim();
    }

    // The weights are checked but not read.
    private sealed record Shown(Checkpoint Checkpoint, Tokenizer Tokenizer);
}
