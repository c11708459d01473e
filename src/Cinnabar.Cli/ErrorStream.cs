using System.Text;

namespace Cinnabar.Cli;

/// <summary>
/// Standard error, which carries progress and messages but no result: what it cannot take, as a full disk, is lost and ends no work.
/// </summary>
/// <param name="inner">Where it goes.</param>
internal sealed class ErrorStream(TextWriter inner) : TextWriter
{
    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Try(() => inner.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    public override void Write(string? value) => Try(() => inner.Write(value));

    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    public override void Flush() => Try(inner.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (IOException)
        {
            // There is nowhere left to tell it.
        }
    }
}
