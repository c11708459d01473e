// Shows a canvas refining in place, on standard error: known text faint, masks ░, fresh tokens bright, settled tokens plain, and a
// status line. Where nothing can be redrawn, a line tells from time to time how far it is.
//
// Escape sequences: CSI n A cursor up; CSI K clear to the end of the line; CSI J clear to the end of the screen; CSI ? 25 l/h cursor
// off/on; CSI ? 7 l/h wrapping off/on, so that a character wider than thought cannot make a row too long; CSI … m colours.
// Whatever happens, Dispose clears the picture and gives the cursor back; so does the end of the process.
using System.Diagnostics;
using System.Text;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli;

internal sealed class CanvasDisplay : IDisposable
{
    private const string Begin = "\e[?25l\e[?7l";
    private const string End = "\e[?7h\e[?25h";
    private const string Plain = "\e[0m";

    // A terminal shows about 30 pictures a second.
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(33);

    private readonly TextWriter _writer;
    private readonly Tokenizer _tokenizer;
    private readonly bool _live;
    private readonly bool _colours;
    private readonly bool _trace;
    private readonly Func<(int Width, int Height)> _size;
    private readonly Stopwatch _time = Stopwatch.StartNew();
    private TimeSpan _lastDrawn = -s_interval;
    private EvaluationProgress? _progress;
    private int _wanted;
    private int _lastStep;
    private int _rowsDrawn;
    private bool _begun;

    /// <summary>Shows on <paramref name="writer"/>.</summary>
    /// <param name="writer">Standard error.</param>
    /// <param name="tokenizer">Of the canvas.</param>
    /// <param name="screen">What can be drawn.</param>
    /// <param name="trace">Also write every step as lines that stay.</param>
    /// <param name="size">Size of the terminal; it may change meanwhile.</param>
    public CanvasDisplay(TextWriter writer, Tokenizer tokenizer, Screen screen, bool trace, Func<(int Width, int Height)>? size = null)
    {
        _writer = writer;
        _tokenizer = tokenizer;
        _live = screen.Live && !trace;
        _colours = screen.Colours;
        _trace = trace;
        _size = size ?? (() => (Screen.Width, Screen.Height));
    }

    /// <summary>Shows the canvas after a step.</summary>
    public void Show(DenoisingStep step)
    {
        if (_trace)
        {
            Trace(step);
        }
        else if (!_live)
        {
            _wanted = Math.Max(_wanted, step.Remaining + step.Commits.Count);
            _progress ??= new EvaluationProgress("writing", "tokens", _wanted);
            _progress.Show(_wanted - step.Remaining);
        }
        else if (step.Remaining == 0 || _time.Elapsed - _lastDrawn >= s_interval)
        {
            Draw(step);
        }
    }

    /// <summary>Clears the picture and gives the cursor back.</summary>
    public void Dispose()
    {
        if (_begun)
        {
            _begun = false;
            AppDomain.CurrentDomain.ProcessExit -= Restore;
            _writer.Write(ToTop() + "\e[J" + Plain + End);
            _writer.Flush();
        }
    }

    private void Restore(object? sender, EventArgs arguments)
    {
        _writer.Write(Plain + End);
        _writer.Flush();
    }

    private void Draw(DenoisingStep step)
    {
        StringBuilder frame = new();
        if (!_begun)
        {
            _begun = true;
            AppDomain.CurrentDomain.ProcessExit += Restore;
            frame.Append(Begin);
        }

        (int width, int height) = _size();
        IReadOnlyList<PictureRow> rows = CanvasPicture.Draw(step.Canvas, _tokenizer, _lastStep, Math.Max(2, width));
        frame.Append(ToTop());
        int drawn = 0;
        foreach (PictureRow row in CanvasPicture.Around(rows, Math.Max(1, height - 2)))
        {
            foreach (Stretch stretch in row.Stretches)
            {
                frame.Append(_colours ? Colour(stretch.Look) + stretch.Text + Plain : stretch.Text);
            }

            frame.Append("\e[K\n");
            drawn++;
        }

        frame.Append(_colours ? "\e[2m" : "").Append(Status(step)).Append(Plain).Append("\e[K\e[J\r");
        _rowsDrawn = drawn;
        _lastDrawn = _time.Elapsed;
        _lastStep = step.Step;
        _writer.Write(frame.ToString());
        _writer.Flush();
    }

    // The cursor rests at the start of the status line, below the rows.
    private string ToTop() => _rowsDrawn > 0 ? $"\e[{_rowsDrawn}A\r" : "\r";

    private void Trace(DenoisingStep step)
    {
        string revised = step.Edits.Count + step.Renoised.Count > 0
            ? $"{step.Edits.Count} edited, {step.Renoised.Count} masked again, "
            : "";
        _writer.WriteLine($"step {step.Step}: {step.Commits.Count} committed, {revised}{step.Remaining} masks left");
        foreach (PictureRow row in CanvasPicture.Draw(step.Canvas, _tokenizer, _lastStep, int.MaxValue).Where(row => row.InHole))
        {
            _writer.WriteLine("  " + row.Plain);
        }

        _lastStep = step.Step;
    }

    private string Status(DenoisingStep step)
    {
        int written = 0;
        for (int i = 0; i < step.Canvas.Length; i++)
        {
            written += step.Canvas.StateOf(i) == PositionState.Committed ? 1 : 0;
        }

        double speed = written / _time.Elapsed.TotalSeconds;
        return $"step {step.Step}  passes {step.ForwardPasses}  masks left {step.Remaining}  {speed:F0} tokens/s";
    }

    // Faint, faint cyan, bold green, default.
    private static string Colour(Look look) => look switch
    {
        Look.Known => "\e[2m",
        Look.Mask => "\e[2;36m",
        Look.Fresh => "\e[1;32m",
        _ => Plain,
    };
}
