// The search for the lengths of holes, for texts whose LengthPolicy asks for one: one pass a length (Sampling/LengthProbe.cs).
//
// What comes out is the same text with known lengths, which is laid out and filled like any other. The passes of the search are counted by
// themselves. Who works decides how: DiffusionModel makes all of them at once, ModelEngine one after the other, between those of other
// texts. A constrained hole is not searched: it keeps all its positions, as only then it is known that a text fits. Pins and bans are not
// seen.
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Sampling;

namespace Cinnabar;

/// <summary>Finds the lengths of the holes of one text; not thread-safe.</summary>
internal sealed class LengthSearch
{
    private readonly DiffusionModel _model;
    private readonly TextWithHoles _text;
    private readonly (int Least, int Most)[] _holes;
    private readonly LengthBias _bias;
    private ProbedLengths _probed;

    /// <summary>Prepares a search.</summary>
    /// <param name="model">The model.</param>
    /// <param name="text">A text that <see cref="TextWithHoles.FindsLengths"/>.</param>
    /// <param name="options">How it will be sampled.</param>
    /// <exception cref="CinnabarException">
    /// The model or the options do not go with a search, or the bias does not tell of the lengths of a hole.
    /// </exception>
    public LengthSearch(DiffusionModel model, TextWithHoles text, SamplerOptions options)
    {
        (_model, _text) = (model, text);
        _holes = [.. text.HoleTokens.Select((most, i) => (text.IsConstrained(i) ? most : text.LeastOf(i), most))];
        model.Denoiser.RequireMask("holes whose length is to be found");
        if (model.Config.IsAutoregressive)
        {
            throw EndsHolesItself(model, text.Length);
        }

        if (options.Deadline is not null)
        {
            throw new CinnabarException(
                $"Expected no value for the option Deadline beside a search for lengths ({text.Length}), found one.",
                "Leave it out, or let the end of the hole trim the text.");
        }

        _bias = RequiredBias();
    }

    /// <summary>The error for a model that writes left to right.</summary>
    public static CinnabarException EndsHolesItself(DiffusionModel model, LengthPolicy policy) => new(
        $"Expected a diffusion model for holes whose length is found ({policy}), found {model.Name}, which writes left to right.",
        "Let it end the hole itself (Trim), or give the length (Fixed).");

    /// <summary>The passes of the probe: one for each item but the first, which is free.</summary>
    public IEnumerable<ProbedLengths> Probe()
    {
        (int Least, int Most)[] told = [.. _holes.Select(hole =>
            hole.Least < hole.Most ? (Math.Min(hole.Least, _bias.Most), Math.Min(hole.Most, _bias.Most)) : hole)];
        int[] least = [.. _text.HoleTokens.Select((_, i) => _text.LeastOf(i))];
        Canvas canvas = _model.CanvasFor(_text.WithLengths(_text.HoleTokens, least)).Canvas;
        foreach (ProbedLengths found in new LengthProbe(_model.Denoiser).Climb(KnownOf(canvas), told, _bias))
        {
            _probed = found;
            yield return found;
        }
    }

    /// <summary>At the end: the text with the lengths that were found.</summary>
    /// <param name="elapsed">Time of the search.</param>
    public TextWithHoles Result(TimeSpan elapsed)
    {
        int[] exactly = [.. _holes.Select((hole, i) => hole.Least < hole.Most ? _probed.Lengths[i] : hole.Most)];
        return _text.WithLengths(exactly, [.. exactly.Select((length, i) => _text.IsConstrained(i) ? _text.LeastOf(i) : length)]) with
        {
            LengthCost = new LengthCost(_probed.Passes, elapsed),
        };
    }

    // What the network sees of the text, cut to its context.
    private static int[][] KnownOf(Canvas canvas)
    {
        int[] starts = [0, .. canvas.Holes.Select(hole => hole.Next)];
        int[] ends = [.. canvas.Holes.Select(hole => hole.Start), canvas.Length];
        return [.. starts.Select((start, i) => canvas.Ids[start..ends[i]].ToArray())];
    }

    private LengthBias RequiredBias()
    {
        LengthBias bias = _model.LengthBias ?? throw new CinnabarException(
            $"Expected the file {LengthBias.FileName} in the folder of the model {_model.Name}, which probing lengths needs, found none.",
            "Fit it once: cinnabar eval infill --model MODEL --corpus CORPUS --probe 100 --save-bias.");
        int least = _holes.Max(hole => hole.Least < hole.Most ? hole.Least : 0);
        return least <= bias.Most ? bias : throw new CinnabarException(
            $"Expected holes whose fewest tokens are at most the {bias.Most} that {LengthBias.FileName} tells of, found {least}.",
            "Ask for fewer, give the length, or fit the file for longer holes (--canvas).");
    }
}
