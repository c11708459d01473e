// Folders of text → a corpus folder.
//
//   list files → read, cut and judge each (CorpusDocument) → mark duplicates → split by the hash of the path → bound and repeat
//   sources (CorpusMix) → train the tokenizer on "train" → encode → leave out held-out documents that repeat "train" (TrainOverlap)
//   → shards and manifest
//
// A document is stored as <|begin|> tokens <|endoftext|>, in the order of its path's hash: a shuffle that does not depend on the machine.
// The folder is written under another name and takes its own when it is complete. The result does not depend on the number of threads.
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Corpora;

/// <summary>How far the building of a corpus is.</summary>
/// <param name="Stage">What is being done.</param>
/// <param name="Done">How many of its items are done.</param>
/// <param name="Total">How many items it has.</param>
public readonly record struct CorpusProgress(string Stage, long Done, long Total);

/// <summary>Builds corpora. The text of all files that stay is held in memory.</summary>
public sealed class CorpusBuilder
{
    // Most of what such a document shows is then new to a model; a run of 60 tokens here and there is how code is written.
    private const double MaxTrainShare = 0.5;

    private const int MostRepeats = 100;

    private static readonly string[] s_heldOut = [.. CorpusFiles.Splits.Where(split => split != "train")];

    private readonly CorpusOptions _options;
    private readonly IProgress<CorpusProgress>? _progress;
    private readonly ParallelOptions _parallel;

