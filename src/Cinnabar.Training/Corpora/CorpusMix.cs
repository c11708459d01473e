// How much of each source there is in a corpus:
//
//   bound    of a source with MaxBytes, the documents of a split in the order of their places while they fit into the split's share of it
//   repeat   each document of the split "train" as often as its source says; every copy has a place of its own, so that they are apart
namespace Cinnabar.Training.Corpora;

/// <summary>Bounds and repeats sources.</summary>
internal static class CorpusMix
{
    /// <summary>The same documents, in the same order; what is beyond the bound of a source is marked and holds no text.</summary>
    /// <param name="documents">Of all sources.</param>
    /// <param name="splitOf">The split of a document.</param>
    /// <param name="shareOf">The share of a split.</param>
    /// <param name="sizeOf">The bytes of a document.</param>
    public static CorpusDocument[] Bound(
        CorpusDocument[] documents,
        Func<CorpusDocument, string> splitOf,
        Func<string, double> shareOf,
        Func<CorpusDocument, long> sizeOf)
    {
        Dictionary<(string Source, string Split), long> taken = [];
        HashSet<string> beyond = [];
        foreach (CorpusDocument document in documents
            .Where(document => document.Dropped is null && document.Source.MaxBytes is not null)
            .OrderBy(document => document.Place))
        {
            (string Source, string Split) part = (document.Source.Name, splitOf(document));
            long sum = taken.GetValueOrDefault(part) + sizeOf(document);
            if (sum <= document.Source.MaxBytes * shareOf(part.Split))
            {
                taken[part] = sum;
            }
            else
            {
                beyond.Add(document.Path);
            }
        }

        return [.. documents.Select(document => beyond.Contains(document.Path)
            ? document with { Text = "", Dropped = "beyond its bound" }
            : document)];
    }

    /// <summary>Every document as often as its source says, in the order of their places.</summary>
    public static CorpusDocument[] Repeat(IEnumerable<CorpusDocument> documents) =>
    [
        .. documents
            .SelectMany(document => Enumerable.Range(0, document.Source.Repeat).Select(copy =>
                (Document: document, Place: copy == 0 ? document.Place : CorpusDocument.PlaceOf($"{document.Path}\n{copy}"))))
            .OrderBy(copy => copy.Place)
            .Select(copy => copy.Document),
    ];
}
