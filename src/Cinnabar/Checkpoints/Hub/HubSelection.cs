// Which files of a repository are taken. All others are never asked for, above all no Python code and no pickles.
//   texts     config.json, generation_config.json, tokenizer*.json, vocab.json, vocab.txt, merges.txt, added_tokens.json,
//             special_tokens_map.json, length_bias.json, chat_template.jinja, chat_template.json, model.safetensors.index.json, README.md
//   weights   the shards that model.safetensors.index.json lists; or model.safetensors; or the only *.safetensors if it is no adapter;
//             or, where there is none of these or a file was named, one *.gguf
// Texts and safetensors count at the top of the repository only, since folders hold other formats of the same weights.
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Sampling;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Chooses files of a repository.</summary>
internal static class HubSelection
{
    private const int MaxTextBytes = 256 << 20;
    private const string ConfigFile = "config.json";
    private const string WeightsFile = "model.safetensors";
    private const string CardFile = "README.md";

    private static readonly string[] s_texts =
    [
        ConfigFile, "generation_config.json", "vocab.json", "vocab.txt", "merges.txt", "added_tokens.json", "special_tokens_map.json",
        LengthBias.FileName, "chat_template.jinja", "chat_template.json", SafetensorsIndex.FileName, CardFile,
    ];

    private static readonly string[] s_unsafeExtensions = [".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack"];

    /// <summary>The index of sharded weights, if it is needed to choose; null otherwise.</summary>
    /// <exception cref="CinnabarException">It is too large.</exception>
    public static HubFile? IndexOf(ModelReference model, IReadOnlyList<HubFile> files)
    {
        HubFile? index = model.File is null ? files.FirstOrDefault(file => file.Path == SafetensorsIndex.FileName) : null;
        return index is null or { Size: <= SafetensorsIndex.MaxBytes }
            ? index
            : throw new CinnabarException(
                $"{model}: expected {index.Path} of at most {SafetensorsIndex.MaxBytes} bytes, found {index.Size}.",
                "Choose another repository of this model.");
    }

    /// <summary>The files to take.</summary>
    /// <param name="model">What was asked for.</param>
    /// <param name="files">All files of the repository.</param>
    /// <param name="index">The contents of <see cref="IndexOf"/>; null if there is none.</param>
    /// <exception cref="CinnabarException">There is nothing that can be loaded, too much, or a name that is not to be trusted.</exception>
    public static IReadOnlyList<HubFile> Choose(ModelReference model, IReadOnlyList<HubFile> files, SafetensorsIndex? index)
    {
        RequireHarmlessNames(model, files);
        List<HubFile> top = [.. files.Where(file => !file.Path.Contains('/'))];
        List<HubFile> weights = [.. model.File is null ? WeightsOf(model, top, index) : [Find(model, files, model.File)]];
        bool areGguf = GgufCheckpoint.IsGguf(weights[0].Path);
        List<HubFile> texts = [.. top.Where(file => areGguf ? file.Path == CardFile : IsText(file.Path))];
        if (!areGguf && texts.All(file => file.Path != ConfigFile))
        {
            throw new CinnabarException(
                $"{model}: expected {ConfigFile} (the shape of the model) beside its weights, found none.",
                "Choose a repository that holds a whole model; adapters alone cannot be loaded.");
        }

        if (texts.Find(file => file.Size > MaxTextBytes) is HubFile large)
        {
            throw new CinnabarException(
                $"{model}: expected texts of at most {MaxTextBytes} bytes, found {ErrorText.Quote(large.Path)} of {large.Size}.",
                "Choose another repository of this model.");
        }

        List<HubFile> chosen = [.. texts, .. weights];
        string? twice = chosen.GroupBy(file => file.Path, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1)?.Key;
        return twice is null
            ? chosen
            : throw new CinnabarException(
                $"{model}: expected each file once, found {ErrorText.Quote(twice)} twice.", "Choose another repository of this model.");
    }

