// Lengths of holes that are found before the holes are filled.
using System.Diagnostics;
using Cinnabar.Sampling;

namespace Cinnabar;

public sealed partial class DiffusionModel
{
    /// <summary>Finds the lengths of holes, where the text asks for that; the text is then laid out like any other.</summary>
    /// <param name="text">Any text; one whose <see cref="TextWithHoles.Length"/> needs no search comes back as it is.</param>
    /// <param name="options">How the holes will be filled; null: <see cref="DefaultOptions"/>.</param>
    /// <param name="cancellation">Stops before the next pass through the network.</param>
    /// <returns>The text with the lengths that were found, and what finding them took (<see cref="TextWithHoles.LengthCost"/>).</returns>
    /// <exception cref="CinnabarException">
    /// The model or an option does not go with a search: a model without <see cref="LengthBias"/>, or one that writes left to right.
    /// </exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TextWithHoles FindLengths(TextWithHoles text, SamplerOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= DefaultOptions;
        if (!text.FindsLengths)
        {
            return text;
        }

        Stopwatch time = Stopwatch.StartNew();
        LengthSearch search = new(this, text, options);
        foreach (ProbedLengths _ in search.Probe())
        {
            cancellation.ThrowIfCancellationRequested();
        }

        return search.Result(time.Elapsed);
    }
}
