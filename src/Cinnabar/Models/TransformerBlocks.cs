using Cinnabar.Checkpoints;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>Blocks of a transformer, one behind the other.</summary>
internal sealed class TransformerBlocks
{
    private readonly TransformerBlock[] _blocks;
    private readonly RotaryTable? _angles; // null: positions are learned, and nothing is rotated

    /// <summary>Takes the weights of <paramref name="count"/> blocks from <paramref name="first"/> on.</summary>
    public TransformerBlocks(ModelConfig config, Dictionary<string, Parameter> parameters, int first, int count)
    {
        First = first;
        _blocks = [.. Enumerable.Range(first, count).Select(i => new TransformerBlock(config, parameters, i))];
        _angles = config.LearnedPositions ? null : new RotaryTable(config);
    }

    /// <summary>Number of the first block.</summary>
    public int First { get; }

    /// <summary>How many there are.</summary>
    public int Count => _blocks.Length;

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
