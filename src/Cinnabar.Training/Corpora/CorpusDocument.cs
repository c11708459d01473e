using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Training.Corpora;

/// <summary>A file, or a document cut out of one, on its way into the corpus.</summary>
/// <param name="Source">The source it is from.</param>
/// <param name="Path">The name of the source and the path below it, with '/'; of a cut file with # and a number behind it.</param>
/// <param name="FileBytes">Its size on disk; of a cut file the size of the document.</param>
/// <param name="Licence">SPDX, from its header or from the source; null where neither says.</param>
/// <param name="Text">No byte order mark, LF line ends, no blanks before them, one at the end, no licence header; or empty.</param>
/// <param name="Dropped">Why it is left out; null where it stays.</param>
internal sealed record CorpusDocument(CorpusSource Source, string Path, long FileBytes, string? Licence, string Text, string? Dropped)
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Place of the path among all paths (<see cref="PlaceOf"/>). Decides the order.</summary>
    public double Place { get; } = PlaceOf(Path);

    /// <summary>Decides the split: the place of what the document belongs to in its file, else its own.</summary>
    public double SplitPlace { get; init; } = PlaceOf(Path);

    /// <summary>A place among all names, uniform in 0 … 1: 53 bits of the SHA-256.</summary>
    public static double PlaceOf(string name) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name))) >> 11) * (1.0 / (1L << 53));

    /// <summary>Reads what a file holds: one document, or those that it is cut into, each judged.</summary>
    /// <param name="source">The source.</param>
    /// <param name="below">The path below the folder of the source, with '/'.</param>
    /// <param name="options">The limits.</param>
    /// <exception cref="CinnabarException">A file that is to be cut cannot be read, or does not fit its cut.</exception>
    public static IReadOnlyList<CorpusDocument> ReadAll(CorpusSource source, string below, CorpusOptions options) =>
        source.Cut is null ? [Read(source, below, options)] : [.. Cut(source, source.Cut, below, options)];

    private static CorpusDocument Read(CorpusSource source, string below, CorpusOptions options)
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

            // A pipe or a device has no length either; opening one might never end.
            ReadOnlySpan<byte> bytes = file.Length == 0 ? [] : File.ReadAllBytes(file.FullName);
            text = s_strictUtf8.GetString(ByteOrderMark.Skip(bytes));
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

    // Headers of licences are a matter of source code; the licence is the set's.
    private static IEnumerable<CorpusDocument> Cut(CorpusSource source, DocumentCut cut, string below, CorpusOptions options)
    {
        string file = System.IO.Path.Combine(source.Folder, below);
        if (new FileInfo(file) is { Exists: true, Length: 0 })
        {
            yield return new CorpusDocument(source, $"{source.Name}/{below}", 0, source.Licence, "", "too small"); // or a pipe
            yield break;
        }

        string text = PackedText.Read(file);
        IEnumerable<CutDocument> documents = cut.Text is null
            ? PlainTextCut.Documents(text, cut)
            : JsonLinesCut.Documents(text, cut, file);
        bool isAllowed = options.Licences.Count == 0 || (source.Licence is not null && options.Licences.Contains(source.Licence));
        foreach ((int index, CutDocument document) in documents.Index())
        {
            string body = NormaliseLines(cut.Unwrap ? PlainTextCut.Unwrap(document.Text) : document.Text);
            body = cut.PlainQuotes
                ? body.Replace('\u201C', '"').Replace('\u201D', '"').Replace('\u2018', '\'').Replace('\u2019', '\'')
                : body;
            int bytes = Encoding.UTF8.GetByteCount(body);
            string? dropped = !isAllowed ? "licence"
                : bytes > options.MaxFileBytes ? "too large"
                : body.Contains('\0') ? "binary"
                : DocumentFilter.DropReason(body, options);
            CorpusDocument read = new(
                source, $"{source.Name}/{below}#{index:D6}", bytes, source.Licence, dropped is null ? body : "", dropped);

            // With the file in it: two files may call what is different by the same number.
            yield return document.Whole is null ? read : read with { SplitPlace = PlaceOf($"{source.Name}/{below}#{document.Whole}") };
        }
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
