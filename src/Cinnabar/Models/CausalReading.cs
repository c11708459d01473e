using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>The weights of a network with full attention, read left to right; they take no more memory.</summary>
internal sealed class CausalReading : ICachingDenoiser
{
    private readonly TransformerDenoiser _network;
    private readonly PassRows _pass;

    /// <summary>Begins to read.</summary>
    /// <param name="network">With shifted logits.</param>
    internal CausalReading(TransformerDenoiser network)
    {
        _network = network;
        Config = network.Config with { AttentionKind = AttentionKind.Causal };
        _pass = new PassRows(Config);
    }

    /// <inheritdoc/>
    public ModelConfig Config { get; }

    /// <inheritdoc/>
    public int VocabularySize => _network.VocabularySize;

    /// <inheritdoc/>
    public int MaxLength => _network.MaxLength;

    /// <inheritdoc/>
    public int MaskTokenId => _network.MaskTokenId;

    /// <inheritdoc/>
    public KeyValueCache CreateCache(int length) => _network.CreateCache(length);

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows)
    {
        _pass.Clear();
        _pass.Add(ids, rows);
        return _network.Logits(_pass);
    }

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows, KeyValueCache cache, ReadOnlySpan<int> positions)
    {
        _pass.Clear();
        _pass.Add(ids, rows, positions, cache);
        return _network.Logits(_pass);
    }
}
