using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Evaluation.Tests;

/// <summary>Finds every token equally likely.</summary>
internal sealed class UniformDenoiser(int vocabularySize, int maskTokenId, int maxLength) : IDenoiser
{
    public int VocabularySize => vocabularySize;

    public int MaxLength => maxLength;

    public int MaskTokenId => maskTokenId;

    public Tensor Logits(int[] ids, int[] rows) => Tensor.Zeros(rows.Length, vocabularySize);
}

/// <summary>Recognises a hole by its context and knows its line, followed by end-of-hole tokens.</summary>
internal sealed class OracleDenoiser(
    IReadOnlyList<LineHole> holes, int vocabularySize, int maskTokenId, int endOfHole, int maxLength) : IDenoiser
{
    public int VocabularySize => vocabularySize;

    public int MaxLength => maxLength;

    public int MaskTokenId => maskTokenId;

    public Tensor Logits(int[] ids, int[] rows)
    {
        LineHole hole = holes.First(h => ids.AsSpan().StartsWith(h.Before) && ids.AsSpan().EndsWith(h.After));
        Tensor logits = Tensor.Zeros(rows.Length, vocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            int position = rows[i] - hole.Before.Length;
            logits.Row(i)[position < hole.Reference.Length ? hole.Reference[position] : endOfHole] = 10;
        }

        return logits;
    }
}
