// How the file of a text set becomes documents. Two kinds of files:
//
//   plain text   a line that fits one of `separators` stands between two documents and is dropped; one that fits one of `headings` begins
//                a document and stays; one that fits one of `volumes` begins a volume, such as a book, and is dropped
//   JSON lines   an object a line; its property `text` holds the document: a string, or a dialogue, a list of turns [speaker, words],
//                each of which becomes a line "speaker: words". With `join`, objects that follow each other and have the same value of
//                that property are one document, their texts joined by line ends
//
// What belongs together is held out together: a volume, or all documents of one file with the same value of the property `whole`, lie in
// one split. Another file is other text, whatever its values are.
namespace Cinnabar.Training.Corpora;

/// <summary>How one file holds many documents; either the properties of plain text are set, or those of JSON lines.</summary>
public sealed record DocumentCut
{
    /// <summary>JSON lines: the property that holds the text or the turns of a document; null for plain text.</summary>
    public string? Text { get; init; }

    /// <summary>JSON lines: a property whose value stands above the text, with a blank line between; null for none.</summary>
    public string? Title { get; init; }

    /// <summary>JSON lines: objects in a row with the same value of this property are one document; null: each is one.</summary>
    public string? Join { get; init; }

    /// <summary>JSON lines: documents of one file with the same value of this property lie in one split; null: each on its own.</summary>
    public string? Whole { get; init; }

    /// <summary>Plain text: patterns of lines between documents, * for any characters; null for none.</summary>
    public IReadOnlyList<string>? Separators { get; init; }

    /// <summary>Plain text: patterns of lines that begin a document; null for none.</summary>
    public IReadOnlyList<string>? Headings { get; init; }

    /// <summary>Plain text: patterns of lines that begin a volume; null for none.</summary>
    public IReadOnlyList<string>? Volumes { get; init; }

    /// <summary>Whether the lines of a paragraph are joined, and blank lines in a row are one; indented lines stay as they are.</summary>
    public bool Unwrap { get; init; }

    /// <summary>Whether typographic quotation marks and apostrophes become " and ': a small vocabulary has no room for both.</summary>
    public bool PlainQuotes { get; init; }

    /// <summary>Checks that the properties go together.</summary>
    /// <param name="source">The name of the source, for the message.</param>
    /// <exception cref="CinnabarException">They do not.</exception>
    internal void Validate(string source)
    {
        bool hasLines = Separators is not null || Headings is not null || Volumes is not null;
        bool hasProperties = Title is not null || Join is not null || Whole is not null;
        string? found = Text is null == !hasLines ? (Text is null ? "neither" : "both")
            : Text is null && hasProperties ? "title, join or whole beside lines"
            : null;
        if (found is not null)
        {
            throw new CinnabarException(
                $"The source '{source}': expected as cut either text, perhaps with title, join and whole, or lines as separators, headings "
                + $"or volumes, found {found}.",
                "Name the property of the JSON lines, or the lines of plain text.");
        }

        if (((IEnumerable<IReadOnlyList<string>?>)[Separators, Headings, Volumes]).Any(lines => lines?.Any(string.IsNullOrEmpty) == true))
        {
            throw new CinnabarException($"The source '{source}': expected patterns of lines, found an empty one.", "Leave it out.");
        }
    }
}

/// <summary>A document cut out of a file.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Whole">What it belongs to, or null; unique in the file.</param>
internal readonly record struct CutDocument(string Text, string? Whole);
