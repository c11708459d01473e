// Tokens to latents and back. B sequences of L tokens, s tokens a latent, n = L/s latents, C hidden, d numbers a latent.
//
//   encoder   h = wte[ids] [B·L, C] → blocks on tokens → s neighbouring rows side by side [B·n, s·C] → down [B·n, C] → blocks on latents
//             z = each of G parts of encode(RMSNorm(h)) divided by its root mean square           [B·n, d]
//   decoder, parallel    h = decode(z) → blocks on latents → up [B·n, s·C] = [B·L, C] → blocks on tokens → logits [B·L, E]
//   decoder, causal      rows decode(z) [n] and then wte[ids] [L] of each sequence, and to the row before each token is added what
//                        up(decode(z)) says of that token → causal blocks → logits of each token from the row before it: a small
//                        left-to-right writer behind a paragraph's latents (PLANNER, Zhang et al. 2023)
//
// PLANNER's decoder, a GPT-2 that is finished, sees latents as rows before the text alone. One that is trained with its encoder learns to
// guess words from the words before, long before it learns to look at rows far away, and then has no need of them (Bowman et al. 2016):
// without the sum, 800 steps on paragraphs left it at 2 % of tokens that come back.
//
// All blocks are TransformerBlock with full attention, positions counted in rows of their own level. Dividing by the root mean square
// gives latents a fixed size (LD4LG, Lovelace et al. 2023, normalises likewise), so that noise of size 1 means the same for every model,
// and keeps the codes of a part on a sphere.
// The design is our own: no reference exists for VQ-VAEs of text in this form (specification C.13).
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

/// <summary>Encoder and decoder over given weights. Not thread-safe.</summary>
public sealed partial class LatentAutoencoder
{
    private readonly ModelConfig _config;
    private readonly LatentShape _shape;
    private readonly TransformerBlock[] _encoder;
    private readonly TransformerBlock[] _decoder;
    private readonly Parameter _embedding;
    private readonly Parameter _down;
    private readonly Parameter _norm;
    private readonly Parameter _encode;
    private readonly Parameter _decode;
    private readonly Parameter _up;
    private readonly Parameter _finalNorm;
    private readonly Parameter _head;
    private readonly Parameter _ones;
    private readonly RotaryTable _angles;

    /// <summary>Builds the networks.</summary>
    /// <param name="config">With latents.</param>
    /// <param name="weights">By name, those of <see cref="LatentWeights.OfAutoencoder"/> among them; F32.</param>
    public LatentAutoencoder(ModelConfig config, IReadOnlyDictionary<string, Tensor> weights)
    {
        (_config, _shape) = (config, config.Latents!);
        Codebook = _shape.CodebookSize > 0 ? weights[LatentWeights.Codebook] : null;
        Parameters =
        [
            .. LatentWeights.OfAutoencoder(config)
                .Where(weight => weight.Name != LatentWeights.Codebook)
                .Select(weight => new Parameter(weight.Name, weights[weight.Name])),
        ];
        Dictionary<string, Parameter> byName = Parameters.ToDictionary(parameter => parameter.Name);
        int half = config.NumHiddenLayers / 2;
        TransformerBlock[] blocks =
            [.. Enumerable.Range(0, config.NumHiddenLayers).Select(i => new TransformerBlock(config, byName, i))];
        (_encoder, _decoder) = (blocks[..half], blocks[half..]);
        _embedding = byName[LladaWeightNames.Embedding];
        (_down, _norm, _encode) = (byName[LatentWeights.Down], byName[LatentWeights.Norm], byName[LatentWeights.Encode]);
        (_decode, _up) = (byName[LatentWeights.Decode], byName[LatentWeights.Up]);
        _finalNorm = byName[LladaWeightNames.FinalNorm];
        _head = config.WeightTying ? _embedding : byName[LladaWeightNames.Head];
        _ones = new Parameter("ones", Tensor.Zeros(_shape.Size / _shape.CodebookGroups));
        _ones.Value.Floats.Fill(1);
        _angles = new RotaryTable(config with { MaxSequenceLength = config.MaxSequenceLength * 2 });
    }

    /// <summary>What gradients move, in checkpoint order; not the codes.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>[G·K, d/G]; null: latents are not replaced by codes.</summary>
    public Tensor? Codebook { get; }

    /// <summary>Tokens to latents.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="ids">B·L, L a multiple of s.</param>
    /// <param name="batch">B.</param>
    /// <returns>[B·n, d].</returns>
    public Variable Encode(Tape tape, ReadOnlySpan<int> ids, int batch)
    {
        int count = ids.Length / _shape.Downsampling;
        Variable h = Run(tape, _encoder[.._shape.TokenLayers], tape.Embedding(_embedding, ids), batch, AttentionKind.Full);
        h = tape.Linear(tape.View(h, count, _shape.Downsampling * _config.HiddenSize), _down);
        h = Run(tape, _encoder[_shape.TokenLayers..], h, batch, AttentionKind.Full);
        Variable z = tape.RmsNormLinear(h, _norm, Epsilon, _encode)[0];
        return Normalised(tape, z);
    }

