// Which rows go to which expert, and with which weight: the rule of ExpertConfig on the router's scores, then the choices sorted by expert.
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>The choices of one layer of experts; its buffers grow to the longest pass and are used again. Not thread-safe.</summary>
internal sealed class ExpertRouter(ExpertConfig config)
{
    private const double SumFloor = 1e-20; // of LLaDA2, against a division by zero

    private readonly double[] _scores = new double[config.Count];
    private readonly double[] _ranks = new double[config.Count];
    private readonly int[] _starts = new int[config.Count + 1];
    private int[] _chosen = [];
    private float[] _chosenWeights = [];
    private int[] _rows = [];
    private float[] _weights = [];

    /// <summary>Chooses experts for every row.</summary>
    /// <param name="logits">Outputs of the router [T, E].</param>
    /// <param name="selectionBias">[E], or null.</param>
    public void Choose(Tensor logits, Tensor? selectionBias)
    {
        int rows = logits.Rows;
        int choices = rows * config.ActiveCount;
        if (_chosen.Length < choices)
        {
            (_chosen, _chosenWeights) = (new int[choices], new float[choices]);
            (_rows, _weights) = (new int[choices], new float[choices]);
        }

        for (int row = 0; row < rows; row++)
        {
            Score(logits.Row(row));
            ChooseOne(selectionBias, row * config.ActiveCount);
        }

        SortByExpert(choices);
    }

    /// <summary>The rows that chose expert <paramref name="expert"/>, ascending.</summary>
    public ReadOnlySpan<int> RowsOf(int expert) => _rows.AsSpan(_starts[expert].._starts[expert + 1]);

    /// <summary>The weight with which each of <see cref="RowsOf"/> takes it.</summary>
    public ReadOnlySpan<float> WeightsOf(int expert) => _weights.AsSpan(_starts[expert].._starts[expert + 1]);

    private void Score(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit);
        }

        double sum = 0;
        for (int e = 0; e < logits.Length; e++)
        {
            _scores[e] = config.Scoring == ExpertScoring.Sigmoid ? 1 / (1 + Math.Exp(-logits[e])) : Math.Exp(logits[e] - largest);
            sum += _scores[e];
        }

        for (int e = 0; e < logits.Length && config.Scoring == ExpertScoring.Softmax; e++)
        {
            _scores[e] /= sum;
        }
    }

    // Writes the experts of one row and their weights from index `at` on.
    private void ChooseOne(Tensor? selectionBias, int at)
    {
        for (int e = 0; e < _ranks.Length; e++)
        {
            _ranks[e] = _scores[e] + (selectionBias?.Floats[e] ?? 0);
        }

        if (config.GroupCount > 1)
        {
            DropGroups();
        }

        double sum = 0;
        for (int i = at; i < at + config.ActiveCount; i++)
        {
            int best = IndexOfLargest(_ranks);
            _ranks[best] = double.NegativeInfinity;
            _chosen[i] = best;
            sum += _scores[best];
        }

        double factor = config.ScalingFactor / (config.Renormalize ? sum + SumFloor : 1);
        for (int i = at; i < at + config.ActiveCount; i++)
        {
            _chosenWeights[i] = (float)(_scores[_chosen[i]] * factor);
        }
    }

    // Leaves only the experts of the best groups in the choice.
    private void DropGroups()
    {
        int size = config.Count / config.GroupCount;
        Span<double> values = stackalloc double[config.GroupCount];
        for (int g = 0; g < config.GroupCount; g++)
        {
            Span<double> group = _ranks.AsSpan(g * size, size);
            double first = double.NegativeInfinity, second = double.NegativeInfinity;
            foreach (double rank in group)
            {
                (first, second) = rank > first ? (rank, first) : (first, Math.Max(second, rank));
            }

            values[g] = size > 1 ? first + second : first;
        }

        for (int kept = 0; kept < config.ActiveGroups; kept++)
        {
            values[IndexOfLargest(values)] = double.NaN; // kept, and never the largest again
        }

        for (int g = 0; g < config.GroupCount; g++)
        {
            if (!double.IsNaN(values[g]))
            {
                _ranks.AsSpan(g * size, size).Fill(double.NegativeInfinity);
            }
        }
    }

    // Of equal ones the first. NaN, which a broken network may produce, is never larger than anything.
    private static int IndexOfLargest(ReadOnlySpan<double> values)
    {
        int best = -1;
        for (int i = 0; i < values.Length; i++)
        {
            if (!double.IsNaN(values[i]) && (best < 0 || values[i] > values[best]))
            {
                best = i;
            }
        }

        return Math.Max(best, 0);
    }

    private void SortByExpert(int choices)
    {
        Array.Clear(_starts);
        for (int i = 0; i < choices; i++)
        {
            _starts[_chosen[i] + 1]++;
        }

        for (int e = 0; e < config.Count; e++)
        {
            _starts[e + 1] += _starts[e];
        }

        // Filling moves each start to the next expert's; the loop after it moves them back.
        for (int i = 0; i < choices; i++)
        {
            int place = _starts[_chosen[i]]++;
            _rows[place] = i / config.ActiveCount;
            _weights[place] = _chosenWeights[i];
        }

        for (int e = config.Count; e > 0; e--)
        {
            _starts[e] = _starts[e - 1];
        }

        _starts[0] = 0;
    }
}
