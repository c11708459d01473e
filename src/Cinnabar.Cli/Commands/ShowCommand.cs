// cinnabar show [MODEL]: what a model folder holds.
using System.CommandLine;
using System.Text;
using System.Text.Json;

namespace Cinnabar.Cli.Commands;

internal static class ShowCommand
{
    private static readonly string[] s_files =
    [
        "config.json", "generation_config.json", "tokenizer.json", "model.safetensors", "README.md",
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
            DiffusionModel model = DiffusionModel.Load(parsed.GetValue(name)!);
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

    private static void WriteMembers(Utf8JsonWriter json, DiffusionModel model)
    {
        json.WriteString("model", model.Name);
        json.WriteString("path", model.Path);
        json.WriteNumber("parameters", model.Config.ParameterCount);
        json.WriteNumber("non_embedding_parameters", model.Config.NonEmbeddingParameterCount);
        json.WritePropertyName("config");
        json.WriteRawValue(model.Config.ToJson());
        json.WritePropertyName("generation_config");
        json.WriteRawValue(model.GenerationConfig.ToJson());
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

    private static void Print(DiffusionModel model)
    {
        var config = model.Config;
        StringBuilder text = new();
        Line("model", model.Name);
        Line("path", TerminalText.Safe(model.Path));
        Line("parameters", $"{config.ParameterCount:N0} ({config.NonEmbeddingParameterCount:N0} in matrix products)");
        Line(
            "network",
            $"{config.NumHiddenLayers} layers, width {config.HiddenSize}, {config.NumAttentionHeads} heads, "
            + $"feed-forward {config.IntermediateSize}");
        Line("attention", $"{config.AttentionKind}, {config.NumKeyValueHeads} key/value heads, rotary base {config.RopeTheta:G}");
        Line("context", $"{config.MaxSequenceLength} tokens");
        IEnumerable<string> special = SpecialTokens(model).Select(t => $"{TerminalText.Safe(t.Token)} = {t.Id}");
        Line("tokenizer", $"{model.Tokenizer.VocabularySize} tokens; {string.Join(", ", special)}");
        string settings = string.Join(", ", Settings(model.GenerationConfig.ToJson()));
        Line("sampling", settings.Length > 0 ? settings : "no settings of its own");
        Line("licence", TerminalText.Safe(Licence(model) ?? "not stated in README.md"));
        foreach (FileInfo file in Files(model))
        {
            Line(file.Name, $"{file.Length:N0} bytes");
        }

        Console.Out.Write(text.ToString());

        void Line(string name, string value) => text.Append($"{name,-24}{value}\n");
    }

    private static IEnumerable<string> Settings(byte[] json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return [.. document.RootElement.EnumerateObject().Select(p => $"{p.Name} {p.Value}")];
    }

    private static IEnumerable<(string Token, int Id)> SpecialTokens(DiffusionModel model) =>
        Enumerable.Range(0, model.Tokenizer.VocabularySize)
            .Where(model.Tokenizer.IsSpecial)
            .Select(id => (model.Tokenizer.TokenText(id), id));

    private static IEnumerable<FileInfo> Files(DiffusionModel model) =>
        s_files.Select(name => new FileInfo(Path.Combine(model.Path, name))).Where(file => file.Exists);

    // The line "license: …" of the front matter of the model card, spelled as Hugging Face does.
    private static string? Licence(DiffusionModel model)
    {
        const string Key = "license:";
        string card = Path.Combine(model.Path, "README.md");
        string[] lines = File.Exists(card) ? [.. File.ReadLines(card).Take(100)] : [];
        IEnumerable<string> frontMatter = lines is ["---", ..] ? lines.Skip(1).TakeWhile(line => line != "---") : [];
        return frontMatter.FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal))?[Key.Length..].Trim();
    }
}
