using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>What a <see cref="GemmaDenoiser"/> keeps of one text.</summary>
internal sealed class GemmaContext : IUniformContext
{
    // Known text is read in pieces, which bounds the memory of a pass.
    private const int Piece = 512;

    private readonly GemmaDenoiser _network;
    private readonly GemmaMemory[] _memories;
    private int _length; // tokens known so far
    private Tensor? _soft; // [N, C]
    private bool _isConditioned;
    private Tensor? _logits; // of the last pass, until anything else happens here

    public GemmaContext(GemmaDenoiser network)
    {
        ModelConfig config = network.Config;
        _network = network;
        _memories =
        [
            .. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new GemmaMemory(
                network.Gemma.KeyValueHeadsOf(i, config) * network.Gemma.HeadSizeOf(i, config),
                network.Gemma.SlidingLayers[i] ? network.Gemma.SlidingWindow - 1 : int.MaxValue)),
        ];
    }

    private Tape Tape => _network.Tape;

    /// <inheritdoc/>
    public void Append(ReadOnlySpan<int> ids)
    {
        if (ids.Length > _network.MaxLength - _length)
        {
            throw new CinnabarException(
                $"Expected a text of at most {_network.MaxLength} tokens (the network's limit), found {(long)_length + ids.Length}.",
                "Shorten the prompt, or ask for fewer new tokens.");
        }

        (_isConditioned, _logits) = (false, null);
        for (int start = 0; start < ids.Length; start += Piece)
        {
            ReadOnlySpan<int> piece = ids[start..Math.Min(ids.Length, start + Piece)];
            Tape.Reset();
            RunLayers(Embedded(piece), piece.Length, isText: true);
            foreach (GemmaMemory memory in _memories)
            {
                memory.Keep(piece.Length);
            }

            _length += piece.Length;
        }
    }

    /// <inheritdoc/>
    public Tensor Logits(ReadOnlySpan<int> canvas)
    {
        if (canvas.Length < 1 || canvas.Length > _network.CanvasLength || (_isConditioned && canvas.Length != _soft!.Rows))
        {
            throw new ArgumentException(
                $"Expected a canvas of 1 … {_network.CanvasLength} tokens, as many as in the pass before, found {canvas.Length}.",
                nameof(canvas));
        }

        float epsilon = (float)_network.Config.RmsNormEps;
        Tape.Reset();
        Variable h = Embedded(canvas);
        int mark = Tape.Mark();
        if (_isConditioned)
        {
            h = Tape.Add(h, _network.SelfConditioning.Forward(Tape, new Variable(_soft!), _network.SoftNorm, epsilon));
        }

        Tape.ReleaseSince(mark);
        h = RunLayers(Tape.RmsNorm(h, _network.CanvasNorm, epsilon), canvas.Length, isText: false);
        Variable logits = Tape.RmsNormLinear(h, _network.FinalNorm, epsilon, _network.Embedding)[0];
        return _logits = Tape.SoftCap(logits, (float)_network.Gemma.LogitCap).Value;
    }

    /// <inheritdoc/>
    public void Condition(double temperature)
    {
        Tensor p = _logits ?? throw new InvalidOperationException("Expected a pass over the canvas before its prediction is kept.");
        KernelTable kernels = Tape.Kernels;
        kernels.Scaling.Forward(p, (float)(1 / temperature));
        kernels.Softmax.Forward(p);
        if (_soft?.Rows != p.Rows)
        {
            _soft = Tensor.Zeros(p.Rows, _network.Config.HiddenSize);
        }

        _network.SoftEmbedding.Mean(p, _soft);
        kernels.Scaling.Forward(_soft, _network.Gemma.EmbeddingScale);
        (_isConditioned, _logits) = (true, null);
    }

    private Variable Embedded(ReadOnlySpan<int> ids) =>
        Tape.Scale(Tape.Embedding(_network.Embedding, ids), _network.Gemma.EmbeddingScale);

    private Variable RunLayers(Variable h, int rows, bool isText)
    {
        ModelConfig config = _network.Config;
        GemmaConfig gemma = _network.Gemma;
        ReadOnlyMemory<int> positions = _network.Ascending(_length, rows);
        for (int i = 0; i < _network.Layers.Length; i++)
        {
            GemmaLayer layer = _network.Layers[i];
            GemmaMemory memory = _memories[i];
            AttentionShape shape = new(
                Batch: 1,
                memory.Rows + rows,
                config.NumAttentionHeads,
                gemma.KeyValueHeadsOf(i, config),
                gemma.HeadSizeOf(i, config),
                isText ? AttentionKind.Causal : AttentionKind.Full,
                Positions: _network.Ascending(memory.Rows, rows),
                Window: isText && layer.IsSliding ? gemma.SlidingWindow : null);
            RotaryAngles angles = _network.AnglesFor(layer.IsSliding, _length + rows);
            int mark = Tape.Mark();
            h = layer.Forward(Tape, h, positions.Span, angles, memory, shape, isText);
            Tape.ReleaseSince(mark);
        }

        return h;
    }
}
