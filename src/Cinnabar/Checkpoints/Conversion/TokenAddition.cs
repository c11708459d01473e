// A model folder with one special token more, for training it further with a token that it does not know yet.
//
//   tokenizer.json   the token behind all others in added_tokens, with the first id that no token has and no key of config.json names
//                    (some tokenizers lack the mask); made out of vocab.json and merges.txt where there is none
//   config.json      vocab_size one more, and embedding_size, the rows of the table, as large as it takes, in steps of 8; where there is no
//                    embedding_size vocab_size says the rows. Both as they were where there are spare rows. What then would mean another
//                    mask or another number of rows is refused: some families derive the one from the other, or have other keys
//   weights          embedding table and head get rows with the mean of all rows: what says nothing of the token, neither for it nor
//                    against it, and has the length of a typical word's row at most; other tensors and files stay as they are
//
// Source of the mean: Hewitt, "Initializing new word embeddings for pretrained language models", 2021.
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints.Conversion;

/// <summary>Adds special tokens to models.</summary>
public static class TokenAddition
{
    private const int RowStep = 8;
    private const int MaxCopiedBytes = 256 << 20;
    private const string SavedTokenizer = "the tokenizer.json to be saved";

    /// <summary>Writes a folder atomically.</summary>
    /// <param name="source">A folder with floating-point weights.</param>
    /// <param name="path">The folder, which must not exist.</param>
    /// <param name="content">Text of the token.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <returns>The id of the token.</returns>
    /// <exception cref="CinnabarException">
    /// The model has the token already, its weights are integers, its config.json has no place for one more, something is at the path, or
    /// it could not be written.
    /// </exception>
    public static int Write(ModelFolder source, string path, string content, IProgress<WritingProgress>? progress = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(content);
        if (source.Config.Quantization is { } integers)
        {
            throw new CinnabarException(
                $"{source.Path}: expected floating-point weights, found {integers.Type}.", "Add the token to the model it was made from.");
        }

        NewPath.Require(path);
        Tokenizer tokenizer = source.LoadTokenizer();
        if (tokenizer.TokenToId(content) is int known)
        {
            throw new CinnabarException(
                $"{source.Path}: expected a tokenizer without the token {ErrorText.Quote(content)}, found it as {known}.",
                "Use the model as it is.");
        }

        int id = FreeId(tokenizer.VocabularySize, source);
        byte[] tokenizerJson = WithToken(tokenizer, content, id);
        TokenizerReader.Parse(SavedTokenizer, tokenizerJson); // nothing is saved that cannot be loaded
        int rows = id < source.Config.EmbeddingSize ? source.Config.EmbeddingSize : (id + RowStep) / RowStep * RowStep;
        byte[] configJson = ConfigOf(source, tokenizerJson, id, rows);

        using SafetensorsWeights weights = SafetensorsWeights.Open(source.WeightsPath, source.Config);
        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write("config.json", configJson);
        folder.Write(ModelFolder.TokenizerFile, tokenizerJson);
        IEnumerable<string> others = ModelFolder.TextFiles.Where(file => file != ModelFolder.TokenizerFile);
        foreach (string file in others.Where(file => File.Exists(Path.Combine(source.Path, file))))
        {
            folder.Write(file, InputFile.ReadAll(Path.Combine(source.Path, file), "part of the model", MaxCopiedBytes));
        }

        IEnumerable<PlacedTensor> tensors = PlacedTensor.All(source.Config, source.Config.Family.PlaceOf);
        SafetensorsFolder.Write(folder, [.. tensors.Select(tensor => SourceOf(tensor, rows, weights))], progress);
        folder.Commit();
        return id;
    }

    private static int FreeId(int first, ModelFolder source)
    {
        ModelConfig config = source.Config;
        int[] taken =
        [
            config.MaskTokenId, config.EosTokenId, config.PadTokenId, config.BosTokenId ?? first - 1, .. config.AlsoEndText,
            .. config.Gemma?.ImageTokenIds ?? [], .. source.GenerationConfig.EosTokenIds ?? [],
        ];
        int id = first;
        while (taken.Contains(id))
        {
            id++;
        }

        return id;
    }

