// The weights of a model folder as save_pretrained of transformers writes them: model.safetensors, or with more than 5 GB several files
// of at most so many bytes of tensors (a larger tensor has a file of its own) and the index SafetensorsIndex reads:
//   model-00001-of-00003.safetensors, …, model.safetensors.index.json
namespace Cinnabar.Checkpoints;

/// <summary>Writes the weights of a model folder, one tensor at a time.</summary>
internal static class SafetensorsFolder
{
    /// <summary>The name of the weights that are in one file.</summary>
    public const string SingleFile = "model.safetensors";

    // 5 GB, as transformers and the hub count it.
    private const long UsualShardBytes = 5_000_000_000;

    private const string Extension = ".safetensors";

    // Python loaders of safetensors files look for this entry.
    private static readonly Dictionary<string, string> s_metadata = new() { ["format"] = "pt" };

    /// <summary>Writes the files and, if there are several, their index.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="tensors">Tensors with distinct names.</param>
    /// <param name="progress">Told after each tensor, or null.</param>
    /// <param name="shardBytes">Most bytes of tensors in one file.</param>
    /// <exception cref="CinnabarException">A file could not be written, or a value is too large for its type.</exception>
    public static void Write(
        AtomicFolder folder,
        IReadOnlyList<SafetensorsTensorSource> tensors,
        IProgress<WritingProgress>? progress,
        long shardBytes = UsualShardBytes)
    {
        List<List<SafetensorsTensorSource>> shards = Cut(tensors, shardBytes);
        long total = tensors.Sum(tensor => tensor.ByteCount);
        long done = 0;
        Dictionary<string, string> shardOf = new(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            List<SafetensorsTensorSource> shard = shards[i];
            string name = shards.Count == 1 ? SingleFile : $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            folder.Write(name, Safetensors.SizeOf(shard, s_metadata), stream => Safetensors.Write(stream, name, shard, s_metadata, Told));
            shard.ForEach(tensor => shardOf.Add(tensor.Name, name));
        }

        if (shards.Count > 1)
        {
            folder.Write(SafetensorsIndex.FileName, IndexOf(shardOf, total));
        }

        void Told(SafetensorsTensorSource tensor)
        {
            done += tensor.ByteCount;
            progress?.Report(new WritingProgress(tensor.Name, done, total));
        }
    }

    /// <summary>Whether a file of a model folder is one of the weights or their index.</summary>
    public static bool IsWeights(string file) => file is SingleFile or SafetensorsIndex.FileName
        || (file.StartsWith("model-", StringComparison.Ordinal) && IsSafetensors(file));

    /// <summary>Whether a name is that of a file with tensors.</summary>
    public static bool IsSafetensors(string file) => file.EndsWith(Extension, StringComparison.Ordinal);

    /// <summary>Whether a file with tensors is by its name an adapter: changes to the weights of another model.</summary>
    public static bool IsAdapter(string file) =>
        file.Contains("adapter", StringComparison.OrdinalIgnoreCase) || file.Contains("lora", StringComparison.OrdinalIgnoreCase);

    /// <summary>The weights among files without a usual name: the only one with tensors, if it is no adapter; null: none.</summary>
    public static string? OnlyWeightsAmong(IEnumerable<string> files) =>
        files.Where(IsSafetensors).Take(2).ToArray() is [string only] && !IsAdapter(only) ? only : null;

    private static List<List<SafetensorsTensorSource>> Cut(IReadOnlyList<SafetensorsTensorSource> tensors, long most)
    {
        List<List<SafetensorsTensorSource>> shards = [[]];
        long bytes = 0;
        foreach (SafetensorsTensorSource tensor in tensors)
        {
            if (shards[^1].Count > 0 && bytes + tensor.ByteCount > most)
            {
                shards.Add([]);
                bytes = 0;
            }

            shards[^1].Add(tensor);
            bytes += tensor.ByteCount;
        }

        return shards;
    }

    private static byte[] IndexOf(Dictionary<string, string> shardOf, long total)
    {
        IEnumerable<string> lines = shardOf.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => $"    {SettingsText.ValueOf(pair.Key)}: {SettingsText.ValueOf(pair.Value)}");
        return System.Text.Encoding.UTF8.GetBytes(
            $"{{\n  \"metadata\": {{\n    \"total_size\": {total}\n  }},\n  \"weight_map\": {{\n{string.Join(",\n", lines)}\n  }}\n}}\n");
    }
}
