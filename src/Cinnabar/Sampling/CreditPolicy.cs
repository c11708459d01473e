// Tokens that have led for several steps get credit. C[i, v] is kept per noisy position i and token v; in each step
//
//   C ← 0.8·C;   C[i, top] += p(top)^0.2 for the most probable token of i;   logits ← logits + 0.7·ln(1 + C)
//
// so a token that stays on top becomes surer, and one that flickers does not. Only tokens that ever led have credit: a short list.
// Under a constraint only tokens that it allows can lead: others at −∞ have p = 0, and the rest share what is left.
// Source: inclusionAI/dInfer, "credit" decoder.
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>Raises the logits of tokens that have led before.</summary>
/// <param name="inner">Chooses from the raised logits.</param>
public sealed class CreditPolicy(StepPolicy inner) : RevisingPolicy(inner)
{
    private const double Fading = 0.8;
    private const double Exponent = 0.2;
    private const double Weight = 0.7;

    private readonly Dictionary<int, Dictionary<int, double>> _credits = [];

    /// <inheritdoc/>
    public override RowUse Uses => RowUse.Everything;

    /// <inheritdoc/>
    public override bool ComparesTokens => true;

    /// <inheritdoc/>
    public override void Begin(Canvas canvas)
    {
        base.Begin(canvas);
        _credits.Clear();
        foreach (int position in canvas.OpenPositions())
        {
            _credits[position] = [];
        }
    }

    /// <inheritdoc/>
    public override void Adjust(int position, Span<float> logits)
    {
        Dictionary<int, double> credits = _credits[position];
        foreach (int id in credits.Keys)
        {
            credits[id] *= Fading;
        }

        int top = 0;
        for (int id = 1; id < logits.Length; id++)
        {
            top = logits[id] > logits[top] ? id : top;
        }

        if (float.IsNegativeInfinity(logits[top]))
        {
            return; // nothing may be written here, which the draw says
        }

        double probability = 1 / Exponentials.Sum(logits, logits[top]);
        credits[top] = credits.GetValueOrDefault(top) + Math.Pow(probability, Exponent);
        foreach ((int id, double credit) in credits)
        {
            logits[id] += (float)(Weight * Math.Log(1 + credit));
        }

        base.Adjust(position, logits);
    }
}
