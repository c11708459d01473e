// loss.csv of a run: one line a step. A checkpoint is older than the newest lines after a crash, so resuming cuts the file back to the
// step of the checkpoint; the lines that follow are then equal to those of an uninterrupted run, except for the time column.
using System.Globalization;

namespace Cinnabar.Training;

/// <summary>One line of the loss log.</summary>
/// <param name="Step">Optimiser step.</param>
/// <param name="Tokens">Tokens seen.</param>
/// <param name="Loss">Loss of the batch in nats per token.</param>
/// <param name="HeldOutBitsPerByte">Bound on held-out text, NaN when not measured at this step.</param>
/// <param name="LearningRate">η.</param>
/// <param name="GradientNorm">Before clipping.</param>
public readonly record struct LossEntry(int Step, long Tokens, double Loss, double HeldOutBitsPerByte, double LearningRate, double GradientNorm);

/// <summary>Appends to and reads loss.csv.</summary>
public sealed class LossLog : IDisposable
{
    private const string Header = "step,tokens,loss,held_out_bits_per_byte,learning_rate,gradient_norm";

    private readonly StreamWriter _writer;

    /// <summary>Opens the log of a run that continues after <paramref name="lastStep"/>; later lines are cut off.</summary>
    public LossLog(string path, int lastStep)
    {
        List<LossEntry> kept = lastStep > 0 && File.Exists(path) ? [.. Read(path).Where(e => e.Step <= lastStep)] : [];
        _writer = new StreamWriter(path, append: false);
        _writer.WriteLine(Header);
        foreach (LossEntry entry in kept)
        {
            Append(entry);
        }
    }

    /// <summary>Adds a line; it is on disk after the next <see cref="Flush"/>.</summary>
    public void Append(LossEntry e) => _writer.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{e.Step},{e.Tokens},{e.Loss:G9},{(double.IsNaN(e.HeldOutBitsPerByte) ? "" : e.HeldOutBitsPerByte.ToString("G9", CultureInfo.InvariantCulture))},{e.LearningRate:G6},{e.GradientNorm:G6}"));

    /// <summary>Hands all lines to the operating system.</summary>
    public void Flush() => _writer.Flush();

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    /// <summary>Reads all complete lines.</summary>
    public static IEnumerable<LossEntry> Read(string path)
    {
        foreach (string line in File.ReadLines(path).Skip(1))
        {
            string[] cells = line.Split(',');
            if (cells.Length == 6 && int.TryParse(cells[0], NumberStyles.None, CultureInfo.InvariantCulture, out int step))
            {
                yield return new LossEntry(
                    step, (long)Number(cells[1]), Number(cells[2]), cells[3].Length == 0 ? double.NaN : Number(cells[3]), Number(cells[4]), Number(cells[5]));
            }
        }
    }

    private static double Number(string cell) => double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN;
}
