// The weights of a checkpoint, in one safetensors file or split over several that an index lists (see SafetensorsIndex), read through the
// same members. With an index every file is opened and its header checked at once, and index and headers must agree in full:
//   each tensor of the index is in the file that the index names, and each tensor of a file is in the index under that file.
// So no tensor is there twice and none is hidden. A shard may be a symbolic link only within the folder or, in the cache of the Hugging
// Face hub, whose snapshots are links, within the folder of the repository.
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>Open safetensors weights, whether one file or many. Safe for use by several threads.</summary>
public sealed class SafetensorsShards : IDisposable
{
    private readonly Dictionary<string, SafetensorsFile> _fileOf;
    private readonly IReadOnlyList<SafetensorsFile> _files;

    private SafetensorsShards(string path, IReadOnlyList<SafetensorsFile> files)
    {
        Path = path;
        _files = files;
        _fileOf = files.SelectMany(file => file.Tensors.Keys.Select(name => (name, file)))
            .ToDictionary(pair => pair.name, pair => pair.file, StringComparer.Ordinal);
        Tensors = files.SelectMany(file => file.Tensors).ToDictionary(StringComparer.Ordinal);
    }

    /// <summary>The path given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>All tensors by name; the offset of each counts from the start of the file <see cref="PathOf"/>.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>Opens weights and checks all headers.</summary>
    /// <param name="path">A .safetensors file, or an index that ends in .index.json with its shards beside it.</param>
    /// <exception cref="CinnabarException">A file is missing, cannot be read or breaks a rule, or index and files differ.</exception>
    public static SafetensorsShards Open(string path) => path.EndsWith(".index.json", StringComparison.Ordinal)
        ? OpenAll(SafetensorsIndex.Load(path))
        : new SafetensorsShards(path, [SafetensorsFile.Open(path)]);

    /// <summary>The file that holds a tensor.</summary>
    /// <exception cref="CinnabarException">No such tensor.</exception>
    public string PathOf(string name) => FileOf(name).Path;

    /// <inheritdoc cref="SafetensorsFile.Read(string)"/>
    public Tensor Read(string name) => FileOf(name).Read(name);

    /// <inheritdoc cref="SafetensorsFile.Read(string, int)"/>
    public Tensor Read(string name, int slice) => FileOf(name).Read(name, slice);

    /// <inheritdoc cref="SafetensorsFile.ReadBytes(string, Span{byte})"/>
    public void ReadBytes(string name, Span<byte> bytes) => FileOf(name).ReadBytes(name, bytes);

    /// <inheritdoc cref="SafetensorsFile.ReadBytes(string, int, Span{byte})"/>
    public void ReadBytes(string name, int slice, Span<byte> bytes) => FileOf(name).ReadBytes(name, slice, bytes);

    /// <inheritdoc cref="SafetensorsFile.ReadRounded(string, int?)"/>
    internal Tensor ReadRounded(string name, int? slice) => FileOf(name).ReadRounded(name, slice);

    /// <inheritdoc cref="SafetensorsFile.Fits(string, int?)"/>
    internal bool Fits(string name, int? slice) => FileOf(name).Fits(name, slice);

    /// <inheritdoc cref="SafetensorsFile.TypeOf(string)"/>
    internal DType TypeOf(string name) => FileOf(name).TypeOf(name);

    /// <summary>Closes all files.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
        {
            file.Dispose();
        }
    }

    private SafetensorsFile FileOf(string name) => _fileOf.TryGetValue(name, out SafetensorsFile? file)
        ? file
        : throw ErrorText.NoTensor(Path, name, [.. Tensors.Keys], "Check that the weights belong to this model.");

    private static SafetensorsShards OpenAll(SafetensorsIndex index)
    {
        List<SafetensorsFile> files = [];
        try
        {
            string folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(index.File))!;
            foreach (string shard in index.Shards)
            {
                string path = System.IO.Path.Combine(folder, shard);
                RequireShard(index, folder, path);
                files.Add(SafetensorsFile.Open(path));
                RequireSameTensors(index, shard, files[^1]);
            }

            return new SafetensorsShards(index.File, files);
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    private static void RequireShard(SafetensorsIndex index, string folder, string path)
    {
        if (!File.Exists(path))
        {
            throw new CinnabarException(
                $"{path}: expected a file (part of the weights, named by {System.IO.Path.GetFileName(index.File)}), found none.",
                "The model is incomplete: fetch it again.");
        }

        FileSystemInfo? target = File.ResolveLinkTarget(path, returnFinalTarget: true);
        string root = LinkRoot(folder) + System.IO.Path.DirectorySeparatorChar;
        if (target is not null && !System.IO.Path.GetFullPath(target.FullName).StartsWith(root, StringComparison.Ordinal))
        {
            throw new CinnabarException(
                $"{path}: expected a file inside {root}, found a link to {ErrorText.Quote(target.FullName)}.",
                "Put the file itself there.");
        }
    }

    // <cache>/models--org--name/snapshots/<commit> links into <cache>/models--org--name/blobs.
    private static string LinkRoot(string folder)
    {
        DirectoryInfo? parent = Directory.GetParent(folder);
        bool isSnapshot = parent is { Name: "snapshots", Parent: { } repository }
            && repository.Name.StartsWith("models--", StringComparison.Ordinal);
        return isSnapshot ? parent!.Parent!.FullName : folder;
    }

    private static void RequireSameTensors(SafetensorsIndex index, string shard, SafetensorsFile file)
    {
        string[] missing = [.. index.TensorsOf[shard].Where(name => !file.Tensors.ContainsKey(name))];
        if (missing.Length > 0)
        {
            throw new CinnabarException(
                $"{file.Path}: expected the tensors that {System.IO.Path.GetFileName(index.File)} places there, among them "
                + $"{ErrorText.Some(missing)}, found {file.Tensors.Count} others.",
                "Index and files are not of one checkpoint, or damaged: fetch the model again.");
        }

        string[] strange =
            [.. file.Tensors.Keys.Where(name => index.ShardOf.GetValueOrDefault(name) != shard).Order(StringComparer.Ordinal)];
        if (strange.Length > 0)
        {
            throw new CinnabarException(
                $"{file.Path}: expected only the tensors that {System.IO.Path.GetFileName(index.File)} places there, found besides "
                + $"{ErrorText.Some(strange)}.",
                "Index and files are not of one checkpoint, or damaged: fetch the model again.");
        }
    }
}
