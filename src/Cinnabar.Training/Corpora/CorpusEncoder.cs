using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Training.Corpora;

/// <summary>Turns documents into tokens, and splits of them into files.</summary>
/// <param name="folder">An existing folder.</param>
/// <param name="tokenizer">Of at most 65,536 tokens.</param>
/// <param name="parallel">Threads that encode.</param>
/// <param name="progress">Told how far it is, or null.</param>
internal sealed class CorpusEncoder(
    string folder, Tokenizer tokenizer, ParallelOptions parallel, IProgress<CorpusProgress>? progress)
{
    private const long MaxShardTokens = 64L << 20;
    private const int EncodedAtOnce = 1024;

    /// <summary>The documents of a split with their tokens, in the same order.</summary>
    public IEnumerable<EncodedDocument> Encode(string split, CorpusDocument[] documents)
    {
        for (int first = 0; first < documents.Length; first += EncodedAtOnce)
        {
            int start = first;
            EncodedDocument[] encoded = new EncodedDocument[Math.Min(EncodedAtOnce, documents.Length - start)];
            Parallel.For(0, encoded.Length, parallel, i => encoded[i] = Encode(documents[start + i]));
            foreach (EncodedDocument document in encoded)
            {
                yield return document;
            }

            progress?.Report(new CorpusProgress($"encoding {split}", start + encoded.Length, documents.Length));
        }
    }

    /// <summary>Writes the shards, the index and the paths of a split.</summary>
    /// <param name="split">The name of the split.</param>
    /// <param name="documents">Its documents, in the order they are stored in.</param>
    /// <param name="tokensBySource">The tokens of each source, added to.</param>
    public CorpusSplit Write(string split, IEnumerable<EncodedDocument> documents, Dictionary<string, long> tokensBySource)
    {
        using TokenShardWriter writer = new(folder, split, MaxShardTokens);
        List<string> paths = [];
        long bytes = 0;
        foreach ((CorpusDocument document, int[] ids) in documents)
        {
            writer.Write(ids);
            paths.Add(document.Path);
            bytes += Encoding.UTF8.GetByteCount(document.Text);
            tokensBySource[document.Source.Name] = tokensBySource.GetValueOrDefault(document.Source.Name) + ids.Length;
        }

        CorpusFiles.WriteLines(Path.Combine(folder, CorpusFiles.Paths(split)), paths);
        return new CorpusSplit(paths.Count, bytes, writer.TokenCount, [.. writer.Shards]);
    }

    private EncodedDocument Encode(CorpusDocument document) =>
        new(document, [tokenizer.BeginOfTextTokenId, .. tokenizer.Encode(document.Text), tokenizer.EndOfTextTokenId]);
}

/// <summary>A document and its tokens: begin, text, end.</summary>
/// <param name="Document">The document.</param>
/// <param name="Ids">Its tokens.</param>
internal readonly record struct EncodedDocument(CorpusDocument Document, int[] Ids);
