using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Training.Corpora;

/// <summary>One file on its way into the corpus.</summary>
/// <param name="Source">The source it is from.</param>
/// <param name="Path">The name of the source and the path below it, with '/'.</param>
/// <param name="FileBytes">Its size on disk.</param>
/// <param name="Licence">SPDX, from its header or from the source; null where neither says.</param>
/// <param name="Text">No byte order mark, LF line ends, no blanks before them, one at the end, no licence header; or empty.</param>
/// <param name="Dropped">Why it is left out; null where it stays.</param>
internal sealed record CorpusDocument(CorpusSource Source, string Path, long FileBytes, string? Licence, string Text, string? Dropped)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Place of the path among all paths, uniform in 0 … 1: 53 bits of its SHA-256. Decides the split and the order.</summary>
    public double Place { get; } =
        (BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(Path))) >> 11) * (1.0 / (1L << 53));

    /// <summary>Reads a file and judges it.</summary>
    /// <param name="source">The source.</param>
    /// <param name="below">The path below the folder of the source, with '/'.</param>
    /// <param name="options">The limits.</param>
    public static CorpusDocument Read(CorpusSource source, string below, CorpusOptions options)
    {
        string path = $"{source.Name}/{below}";
        CorpusDocument nothing = new(source, path, 0, source.Licence, "", null);
        string text;
        try
        {
            FileInfo file = new(System.IO.Path.Combine(source.Folder, below));
            nothing = nothing with { FileBytes = file.Length };
            if (file.Length > options.MaxFileBytes)
            {
                return nothing with { Dropped = "too large" };
            }

            ReadOnlySpan<byte> bytes = File.ReadAllBytes(file.FullName);
            text = s_strictUtf8.GetString(bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return nothing with { Dropped = "unreadable" };
        }
        catch (DecoderFallbackException)
        {
            return nothing with { Dropped = "not UTF-8" };
        }

        if (text.Contains('\0'))
        {
            return nothing with { Dropped = "binary" };
        }

        text = NormaliseLines(text);
        (string stripped, string? named) = LicenceHeader.Strip(text);
        string? licence = named ?? source.Licence;
        string body = options.StripLicenceHeaders ? stripped : text;
        bool allowed = options.Licences.Count == 0 || (licence is not null && options.Licences.Contains(licence));
        string? dropped = allowed ? DocumentFilter.DropReason(body, options) : "licence";
        return nothing with { Licence = licence, Text = dropped is null ? body : "", Dropped = dropped };
    }

    private static string NormaliseLines(string text)
    {
        StringBuilder lines = new(text.Length);
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            lines.Append(line.TrimEnd()).Append('\n');
        }

        return lines.ToString().TrimEnd('\n') + "\n";
    }
}
