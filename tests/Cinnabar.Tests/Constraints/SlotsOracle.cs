using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Constraints;

/// <summary>
/// The slots of a hole, filled in every way one after the other. Of the ways to fill a wild slot the one counts behind which the most
/// weight lies.
/// </summary>
internal sealed class SlotsOracle
{
    public const int Open = -1;
    public const int Wild = -2;

    private readonly TinyConstraint _constraint;
    private readonly bool _beginsText;
    private readonly int[] _known; // by slot: a token, Open or Wild
    private readonly float[] _logits; // [L, V]
    private readonly float[] _scales;

    public SlotsOracle(TinyConstraint constraint, bool beginsText, int[] known, float[] logits, float[] scales)
    {
        (_constraint, _beginsText, _known, _logits, _scales) = (constraint, beginsText, known, logits, scales);
        Visit(new int[known.Length], 0, 0);
        double most = All.Select(text => text.Log).DefaultIfEmpty().Max();
        Texts = Counted([.. All], 0, most).Texts;
    }

    private int Vocabulary => _constraint.Tokens.Length;

    /// <summary>All texts with a weight, and its logarithm; in lexicographic order.</summary>
    public List<(int[] Tokens, double Log)> All { get; } = [];

    /// <summary>Those that count.</summary>
    public List<(int[] Tokens, double Log)> Texts { get; }

    public double LogPartition
    {
        get
        {
            double most = Texts.Max(text => text.Log);
            return most + Math.Log(Texts.Sum(text => Math.Exp(text.Log - most)));
        }
    }

    public static SlotsOracle Random(TinyConstraint constraint, DeterministicRandom random, int length)
    {
        int vocabulary = constraint.Tokens.Length;
        var known = new int[length];
        var scales = new float[length];
        for (int i = 0; i < length; i++)
        {
            known[i] = random.NextInt(6) switch { 0 => random.NextInt(vocabulary), 1 => Wild, _ => Open };
            scales[i] = random.NextInt(3) == 0 ? 3.5f : 1;
        }

        var logits = new float[length * vocabulary];
        for (int i = 0; i < logits.Length; i++)
        {
            logits[i] = random.NextInt(6) switch
            {
                0 => float.NegativeInfinity,
                1 => -200 * (float)random.NextDouble(),
                _ => 2 * (float)random.NextGaussian(),
            };
        }

        return new SlotsOracle(constraint, random.NextInt(2) == 0, known, logits, scales);
    }

    public TokenAutomaton BuildAutomaton() => _constraint.Build(_beginsText);

    public void Load(ConstrainedSlots slots, TokenAutomaton automaton)
    {
        slots.Begin(automaton, _known.Length);
        for (int i = 0; i < _known.Length; i++)
        {
            if (_known[i] == Open)
            {
                slots.Distribute(i, Tensor.From(_logits, _known.Length, Vocabulary), i, _scales[i]);
            }
            else if (_known[i] != Wild)
            {
                slots.Fix(i, _known[i]);
            }
        }
    }

    public bool IsWild(int slot) => _known[slot] == Wild;

    public double Marginal(int slot, int token)
    {
        double log = LogPartition;
        return Texts.Where(text => text.Tokens[slot] == token).Sum(text => Math.Exp(text.Log - log));
    }

    /// <summary>A text without what it has in wild slots.</summary>
    public string Key(ReadOnlySpan<int> tokens)
    {
        int[] shown = tokens.ToArray();
        return string.Join(',', shown.Select((token, slot) => _known[slot] == Wild ? Wild : token));
    }

    private (double Weight, List<(int[] Tokens, double Log)> Texts) Counted(List<(int[] Tokens, double Log)> texts, int slot, double most)
    {
        if (slot == _known.Length || texts.Count == 0)
        {
            return (texts.Sum(text => Math.Exp(text.Log - most)), texts);
        }

        (double Weight, List<(int[] Tokens, double Log)> Texts)[] ways =
            [.. texts.GroupBy(text => text.Tokens[slot]).Select(way => Counted([.. way], slot + 1, most))];
        return _known[slot] == Wild
            ? ways.MaxBy(way => way.Weight)
            : (ways.Sum(way => way.Weight), [.. ways.SelectMany(way => way.Texts)]);
    }

    private void Visit(int[] tokens, int slot, double log)
    {
        if (slot == tokens.Length)
        {
            if (_constraint.Allows(tokens, _beginsText))
            {
                All.Add(([.. tokens], log));
            }

            return;
        }

        for (int token = 0; token < Vocabulary; token++)
        {
            double weight = _known[slot] == Open ? (double)_scales[slot] * _logits[(slot * Vocabulary) + token]
                : _known[slot] == Wild || _known[slot] == token ? 0 : double.NegativeInfinity;
            if (!double.IsNegativeInfinity(weight))
            {
                tokens[slot] = token;
                Visit(tokens, slot + 1, log + weight);
            }
        }
    }
}
