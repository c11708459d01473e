// logits = u + (cfg + 1)(c − u): c from the canvas as it is, u from a copy in which the known text is masked. cfg = 0 gives c.
// Source: Nie et al., "Scaling up masked diffusion models on text" (unsupervised guidance); ML-GSAI/LLaDA generate.py.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

internal static class ClassifierFreeGuidance
{
    /// <summary>Writes the ids of <paramref name="canvas"/> with every frozen position masked; committed positions stay.</summary>
    public static void Unconditional(Canvas canvas, Span<int> ids)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = canvas.StateOf(i) == PositionState.Frozen ? canvas.Tokens.MaskTokenId : canvas.Ids[i];
        }
    }

    /// <summary>Replaces c by the guided logits. An id that either pass rules out (−∞) stays ruled out.</summary>
    public static void Combine(Span<float> c, ReadOnlySpan<float> u, double scale)
    {
        float weight = (float)(scale + 1);
        for (int i = 0; i < c.Length; i++)
        {
            bool ruledOut = float.IsNegativeInfinity(c[i]) || float.IsNegativeInfinity(u[i]);
            c[i] = ruledOut ? float.NegativeInfinity : u[i] + (weight * (c[i] - u[i]));
        }
    }
}
