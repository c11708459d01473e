using Cinnabar.Diffusion;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Training.Objectives;

/// <summary>Draws windows of the text as it is, half of them from the beginning of a document.</summary>
/// <param name="data">At least one sequence long.</param>
/// <param name="options">Sizes.</param>
/// <exception cref="CinnabarException">The text is shorter than a sequence.</exception>
public sealed class PlainWindows(TokenDataset data, TrainingOptions options) : WindowSource(data, options)
{
    /// <inheritdoc/>
    protected override int DrawSequence(Span<int> sequence, Span<bool> wanted, DeterministicRandom random)
    {
        wanted.Fill(true);
        if (random.NextDouble() < 0.5)
        {
            ReadDocument(sequence, random);
        }
        else
        {
            ReadWindow(sequence, random);
        }

        return sequence.Length;
    }
}