    // As it was read: a folder's tokenizer always has its text.
    private static byte[] WithToken(Tokenizer tokenizer, string content, int id)
    {
        JsonNode json = JsonNode.Parse(tokenizer.Definition.Json!)!;
        json["added_tokens"] ??= new JsonArray();
        json["added_tokens"]!.AsArray().Add((JsonNode)new JsonObject
        {
            ["id"] = id,
            ["content"] = content,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        });
        return Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    private static byte[] ConfigOf(ModelFolder source, byte[] tokenizerJson, int id, int rows)
    {
        JsonSettings settings = source.SettingsForCopy();
        bool tellsRows = settings.Has("embedding_size");
        int tokens = Math.Max(source.Config.VocabularySize, id + 1);
        byte[] json = settings.Has("vocab_size")
            ? With(settings, "vocab_size", tellsRows ? tokens : rows)
            : SettingsText.ObjectOf(settings.RawValues);
        json = tellsRows ? With(JsonSettings.Parse(settings.File, json), "embedding_size", rows) : json;
        ModelConfig config = ModelConfig.Parse(settings.File, json, ConfigSource.AddedTokens(SavedTokenizer, tokenizerJson));
        if (config.EmbeddingSize != rows || config.VocabularySize <= id)
        {
            throw new CinnabarException(
                $"{source.Path}: expected a config.json whose vocab_size says how many tokens there are, "
                + $"found one of the family {config.Family.Name} that does not.",
                "No token can be added to such a model.");
        }

        return config.MaskTokenId == source.Config.MaskTokenId
            ? json
            : throw new CinnabarException(
                $"{source.Path}: expected a config.json that names its mask, found one whose mask would become {config.MaskTokenId} with "
                + $"{rows} rows of embeddings instead of {source.Config.MaskTokenId}.",
                $"Add the key mask_token_id with the value {source.Config.MaskTokenId} to config.json first.");

        static byte[] With(JsonSettings settings, string key, int size) =>
            SettingsText.With(settings, key, size.ToString(CultureInfo.InvariantCulture));
    }

    private static SafetensorsTensorSource SourceOf(PlacedTensor tensor, int rows, SafetensorsWeights weights)
    {
        SafetensorsDType stored = SafetensorsDTypeNames.NearestTo(weights.NearestType(tensor.First));
        int more = tensor.First.Part is "wte" or "head" ? rows - tensor.Shape[0] : 0;
        IEnumerable<Tensor> parts = tensor.Parts(weights);
        if (more > 0 && tensor.Shape.Length == 1)
        {
            parts = parts.Select(bias => bias.View(bias.Count, 1));
        }

        return new SafetensorsTensorSource(
            weights.Prefix + tensor.Name,
            stored,
            more == 0 ? tensor.Shape : [rows, .. tensor.Shape[1..]],
            more == 0 ? parts : parts.Concat(MeanRows(parts, more)));
    }

    private static IEnumerable<Tensor> MeanRows(IEnumerable<Tensor> parts, int count)
    {
        double[] sums = [];
        long rows = 0;
        foreach (Tensor part in parts.Select(part => part.To(DType.F32)))
        {
            sums = sums.Length == 0 ? new double[part.Columns] : sums;
            for (int r = 0; r < part.Rows; r++)
            {
                ReadOnlySpan<float> row = part.Row(r);
                for (int i = 0; i < row.Length; i++)
                {
                    sums[i] += row[i];
                }
            }

            rows += part.Rows;
        }

        float[] mean = [.. sums.Select(sum => (float)(sum / rows))];
        yield return Tensor.From([.. Enumerable.Repeat(mean, count).SelectMany(row => row)], count, mean.Length);
    }
}
