using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Sampling;

/// <summary>A network that looks its logits up: logit(ids, position, token). Records what it was asked.</summary>
internal sealed class TableDenoiser(int vocabularySize, int maskTokenId, Func<int[], int, int, double> logit) : IDenoiser
{
    private Tensor _logits = Tensor.Zeros(1, vocabularySize);

    public int VocabularySize => vocabularySize;

    public int MaxLength { get; init; } = 256;

    public int MaskTokenId => maskTokenId;

    public List<int[]> AskedIds { get; } = [];

    public List<int[]> AskedRows { get; } = [];

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        int[] canvas = ids.ToArray();
        AskedIds.Add(canvas);
        AskedRows.Add(rows.ToArray());

        // One tensor for all calls, as the contract allows: a caller that keeps a result sees it overwritten.
        if (_logits.Rows < rows.Length)
        {
            _logits = Tensor.Zeros(rows.Length, vocabularySize);
        }

        for (int i = 0; i < rows.Length; i++)
        {
            for (int token = 0; token < vocabularySize; token++)
            {
                _logits.Row(i)[token] = (float)logit(canvas, rows[i], token);
            }
        }

        return _logits.View(rows.Length, vocabularySize);
    }
}
