namespace Cinnabar.Tests.Models.Plain;

/// <summary>Sizes of a <see cref="PlainGemma"/>, and the tensors that follow from them (models2026.md, 1.2 and 1.6).</summary>
internal sealed record PlainGemmaShape
{
    public required int Hidden { get; init; }

    /// <summary>One a layer; false: sliding attention.</summary>
    public required bool[] IsFull { get; init; }

    public required int Heads { get; init; }

    public required int SlidingKeyHeads { get; init; }

    public required int SlidingHeadDim { get; init; }

    public required int FullKeyHeads { get; init; }

    public required int FullHeadDim { get; init; }

    /// <summary>Of the dense feed-forward layers and that of self-conditioning.</summary>
    public required int Width { get; init; }

    public required int ExpertWidth { get; init; }

    public required int Experts { get; init; }

    public required int Chosen { get; init; }

    public required int Window { get; init; }

    public required double SlidingTheta { get; init; }

    public required double FullTheta { get; init; }

    /// <summary>Share of the pairs of a head that turn in full layers.</summary>
    public required double FullRotaryFactor { get; init; }

    public required double SoftCap { get; init; }

    public required double Epsilon { get; init; }

    public required int Vocabulary { get; init; }

    public int KeyHeads(int layer) => IsFull[layer] ? FullKeyHeads : SlidingKeyHeads;

    public int HeadDim(int layer) => IsFull[layer] ? FullHeadDim : SlidingHeadDim;

    /// <summary>Every tensor of the checkpoint, two of the vision part among them, which a text model ignores.</summary>
    public IEnumerable<PlainTensor> Tensors()
    {
        yield return new("model.decoder.embed_tokens.weight", Vocabulary, Hidden);
        yield return new("model.decoder.norm.weight", Hidden);
        yield return new("model.decoder.self_conditioning.pre_norm.weight", Hidden);
        yield return new("model.decoder.self_conditioning.gate_proj.weight", Width, Hidden);
        yield return new("model.decoder.self_conditioning.up_proj.weight", Width, Hidden);
        yield return new("model.decoder.self_conditioning.down_proj.weight", Hidden, Width);
        yield return new("model.encoder.vision_tower.patch_embedder.input_proj.weight", 6, 5);
        yield return new("model.encoder.embed_vision.embedding_projection.weight", Hidden, 6);
        for (int layer = 0; layer < IsFull.Length; layer++)
        {
            yield return new($"model.encoder.language_model.layers.{layer}.layer_scalar", 1);
            foreach (PlainTensor tensor in LayerTensors(layer))
            {
                yield return tensor with { Name = $"model.decoder.layers.{layer}.{tensor.Name}" };
            }
        }
    }

    private List<PlainTensor> LayerTensors(int layer)
    {
        int size = HeadDim(layer), queries = Heads * size, keys = KeyHeads(layer) * size;
        List<PlainTensor> tensors =
        [
            new("input_layernorm.weight", Hidden),
            new("post_attention_layernorm.weight", Hidden),
            new("pre_feedforward_layernorm.weight", Hidden),
            new("pre_feedforward_layernorm_2.weight", Hidden),
            new("post_feedforward_layernorm.weight", Hidden),
            new("post_feedforward_layernorm_1.weight", Hidden),
            new("post_feedforward_layernorm_2.weight", Hidden),
            new("layer_scalar", 1),
            new("self_attn.q_proj.weight", queries, Hidden),
            new("self_attn.k_proj.weight", keys, Hidden),
            new("self_attn.o_proj.weight", Hidden, queries),
            new("self_attn.q_norm.weight", size),
            new("self_attn.k_norm.weight", size),
            new("mlp.gate_proj.weight", Width, Hidden),
            new("mlp.up_proj.weight", Width, Hidden),
            new("mlp.down_proj.weight", Hidden, Width),
            new("router.proj.weight", Experts, Hidden),
            new("router.scale", Hidden),
            new("router.per_expert_scale", Experts),
            new("experts.gate_up_proj", Experts, 2 * ExpertWidth, Hidden),
            new("experts.down_proj", Experts, Hidden, ExpertWidth),
        ];
        if (!IsFull[layer])
        {
            tensors.Add(new("self_attn.v_proj.weight", keys, Hidden));
        }

        return tensors;
    }
}
