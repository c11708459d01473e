using System.Text;
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Server.Streams;

/// <summary>The text of a hole as it stands, a light shade ░ for each noisy position: what a stream of the whole text shows.</summary>
internal static class NoisyText
{
    private const char Noise = '░';

    /// <summary>The text of a hole, cut at the stop text that is complete first, as the finished one is.</summary>
    /// <param name="text">For the line ends, and what the hole repeats of the text before it.</param>
    /// <param name="canvas">The state to show.</param>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="stops">Texts that end it.</param>
    public static string Of(TextCanvas text, Canvas canvas, int hole, Tokenizer tokenizer, IReadOnlyList<string> stops)
    {
        int[] ids = canvas.TextOf(hole);
        int start = canvas.Holes[hole].Start;
        StringBuilder shown = new();
        for (int from = 0; from < ids.Length;)
        {
            int to = from;
            bool isNoisy = canvas.StateOf(start + from) == PositionState.Noisy;
            while (to < ids.Length && canvas.StateOf(start + to) == PositionState.Noisy == isNoisy)
            {
                to++;
            }

            bool begins = from == 0 && text.BeginsText(hole);
            shown.Append(isNoisy ? new string(Noise, to - from) : tokenizer.Decode(ids.AsSpan(from..to), first: begins));
            from = to;
        }

        string whole = text.TextOfHole(hole, shown.ToString());
        (int at, _) = stops
            .Select(stop => (At: whole.IndexOf(stop, StringComparison.Ordinal), stop.Length))
            .Where(found => found.At >= 0)
            .OrderBy(found => found.At + found.Length)
            .ThenBy(found => found.At)
            .FirstOrDefault((whole.Length, 0));
        return whole[..at];
    }
}
