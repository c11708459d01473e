// loss.csv of a run: one line a step. A checkpoint is older than the newest lines after a crash, so resuming cuts the file back to the
// step of the checkpoint; the lines that follow are then equal to those of an uninterrupted run.
using System.Globalization;
using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Training;

/// <summary>One line of the loss log.</summary>
/// <param name="Step">Optimiser step.</param>
/// <param name="Tokens">Tokens seen.</param>
/// <param name="Loss">Loss of the batch in nats per token.</param>
/// <param name="HeldOutBitsPerByte">Likelihood of held-out text, NaN when not measured at this step.</param>
/// <param name="LearningRate">η.</param>
/// <param name="GradientNorm">Before clipping.</param>
public readonly record struct LossEntry(
    int Step, long Tokens, double Loss, double HeldOutBitsPerByte, double LearningRate, double GradientNorm);

/// <summary>Appends to and reads loss.csv.</summary>
public sealed class LossLog : IDisposable
{
    private const string Header = "step,tokens,loss,held_out_bits_per_byte,learning_rate,gradient_norm";

    private readonly string _path;
    private readonly StreamWriter _writer;

    /// <summary>Opens the log of a run that continues after <paramref name="lastStep"/>; later lines are cut off.</summary>
    /// <exception cref="CinnabarException">The file cannot be written.</exception>
    public LossLog(string path, int lastStep)
    {
        _path = path;
        IEnumerable<LossEntry> kept = lastStep > 0 && File.Exists(path) ? Read(path).Where(e => e.Step <= lastStep) : [];
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(string.Concat(kept.Select(LineOf).Prepend(Header + "\n"))));
        _writer = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read));
    }

    /// <summary>Adds a line; it is on disk after the next <see cref="Flush"/>.</summary>
    /// <exception cref="CinnabarException">The file cannot be written.</exception>
    public void Append(LossEntry entry) => Write(() => _writer.Write(LineOf(entry)));

    /// <summary>Hands all lines to the operating system.</summary>
    /// <exception cref="CinnabarException">The file cannot be written.</exception>
    public void Flush() => Write(_writer.Flush);

    /// <summary>Closes the file. Lines that no longer fit on the disk are lost; they are newer than the checkpoint.</summary>
    public void Dispose()
    {
        try
        {
            _writer.Dispose();
        }
        catch (IOException)
        {
            // Whatever stopped the run is the failure to report.
        }
    }

    /// <summary>Reads all complete lines.</summary>
    public static IEnumerable<LossEntry> Read(string path)
    {
        // The run that writes the file may be this one. What follows the last line break is half a line.
        using StreamReader reader = new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        string text = reader.ReadToEnd();
        foreach (string line in text[..(text.LastIndexOf('\n') + 1)].Split('\n'))
        {
            string[] cells = line.TrimEnd('\r').Split(',');
            if (cells.Length == 6 && int.TryParse(cells[0], NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            {
                yield return new LossEntry(
                    step, (long)Number(cells[1]), Number(cells[2]), Number(cells[3]), Number(cells[4]), Number(cells[5]));
            }
        }
    }

    private static string LineOf(LossEntry e)
    {
        string heldOut = double.IsNaN(e.HeldOutBitsPerByte) ? "" : e.HeldOutBitsPerByte.ToString("G9", CultureInfo.InvariantCulture);
        return string.Create(
            CultureInfo.InvariantCulture, $"{e.Step},{e.Tokens},{e.Loss:G9},{heldOut},{e.LearningRate:G6},{e.GradientNorm:G6}\n");
    }

    private static double Number(string cell) =>
        double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN;

    private void Write(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new CinnabarException(
                $"{_path}: could not be written: {e.Message} The last checkpoint is intact.",
                "Free some space and continue with --resume.",
                e);
        }
    }
}
