using System.Text;

namespace Cinnabar.Training;

/// <summary>The mark that some editors put in front of a file in UTF-8.</summary>
internal static class ByteOrderMark
{
    /// <summary>What is behind the mark; all of a file without one.</summary>
    public static ReadOnlySpan<byte> Skip(ReadOnlySpan<byte> file) =>
        file.StartsWith(Encoding.UTF8.Preamble) ? file[Encoding.UTF8.Preamble.Length..] : file;
}
