// The causal decoder, token after token: keys and values of what it has read are kept, so that a token costs one row of a pass. The same
// rows as DecodeCausally's, whose sums differ in nothing but the size of the pass.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Latents;

public sealed partial class LatentAutoencoder
{
    /// <summary>Begins to spell the text of some latents.</summary>
    /// <param name="tape">Not recording.</param>
    /// <param name="latents">[n, d] of one sequence.</param>
    /// <param name="tokens">L: of the whole text, at most n·s.</param>
    internal CausalSpelling BeginSpelling(Tape tape, Variable latents, int tokens)
    {
        ModelConfig causal = _config with { AttentionKind = AttentionKind.Causal, ShiftLogits = false, Latents = null };
        Variable prefix = tape.Linear(latents, _decode);
        Tensor told = Told(tape, prefix, tokens, batch: 1).Value;
        return new CausalSpelling(causal, tape, prefix.Value.Rows, tokens, prefix.Value.Floats.ToArray(), told.Floats.ToArray());
    }

    /// <summary>The logits of the token behind those that are known, read on from where the last call ended.</summary>
    /// <param name="tape">Not recording; reset before.</param>
    /// <param name="spelling">Of this autoencoder.</param>
    /// <param name="known">The text so far; begins with that of the last call, and is longer or the first one.</param>
    /// <returns>[1, E].</returns>
    internal Tensor NextLogits(Tape tape, CausalSpelling spelling, ReadOnlySpan<int> known)
    {
        int width = _config.HiddenSize;
        (int first, int end) = (spelling.Read, spelling.Latents + known.Length);
        ReadOnlySpan<int> unread = known[Math.Max(0, first - spelling.Latents)..];
        Variable? words = unread.Length > 0 ? tape.Embedding(_embedding, unread) : null;
        Variable h = first > 0 ? words! : WithPrefix(words);
        h = tape.Add(h, tape.Input(spelling.Told.AsSpan(first * width, (end - first) * width), end - first, width));
        PassRows rows = spelling.ReadOn(end);
        foreach (TransformerBlock block in _decoder)
        {
            int mark = tape.Mark();
            h = block.Forward(tape, h, default, _angles.For(spelling.Length), spelling.Length, rows);
            tape.ReleaseSince(mark);
        }

        return tape.RmsNormLinear(tape.SelectRows(h, [end - first - 1]), _finalNorm, Epsilon, _head)[0].Value;

        Variable WithPrefix(Variable? words)
        {
            Variable prefix = tape.Input(spelling.Prefix, spelling.Latents, width);
            return words is null ? prefix : tape.Join(prefix, words, batch: 1);
        }
    }
}

/// <summary>A text that is being spelled: what its latents say, and keys and values of what was read.</summary>
/// <param name="config">The decoder's, causal.</param>
/// <param name="tape">Not recording.</param>
/// <param name="latents">n.</param>
/// <param name="tokens">L.</param>
/// <param name="prefix">Rows of the latents, n·C.</param>
/// <param name="told">What latents add to each row, (n + L)·C.</param>
internal sealed class CausalSpelling(ModelConfig config, Tape tape, int latents, int tokens, float[] prefix, float[] told)
{
    private readonly KeyValueCache _cache = new(config, tape, latents + tokens);
    private readonly PassRows _rows = new(config);
    private readonly int[] _places = new int[latents + tokens];

    /// <summary>n.</summary>
    public int Latents => latents;

    /// <summary>n + L.</summary>
    public int Length => latents + tokens;

    /// <summary>Rows of the latents.</summary>
    public float[] Prefix => prefix;

    /// <summary>What latents add to each row.</summary>
    public float[] Told => told;

    /// <summary>Rows that were read.</summary>
    public int Read { get; private set; }

    /// <summary>The pass over what has not been read.</summary>
    /// <param name="end">Behind its last row.</param>
    public PassRows ReadOn(int end)
    {
        _rows.Clear();
        _rows.Add(_places, [end - 1], [.. Enumerable.Range(Read, end - Read)], _cache);
        Read = end;
        return _rows;
    }
}
