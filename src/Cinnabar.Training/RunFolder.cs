// The output folder of a training run, and the right to write there.
//
// A run holds the file train.lock open for itself alone, so a second one into the same folder is refused. The lock belongs to the open
// file, not to the file's being there: the system takes it back with the process, however that ends, and a file that a killed process
// left behind stops nobody.
//
// options.json remembers which network the checkpoint is of. Shapes alone do not tell: another number of heads, another rotary base or
// another attention fits the same tensors and would go on training as a different network.
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training;

/// <summary>The folder of a run, held by this process until it is disposed.</summary>
internal sealed class RunFolder : IDisposable
{
    private const string LockFile = "train.lock";

    // What the system answers where another process holds the lock: EWOULDBLOCK (Linux, macOS), ERROR_SHARING_VIOLATION (Windows).
    private static readonly int[] s_held = [11, 35, unchecked((int)0x80070020)];

    private readonly string _path;
    private readonly FileStream _lock;
    private readonly IReadOnlyList<string> _made; // the folder and those it lies in that were not there, the innermost first

    private RunFolder(string path, FileStream held, IReadOnlyList<string> made)
    {
        _path = path;
        _lock = held;
        _made = made;
    }

    /// <summary>Weights, optimiser state and step.</summary>
    public string CheckpointPath => CheckpointIn(_path);

    /// <summary>The finished model.</summary>
    public string ModelPath => Path.Combine(_path, "model");

    /// <summary>The settings of the run.</summary>
    public string OptionsPath => Path.Combine(_path, "options.json");

    /// <summary>The tokenizer that the corpus of the run was made with.</summary>
    private string TokenizerPath => Path.Combine(_path, CorpusFiles.Tokenizer);

    /// <summary>One line a step.</summary>
    public string LogPath => Path.Combine(_path, "loss.csv");

    /// <summary>The curve.</summary>
    public string CurvePath => Path.Combine(_path, "loss.svg");

    /// <summary>Makes or opens the folder and holds it.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="resume">Whether a run that is there goes on; if not, there must be none.</param>
    /// <exception cref="CinnabarException">
    /// Another process trains there, the folder cannot be written, or it holds a run and <paramref name="resume"/> is false, or the other
    /// way round.
    /// </exception>
    public static RunFolder Open(string path, bool resume)
    {
        if (resume && !Directory.Exists(path))
        {
            throw TrainingCheckpoint.Missing(CheckpointIn(path));
        }

        string[] made = [.. Missing(path)];
        FileStream held = Hold(path);
        try
        {
            if (TrainingCheckpoint.Exists(CheckpointIn(path)) == resume)
            {
                return new RunFolder(path, held, made);
            }

            throw resume
                ? TrainingCheckpoint.Missing(CheckpointIn(path))
                : new CinnabarException(
                    $"The folder '{path}' already holds a run.", "Add --resume to continue it, or give another output folder.");
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Remembers the tokenizer of the corpus of a run that begins.</summary>
    /// <param name="json">The tokenizer's file.</param>
    public void KeepTokenizer(byte[] json) => AtomicFile.Write(TokenizerPath, json);

    /// <summary>Refuses to go on with another tokenizer than the run began with.</summary>
    /// <param name="json">The tokenizer's file.</param>
    /// <param name="corpus">The folder it comes from.</param>
    /// <exception cref="CinnabarException">It is another one: ids would mean other tokens.</exception>
    public void RequireTokenizer(byte[] json, string corpus)
    {
        if (File.Exists(TokenizerPath) && !File.ReadAllBytes(TokenizerPath).AsSpan().SequenceEqual(json))
        {
            throw new CinnabarException(
                $"{TokenizerPath}: the run began with a corpus of another tokenizer than that of '{corpus}', so its ids mean other tokens.",
                "Resume it with the corpus it began with, or train anew into another output folder.");
        }
    }

    /// <summary>Refuses to go on with another network than the run began with.</summary>
    /// <param name="config">The network to go on with.</param>
    /// <exception cref="CinnabarException">It differs from that of options.json, or that file cannot be read.</exception>
    public void RequireModel(ModelConfig config)
    {
        if (ReadModel().FirstDifference(config) is (string key, string before, string now))
        {
            throw new CinnabarException(
                $"{OptionsPath}: the run began with a model of {key} {before}, the configuration to resume it with says {now}.",
                $"Set {key} to {before}, or train the other model into another output folder.");
        }
    }

    /// <summary>Lets other processes train here; of a run that was refused before it wrote anything, no empty folder stays.</summary>
    public void Dispose()
    {
        _lock.Dispose();
        try
        {
            foreach (string folder in _made.TakeWhile(folder => !Directory.EnumerateFileSystemEntries(folder).Any()))
            {
                Directory.Delete(folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else has put something there meanwhile, or taken it away: theirs now.
        }
    }

    private static string CheckpointIn(string path) => Path.Combine(path, "checkpoint");

    private static IEnumerable<string> Missing(string path)
    {
        string? folder = Path.GetFullPath(path);
        while (folder is not null && !Directory.Exists(folder))
        {
            yield return folder;
            folder = Path.GetDirectoryName(folder);
        }
    }

    private static FileStream Hold(string path)
    {
        string file = Path.Combine(path, LockFile);
        try
        {
            Directory.CreateDirectory(path);
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (s_held.Contains(e.HResult))
        {
            throw new CinnabarException(
                $"Expected '{path}' to be free for this run, found that another process is training there and holds '{file}'.",
                "Wait until it ends, or give another output folder.",
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"Expected a folder for the run at '{path}', found: {e.Message}", "Give a folder that this user may write to.", e);
        }
    }

    private ModelConfig ReadModel()
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(OptionsPath));
            JsonElement options = document.RootElement;
            return options.ValueKind == JsonValueKind.Object && options.TryGetProperty("model", out JsonElement model)
                ? ModelConfig.Parse($"\"model\" in {OptionsPath}", Encoding.UTF8.GetBytes(model.GetRawText()))
                : throw new JsonException("it has no \"model\".");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"{OptionsPath}: expected the settings that the run began with, found: {e.Message}",
                "Restore the file from a copy; without it nobody knows which network the checkpoint is of.",
                e);
        }
    }
}