    /// <summary>Each part of each latent divided by its root mean square: the size that codes and decoder know.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="latents">[B·n, d].</param>
    internal Variable Normalised(Tape tape, Variable latents) => tape.RmsNorm(latents, _ones, Epsilon);

    /// <summary>What the decoder, whichever it is, says of a known text: all of it at once, or each token after those before it.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="latents">[B·n, d].</param>
    /// <param name="ids">B·L.</param>
    /// <param name="batch">B.</param>
    /// <returns>Logits [B·L, E].</returns>
    public Variable Logits(Tape tape, Variable latents, ReadOnlySpan<int> ids, int batch) =>
        _shape.HasCausalDecoder ? DecodeCausally(tape, latents, ids, batch) : Decode(tape, latents, batch);

    /// <summary>Latents to tokens, with the parallel decoder.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="latents">[B·n, d].</param>
    /// <param name="batch">B.</param>
    /// <returns>Logits [B·L, E].</returns>
    public Variable Decode(Tape tape, Variable latents, int batch)
    {
        int onLatents = _decoder.Length - _shape.TokenLayers;
        Variable h = Run(tape, _decoder[..onLatents], tape.Linear(latents, _decode), batch, AttentionKind.Full);
        h = Up(tape, h);
        h = Run(tape, _decoder[onLatents..], h, batch, AttentionKind.Full);
        return tape.RmsNormLinear(h, _finalNorm, Epsilon, _head)[0];
    }

    /// <summary>Each token of a text given its latents and the tokens before, with the causal decoder.</summary>
    /// <param name="tape">Recording for training.</param>
    /// <param name="latents">[B·n, d].</param>
    /// <param name="ids">B·T tokens, T at least 1.</param>
    /// <param name="batch">B.</param>
    /// <returns>Logits [B·T, E].</returns>
    public Variable DecodeCausally(Tape tape, Variable latents, ReadOnlySpan<int> ids, int batch)
    {
        (int before, int known) = (latents.Value.Rows / batch, ids.Length / batch);
        Variable prefix = tape.Linear(latents, _decode);
        Variable told = Told(tape, prefix, known, batch);
        Variable h = tape.Join(prefix, tape.Embedding(_embedding, ids), batch);
        h = Run(tape, _decoder, tape.Add(h, told), batch, AttentionKind.Causal);

        // The row before token j of a sequence is its row n + j − 1.
        int[] rows = [.. Enumerable.Range(0, ids.Length).Select(i => (i / known * (before + known)) + before + (i % known) - 1)];
        return tape.RmsNormLinear(tape.SelectRows(h, rows), _finalNorm, Epsilon, _head)[0];
    }

    // What latents say of each of their tokens, in the row before it: [B·(n + T), C], zeros in the rows before which no token comes.
    private Variable Told(Tape tape, Variable prefix, int known, int batch)
    {
        int before = prefix.Value.Rows / batch;
        int tokens = before * _shape.Downsampling;
        Variable nothing = tape.Zeros(batch, _config.HiddenSize);
        int[] rows = new int[batch * (before + known)];
        for (int i = 0; i < rows.Length; i++)
        {
            int token = (i % (before + known)) - (before - 1);
            int first = i / (before + known) * (1 + tokens);
            rows[i] = token >= 0 && token < tokens ? first + 1 + token : first;
        }

        return tape.SelectRows(tape.Join(nothing, Up(tape, prefix), batch), rows);
    }

    // [B·n, C] → [B·L, C].
    private Variable Up(Tape tape, Variable h) =>
        tape.View(tape.Linear(h, _up), h.Value.Rows * _shape.Downsampling, _config.HiddenSize);

    private float Epsilon => (float)_config.RmsNormEps;

    private Variable Run(Tape tape, ReadOnlySpan<TransformerBlock> blocks, Variable h, int batch, AttentionKind kind)
    {
        int length = h.Value.Rows / batch;
        AttentionShape shape = new(batch, length, _config.NumAttentionHeads, _config.NumKeyValueHeads, _config.HeadSize, kind);
        RotaryAngles angles = _angles.For(length);
        foreach (TransformerBlock block in blocks)
        {
            int mark = tape.Mark();
            h = block.Forward(tape, h, shape, angles, length, pass: null);
            tape.ReleaseSince(mark);
        }

        return h;
    }
}
