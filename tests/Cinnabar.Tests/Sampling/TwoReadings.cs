using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Sampling;

/// <summary>
/// A network that read left to right always writes id + 1 behind an id, and drafts what that gives but at some positions, where it drafts
/// something else.
/// </summary>
internal sealed class TwoReadings(int first, params int[] wrongDrafts) : ITwoWayDenoiser
{
    private const int Wrong = 3;

    public List<int> Passes { get; } = []; // rows of each

    public ModelConfig Config { get; } = TinyNetwork.Config with { ShiftLogits = true };

    public int VocabularySize => 200;

    public int MaxLength => 200;

    public int MaskTokenId => 0;

    public KeyValueCache CreateCache(int length) => new(Config, new Tape(KernelTable.Create(), recording: false), length);

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        Passes.Add(rows.Length);
        Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
        for (int i = 0; i < rows.Length; i++)
        {
            logits.Row(i)[wrongDrafts.Contains(rows[i]) ? Wrong : first + rows[i]] = 9;
        }

        return logits;
    }

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions) =>
        Logits(ids, rows);

    public void RequireCausalReading(string option)
    {
    }

    public ICachingDenoiser ReadCausally() => new Causal(this);

    private sealed class Causal(TwoReadings network) : ICachingDenoiser
    {
        public ModelConfig Config { get; } = network.Config with { AttentionKind = AttentionKind.Causal };

        public int VocabularySize => network.VocabularySize;

        public int MaxLength => network.MaxLength;

        public int MaskTokenId => network.MaskTokenId;

        public KeyValueCache CreateCache(int length) => network.CreateCache(length);

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
        {
            network.Passes.Add(rows.Length);
            Tensor logits = Tensor.Zeros(rows.Length, VocabularySize);
            for (int i = 0; i < rows.Length; i++)
            {
                logits.Row(i)[ids[rows[i] - 1] + 1] = 9;
            }

            return logits;
        }

        public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions) =>
            Logits(ids, rows);
    }
}
