// Lengths of holes are found between the steps of other texts: a search is work of many pieces, one for each pass of its probe.
using Cinnabar.Sampling;

namespace Cinnabar.Serving;

public sealed partial class ModelEngine
{
    /// <summary>Finds the lengths of holes as <see cref="DiffusionModel.FindLengths"/> does, while other texts go on.</summary>
    /// <param name="text">Any text; one that needs no search comes back as it is.</param>
    /// <param name="options">How the holes will be filled; null: the model's defaults.</param>
    /// <param name="cancellation">Gives the search up.</param>
    /// <exception cref="EngineBusyException">There is no room for the search, or the engine has been stopped.</exception>
    /// <exception cref="CinnabarException">The model or an option does not go with a search.</exception>
    public async Task<TextWithHoles> FindLengthsAsync(
        TextWithHoles text, SamplerOptions? options = null, CancellationToken cancellation = default)
    {
        if (!text.FindsLengths)
        {
            return text;
        }

        using EngineWork work = BeginWork();
        return await work.FindLengthsAsync(text, options, cancellation).ConfigureAwait(false);
    }

    /// <summary>The search, as pieces of what has begun.</summary>
    internal async Task<TextWithHoles> FindLengthsAsync(
        EngineWork work, TextWithHoles text, SamplerOptions? options, CancellationToken cancellation)
    {
        long start = _time.GetTimestamp();
        LengthSearch search = new(Model, text, options ?? Model.DefaultOptions);
        using IEnumerator<ProbedLengths> probe = search.Probe().GetEnumerator();
        bool goesOn = true;
        while (goesOn)
        {
            goesOn = await work.RunAsync(_ => probe.MoveNext(), cancellation).ConfigureAwait(false);
        }

        return search.Result(_time.GetElapsedTime(start));
    }
}
