using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Evaluation.Tests;

/// <summary>Finds every token equally likely.</summary>
internal sealed class UniformDenoiser(int vocabularySize, int maskTokenId, int maxLength) : IDenoiser
{
    public int VocabularySize => vocabularySize;

    public int MaxLength => maxLength;

    public int MaskTokenId => maskTokenId;

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => Tensor.Zeros(rows.Length, vocabularySize);
}

/// <summary>Writes one token for ever.</summary>
internal sealed class ConstantDenoiser(int tokenId, int vocabularySize, int maskTokenId, int maxLength) : IDenoiser
{
    public int VocabularySize => vocabularySize;

    public int MaxLength => maxLength;

    public int MaskTokenId => maskTokenId;

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        Tensor logits = Tensor.Zeros(rows.Length, vocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            logits.Row(i)[tokenId] = 10;
        }

        return logits;
    }
}

/// <summary>
/// Knows the lines of holes laid out to be filled in the middle, followed by an end; answers only if asked left to right, one token at a
/// time, with its own answers so far.
/// </summary>
internal sealed class LeftToRightOracle(IReadOnlyList<LineHole> holes, ModelConfig config, int end) : IDenoiser
{
    public int VocabularySize => config.VocabularySize;

    public int MaxLength => config.MaxSequenceLength;

    public int MaskTokenId => config.MaskTokenId;

    public Tensor Logits(ReadOnlySpan<int> sequence, ReadOnlySpan<int> wanted)
    {
        (int[] ids, int[] rows) = (sequence.ToArray(), wanted.ToArray());
        Assert.Equal((config.BosTokenId, config.MaskTokenId), (ids[0], ids[1]));
        int prefix = Array.IndexOf(ids, config.PadTokenId) + 1;
        int[] after = ids[2..(prefix - 1)];
        LineHole hole = holes.First(h => ids.AsSpan(prefix).StartsWith(TextOf(h.Before)) && h.After.SequenceEqual(after));
        int middle = prefix + TextOf(hole.Before).Length;
        int written = Assert.Single(rows) - middle;
        Assert.Equal(hole.Reference[..written], ids[middle..rows[0]]);
        Assert.All(ids[rows[0]..], id => Assert.Equal(config.MaskTokenId, id));
        Tensor logits = Tensor.Zeros(1, VocabularySize);
        logits.Row(0)[written < hole.Reference.Length ? hole.Reference[written] : end] = 10;
        return logits;
    }

    private int[] TextOf(int[] before) => before.Length > 0 && before[0] == config.BosTokenId ? before[1..] : before;
}

/// <summary>Recognises a hole by its context and knows its line, followed by end-of-hole tokens.</summary>
internal sealed class OracleDenoiser(
    IReadOnlyList<LineHole> holes, int vocabularySize, int maskTokenId, int endOfHole, int maxLength) : IDenoiser
{
    public int VocabularySize => vocabularySize;

    public int MaxLength => maxLength;

    public int MaskTokenId => maskTokenId;

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        int[] canvas = ids.ToArray();
        LineHole hole = holes.First(h => canvas.AsSpan().StartsWith(h.Before) && canvas.AsSpan().EndsWith(h.After));
        Tensor logits = Tensor.Zeros(rows.Length, vocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            int position = rows[i] - hole.Before.Length;
            logits.Row(i)[position < hole.Reference.Length ? hole.Reference[position] : endOfHole] = 10;
        }

        return logits;
    }
}
