// Windows of text for a network that sees both sides. A share of them is shaped like use:
//   infill        context, hole, context, hole, …: a hole is a line or a run of tokens followed by end-of-hole padding; only holes are
//                 wanted, so that the network learns to fill between given texts and to end before the canvas does;
//   continuation  a clean prefix of random length; only what follows is wanted.
// One sequence in a hundred has a random length (LLaDA). Of the others all tokens are wanted.
// Passes that read left to right (causal_share) are given those of MiddleWindows instead: there a hole's surroundings stand before it, and
// every token is wanted.
using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws windows with and without holes.</summary>
/// <param name="data">At least one sequence long.</param>
/// <param name="options">Sizes and shares.</param>
/// <param name="holes">How holes lie in text.</param>
/// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
public sealed class HoleWindows(TokenDataset data, TrainingOptions options, HoleShapes holes) : WindowSource(data, options)
{
    /// <summary>Share of sequences with holes when a configuration has no infill_share.</summary>
    public const double DefaultInfillShare = 0.25;

    private const ulong LeftToRightStream = 2;

    private readonly double _infillShare = options.InfillShare ?? DefaultInfillShare;
    private readonly int _padTokenId = options.ModelConfig.PadTokenId;
    private readonly MiddleWindows? _leftToRight = options.CausalShare > 0 ? new MiddleWindows(data, options, holes) : null;

    /// <inheritdoc/>
    public override SequenceDraw Draw(int step, DeterministicRandom random)
    {
        SequenceDraw draw = base.Draw(step, random);
        return _leftToRight is null
            ? draw
            : draw with { LeftToRight = _leftToRight.Draw(step, random.Fork(LeftToRightStream)).Batches };
    }

    /// <inheritdoc/>
    protected override int DrawSequence(Span<int> sequence, Span<bool> wanted, DeterministicRandom random)
    {
        ReadWindow(sequence, random);
        int valid = sequence.Length;
        if (random.NextDouble() < Options.RandomLengthShare)
        {
            valid = 1 + random.NextInt(sequence.Length);
            sequence[valid..].Fill(_padTokenId);
        }

        double shape = random.NextDouble();
        if (shape < _infillShare)
        {
            holes.Dig(sequence[..valid], wanted, random);
        }
        else
        {
            int prefix = shape < _infillShare + Options.ContinuationShare ? random.NextInt(valid) : 0;
            wanted[prefix..valid].Fill(true);
        }

        return valid;
    }
}
