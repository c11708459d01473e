using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Blocks of a transformer, one behind the other.</summary>
/// <param name="config">Of the network.</param>
/// <param name="parameters">Their weights by name, others may be among them.</param>
/// <param name="first">Number of the first block.</param>
/// <param name="count">How many.</param>
internal sealed class TransformerBlocks(ModelConfig config, Dictionary<string, Parameter> parameters, int first, int count)
{
    private readonly TransformerBlock[] _blocks =
        [.. Enumerable.Range(first, count).Select(i => new TransformerBlock(config, parameters, i))];

    private readonly RotaryTable? _angles = config.LearnedPositions ? null : new RotaryTable(config); // null: nothing is rotated

    /// <summary>An empty cache of the keys and values of these blocks.</summary>
    /// <param name="tape">Where they run.</param>
    /// <param name="length">The most positions.</param>
    public KeyValueCache CreateCache(Tape tape, int length) => new(config, tape, length, first, count);

    /// <inheritdoc cref="TransformerBlock.Forward"/>
    public Variable Forward(Tape tape, Variable h, AttentionShape shape, int length, PassRows? pass)
    {
        RotaryAngles? angles = _angles?.For(length);
        foreach (TransformerBlock block in _blocks)
        {
            int mark = tape.Mark();
            h = block.Forward(tape, h, shape, angles, length, pass);
            tape.ReleaseSince(mark);
        }

        return h;
    }
}