    // Judged by the last part, so that "../model.safetensors" is refused instead of passing for a file in some folder.
    private static void RequireHarmlessNames(ModelReference model, IReadOnlyList<HubFile> files)
    {
        foreach (HubFile file in files)
        {
            string last = ForeignPath.LastPart(file.Path);
            if ((IsText(last) || SafetensorsFolder.IsSafetensors(last) || GgufCheckpoint.IsGguf(last))
                && ForeignPath.FaultOf(file.Path) is string fault)
            {
                throw new CinnabarException(
                    $"{model}: expected names of files within the repository, found {ErrorText.Quote(file.Path)} with {fault}.",
                    "Do not use this repository; report it to the hub.");
            }
        }
    }

    private static IEnumerable<HubFile> WeightsOf(ModelReference model, List<HubFile> top, SafetensorsIndex? index)
    {
        if (index is not null)
        {
            return index.Shards.Select(shard => Find(model, top, shard));
        }

        if (top.Find(file => file.Path == WeightsFile) is HubFile whole)
        {
            return [whole];
        }

        string[] parts = [.. top.Select(file => file.Path).Where(SafetensorsFolder.IsSafetensors)];
        if (SafetensorsFolder.OnlyWeightsAmong(parts) is string only)
        {
            return [Find(model, top, only)];
        }

        List<HubFile> ggufs = top.FindAll(file => GgufCheckpoint.IsGguf(file.Path));
        return ggufs.Count == 1 ? ggufs
            : throw (ggufs.Count > 1 ? Several(model, ggufs) : parts.Length > 0 ? NoWhole(model, parts) : NoWeights(model, top));
    }

    private static HubFile Find(ModelReference model, IReadOnlyList<HubFile> files, string path) =>
        files.FirstOrDefault(file => file.Path == path) ?? throw new CinnabarException(
            $"{model}: expected a file {ErrorText.Quote(path)} in the repository, found "
            + (files.Any(file => GgufCheckpoint.IsGguf(file.Path))
                ? ErrorText.Some([.. files.Select(f => f.Path).Where(GgufCheckpoint.IsGguf)], 10) : "none") + ".",
            "Check the name, or choose another revision.");

    private static CinnabarException Several(ModelReference model, List<HubFile> ggufs) => new(
        $"{model}: expected one GGUF file, found {ErrorText.Some([.. ggufs.Select(file => file.Path)], 20)}.",
        $"Name one: cinnabar pull {model}:{ggufs[0].Path}");

    private static CinnabarException NoWhole(ModelReference model, string[] parts) => new(
        $"{model}: expected {WeightsFile}, or {SafetensorsIndex.FileName} and the files it lists, found {ErrorText.Some(parts)}.",
        Array.TrueForAll(parts, SafetensorsFolder.IsAdapter)
            ? "An adapter alone cannot be loaded: choose a repository that holds a whole model."
            : "Choose another repository or revision of this model.");

    private static CinnabarException NoWeights(ModelReference model, List<HubFile> top)
    {
        string[] pickles = [.. top.Select(file => file.Path).Where(IsUnsafe)];
        return pickles.Length > 0
            ? new CinnabarException(
                $"{model}: expected weights in safetensors or GGUF format, found {ErrorText.Some(pickles)}, formats that can run code "
                + "and are never fetched.",
                "Look for a copy of the model in one of these formats, or convert it in Python with "
                + "save_pretrained(..., safe_serialization=True).")
            : new CinnabarException(
                $"{model}: expected weights in safetensors or GGUF format, found "
                + $"{(top.Count == 0 ? "no files" : ErrorText.Some([.. top.Select(file => file.Path)]))}.",
                "Choose another repository or revision of this model.");
    }

    private static bool IsUnsafe(string path) =>
        s_unsafeExtensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private static bool IsText(string path) =>
        s_texts.Contains(path)
        || (path.StartsWith("tokenizer", StringComparison.Ordinal) && path.EndsWith(".json", StringComparison.Ordinal));
}
