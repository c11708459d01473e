// Everything a run needs to go on bit for bit: weights, both AdamW moments and the averaged weights in F32, and where it stands.
// (Data order and noise need no state: they derive from seed and step.) The folder is replaced as a whole, so a crash at any moment
// leaves either the old checkpoint or the new one.
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Training;

/// <summary>Trained tensors and optimiser state by parameter name, and the position in the run.</summary>
/// <param name="Weights">Current weights.</param>
/// <param name="FirstMoments">AdamW m.</param>
/// <param name="SecondMoments">AdamW v.</param>
/// <param name="Averages">Averaged weights.</param>
/// <param name="Mark">Where the run stands.</param>
public sealed record TrainingCheckpoint(
    IReadOnlyDictionary<string, Tensor> Weights,
    IReadOnlyDictionary<string, Tensor> FirstMoments,
    IReadOnlyDictionary<string, Tensor> SecondMoments,
    IReadOnlyDictionary<string, Tensor> Averages,
    TrainingProgressMark Mark)
{
    private const string StateFile = "state.json";
    private const string TensorFile = "tensors.safetensors";

    /// <summary>The state before the first step.</summary>
    public static TrainingCheckpoint Start(IReadOnlyDictionary<string, Tensor> weights)
    {
        Dictionary<string, Tensor> averages = weights.ToDictionary(w => w.Key, w => w.Value.To(DType.F32));
        return new(weights, ZerosLike(weights), ZerosLike(weights), averages, new TrainingProgressMark());
    }

    /// <summary>Writes the folder <paramref name="path"/> atomically.</summary>
    /// <exception cref="CinnabarException">There is no room on the disk; the previous checkpoint is intact.</exception>
    public void Save(string path)
    {
        List<(string, Tensor)> tensors = [];
        foreach ((string prefix, IReadOnlyDictionary<string, Tensor> group) in Groups())
        {
            tensors.AddRange(group.Select(t => (prefix + t.Key, t.Value)));
        }

        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write(TensorFile, Safetensors.SizeOf(tensors), stream => Safetensors.Write(stream, tensors));
        folder.Write(StateFile, JsonSerializer.SerializeToUtf8Bytes(Mark, TrainingJson.Default.TrainingProgressMark));
        folder.Commit();
    }

    /// <summary>Whether a checkpoint is at <paramref name="path"/>.</summary>
    public static bool Exists(string path)
    {
        AtomicFolder.Recover(path);
        return File.Exists(Path.Combine(path, StateFile));
    }

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="path">Its folder.</param>
    /// <param name="expected">Every tensor that is trained, or comes with those that are.</param>
    /// <exception cref="CinnabarException">It is missing, damaged or of another network.</exception>
    public static TrainingCheckpoint Load(string path, IEnumerable<NetworkWeight> expected)
    {
        string stateFile = Path.Combine(path, StateFile);
        if (!Exists(path))
        {
            throw Missing(path);
        }

        TrainingProgressMark mark;
        try
        {
            mark = JsonSerializer.Deserialize(File.ReadAllBytes(stateFile), TrainingJson.Default.TrainingProgressMark)
                ?? throw new JsonException("null");
            if (mark.Step < 1)
            {
                throw new JsonException($"expected a step from 1, found {mark.Step}");
            }
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"The checkpoint state '{stateFile}' cannot be read: {e.Message}",
                "Delete the checkpoint folder and start again, or restore it from a copy.",
                e);
        }

        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(path, TensorFile));
        TrainingCheckpoint empty = Start(expected.ToDictionary(w => w.Name, w => Tensor.Zeros(w.Shape)));
        foreach ((string prefix, IReadOnlyDictionary<string, Tensor> group) in empty.Groups())
        {
            foreach ((string name, Tensor tensor) in group)
            {
                if (!file.Tensors.ContainsKey(prefix + name))
                {
                    throw new CinnabarException(
                        $"The checkpoint '{path}' has no tensor '{prefix + name}'.",
                        "It belongs to another network: use the configuration it was written with.");
                }

                Tensor stored = file.Read(prefix + name);
                if (stored.Type != tensor.Type || !stored.Shape.SequenceEqual(tensor.Shape))
                {
                    throw new CinnabarException(
                        $"The checkpoint '{path}' holds '{prefix + name}' as {stored}, the configuration asks for {tensor}.",
                        "It belongs to another network: use the configuration it was written with.");
                }

                stored.Floats.CopyTo(tensor.Floats);
            }
        }

        IEnumerable<string> known = empty.Groups().SelectMany(g => g.Group.Keys.Select(name => g.Prefix + name));
        string? foreign = file.Tensors.Keys.Except(known).Order(StringComparer.Ordinal).FirstOrDefault();
        if (foreign is not null)
        {
            throw new CinnabarException(
                $"The checkpoint '{path}' holds '{foreign}', which the configuration does not have.",
                "It belongs to another network: use the configuration it was written with.");
        }

        return empty with { Mark = mark };
    }

    /// <summary>The exception for a folder without a checkpoint.</summary>
    internal static CinnabarException Missing(string path) => new(
        $"There is no checkpoint at '{path}': {StateFile} is missing.",
        "Start the run without --resume, or name the folder of a run that has written one.");

    private (string Prefix, IReadOnlyDictionary<string, Tensor> Group)[] Groups() =>
        [("weight:", Weights), ("first_moment:", FirstMoments), ("second_moment:", SecondMoments), ("average:", Averages)];

    private static Dictionary<string, Tensor> ZerosLike(IReadOnlyDictionary<string, Tensor> weights) =>
        weights.ToDictionary(w => w.Key, w => Tensor.Zeros(w.Value.Shape));
}