    /// <summary>Checks the options.</summary>
    /// <param name="options">What goes into the corpus.</param>
    /// <param name="progress">Told how far it is, or null.</param>
    /// <param name="cancellation">Stops between two files; what was written is removed.</param>
    /// <exception cref="CinnabarException">An option cannot be used.</exception>
    public CorpusBuilder(
        CorpusOptions options, IProgress<CorpusProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (options.Sources.Count == 0)
        {
            throw new CinnabarException("A corpus needs at least one source folder, found none.", "Name a folder.");
        }

        if (options.Sources.DistinctBy(source => source.Name).Count() != options.Sources.Count)
        {
            throw new CinnabarException("Two source folders of the corpus have the same name.", "Give each source its own name.");
        }

        bool shares = options.ValidationShare >= 0 && options.TestShare >= 0 && options.ValidationShare + options.TestShare < 1;
        if (!shares)
        {
            throw new CinnabarException(
                $"The shares of validation ({options.ValidationShare}) and test ({options.TestShare}) must be ≥ 0 and together < 1.",
                "0.01 each is usual.");
        }

        foreach (CorpusSource source in options.Sources)
        {
            if (source.Repeat is < 1 or > MostRepeats || source.MaxBytes is < 1)
            {
                throw new CinnabarException(
                    $"The source '{source.Name}': expected to repeat it 1 … {MostRepeats} times and to bound it at 1 byte or more, "
                    + $"found {source.Repeat} times and {source.MaxBytes?.ToString(CultureInfo.InvariantCulture) ?? "no"} bytes.",
                    "Correct repeat or maxBytes.");
            }

            source.Cut?.Validate(source.Name);
        }

        _options = options;
        _progress = progress;
        _parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancellation };
    }

    /// <summary>Builds the corpus.</summary>
    /// <param name="folder">
    /// The new folder; a corpus that is already there is replaced once the new one is complete. It may lie below a source, whose text it
    /// is not.
    /// </param>
    /// <returns>The manifest, which is also in the folder.</returns>
    /// <exception cref="CinnabarException">Nothing is left of the sources, or the folder holds something else than a corpus.</exception>
    public CorpusManifest Build(string folder)
    {
        return CorpusFolder.Replace(folder, partial => BuildIn(partial, folder));
    }

    private CorpusManifest BuildIn(string folder, string corpus)
    {
        CorpusDocument[] documents = CorpusMix.Bound(
            DuplicateFilter.Mark(ReadAll(corpus), _options.NearDuplicateSimilarity, _options.Threads), SplitOf, ShareOf, Size);
        CorpusDocument[] kept = [.. documents.Where(document => document.Dropped is null).OrderBy(document => document.Place)];
        ILookup<string, CorpusDocument> splits = kept.ToLookup(SplitOf);
        if (!splits["train"].Any())
        {
            throw new CinnabarException(
                $"No text is left for training: {documents.Length} documents fit the patterns, {kept.Length} were kept.",
                "Name other folders or patterns, or widen the limits.");
        }

        Tokenizer tokenizer = CorpusFolder.MakeTokenizer(
            CorpusMix.Repeat(splits["train"]).Select(document => document.Text),
            _options.TokenizerPath,
            _options.VocabularySize,
            _options.Threads,
            _progress);
        tokenizer.Save(Path.Combine(folder, CorpusFiles.Tokenizer));
        CorpusEncoder encoder = new(folder, tokenizer, _parallel, _progress);
        SortedDictionary<string, CorpusSplit> written = [];
        Dictionary<string, long> tokensBySource = [];
        ILookup<string, EncodedDocument> repeats = WriteSplits(encoder, splits, written, tokensBySource);
        HashSet<string> repeating = [.. repeats.SelectMany(split => split).Select(repeat => repeat.Document.Path)];
        documents = [.. documents.Select(document => repeating.Contains(document.Path)
            ? document with { Text = "", Dropped = "repeats train" }
            : document)];
        CorpusManifest manifest = new()
        {
            Version = CorpusManifest.CurrentVersion,
            VocabularySize = tokenizer.VocabularySize,
            TokenizerSha256 = CorpusFolder.TokenizerHash(folder),
            Splits = written,
            Sources = new(_options.Sources.ToDictionary(
                source => source.Name,
                source => Summarise(source, documents, tokensBySource.GetValueOrDefault(source.Name)))),
            Dropped = CountFiles(documents.Where(document => document.Dropped is not null), document => document.Dropped!),
            HeldOutRepeats = new(s_heldOut.ToDictionary(
                split => split,
                split => new DocumentCount(repeats[split].Count(), repeats[split].Sum(repeat => (long)repeat.Ids.Length)))),
            Licences = CountFiles(documents.Where(document => document.Dropped is null), document => document.Licence ?? "unknown"),
            Options = _options,
        };
        CorpusFiles.WriteLines(
            Path.Combine(folder, CorpusFiles.Dropped),
            documents.Where(document => document.Dropped is not null).Select(document => $"{document.Dropped}\t{document.Path}"));
        manifest.Write(folder);
        return manifest;
    }

    // Returns the documents, by split, that are not written because they mostly repeat the training text.
    private static ILookup<string, EncodedDocument> WriteSplits(
        CorpusEncoder encoder,
        ILookup<string, CorpusDocument> splits,
        SortedDictionary<string, CorpusSplit> written,
        Dictionary<string, long> tokensBySource)
    {
        TrainOverlap overlap = new();
        Dictionary<string, EncodedDocument[]> heldOut = s_heldOut.ToDictionary(
            split => split,
            split => encoder.Encode(split, [.. splits[split]]).ToArray());
        foreach (EncodedDocument document in heldOut.Values.SelectMany(documents => documents))
        {
            overlap.AddHeldOut(document.Ids);
        }

        CorpusDocument[] train = CorpusMix.Repeat(splits["train"]);
        written["train"] = encoder.Write("train", Shown(encoder.Encode("train", train), overlap), tokensBySource);
        List<(string Split, EncodedDocument Document)> repeats = [];
        foreach ((string split, EncodedDocument[] documents) in heldOut)
        {
            ILookup<bool, EncodedDocument> repeating = documents.ToLookup(document => overlap.Share(document.Ids) > MaxTrainShare);
            written[split] = encoder.Write(split, repeating[false], tokensBySource);
            repeats.AddRange(repeating[true].Select(document => (split, document)));
        }

        return repeats.ToLookup(repeat => repeat.Split, repeat => repeat.Document);
    }

    // The documents as they are, each looked at on its way.
    private static IEnumerable<EncodedDocument> Shown(IEnumerable<EncodedDocument> documents, TrainOverlap overlap)
    {
        foreach (EncodedDocument document in documents)
        {
            overlap.AddTrain(document.Ids);
            yield return document;
        }
    }

    private CorpusDocument[] ReadAll(string corpus)
    {
        (CorpusSource Source, string Path)[] files =
            [.. _options.Sources.SelectMany(source => Listed(source, corpus).Select(path => (source, path)))];
        IReadOnlyList<CorpusDocument>[] documents = new IReadOnlyList<CorpusDocument>[files.Length];
        int done = 0;
        try
        {
            Parallel.For(0, files.Length, _parallel, i =>
            {
                documents[i] = CorpusDocument.ReadAll(files[i].Source, files[i].Path, _options);
                int count = Interlocked.Increment(ref done);
                if (count % 500 == 0 || count == files.Length)
                {
                    _progress?.Report(new CorpusProgress("reading", count, files.Length));
                }
            });
        }
        catch (AggregateException failures) when (failures.InnerExceptions.OfType<CinnabarException>().FirstOrDefault() is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        return [.. documents.SelectMany(read => read)];
    }

    // A recipe that cuts files knows which there are.
    private string[] Listed(CorpusSource source, string corpus)
    {
        string[] files = [.. List(source, corpus)];
        return files.Length > 0 || source.Cut is null ? files : throw new CinnabarException(
            $"The source '{source.Name}': expected files that fit {string.Join(", ", source.Patterns ?? _options.Patterns)} in "
            + $"{source.Folder}, found none.",
            "Fetch the set; what is packed with xz is unpacked first (xz -d).");
    }

    // Paths below the folder, with '/', in ordinal order. Links are not followed: they may lead out of the folder or in circles.
    // The corpus itself may lie below the folder too: the lists in it are no text of the source.
    private IEnumerable<string> List(CorpusSource source, string corpus)
    {
        if (!Directory.Exists(source.Folder))
        {
            throw new CinnabarException($"The source folder {source.Folder} does not exist.", "Check the path.");
        }

        EnumerationOptions all = new()
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        };
        string root = Path.GetFullPath(source.Folder);
        return Directory.EnumerateFiles(root, "*", all)
            .Where(path => !CorpusFolder.Holds(corpus, path))
            .Select(path => Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(path => PathPattern.MatchesAny(source.Patterns ?? _options.Patterns, Path.GetFileName(path)))
            .Where(path => !PathPattern.MatchesAny(_options.Exclude, "/" + path) && !PathPattern.MatchesAny(source.Exclude, "/" + path))
            .Order(StringComparer.Ordinal);
    }

    private string SplitOf(CorpusDocument document)
    {
        return document.SplitPlace < _options.TestShare ? "test"
            : document.SplitPlace < _options.TestShare + _options.ValidationShare ? "validation"
            : "train";
    }

    private double ShareOf(string split) => split switch
    {
        "test" => _options.TestShare,
        "validation" => _options.ValidationShare,
        _ => 1 - _options.ValidationShare - _options.TestShare,
    };

    private static CorpusSourceSummary Summarise(CorpusSource source, CorpusDocument[] documents, long tokens)
    {
        CorpusDocument[] found = [.. documents.Where(document => document.Source == source)];
        CorpusDocument[] kept = [.. found.Where(document => document.Dropped is null)];
        return new CorpusSourceSummary(
            new FileCount(found.Length, found.Sum(document => document.FileBytes)),
            new FileCount(kept.Length, kept.Sum(document => (long)Encoding.UTF8.GetByteCount(document.Text))),
            tokens);
    }

    private static SortedDictionary<string, FileCount> CountFiles(IEnumerable<CorpusDocument> documents, Func<CorpusDocument, string> key)
    {
        return new(documents.GroupBy(key).ToDictionary(
            group => group.Key,
            group => new FileCount(group.Count(), group.Sum(Size))));
    }

    private static long Size(CorpusDocument document)
    {
        return document.Dropped is null ? Encoding.UTF8.GetByteCount(document.Text) : document.FileBytes;
    }
}
