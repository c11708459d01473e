// The filtered distribution q over tokens: weights e^{(l − max)/T}, cut by top-p, then by top-k, then normalised.
//
// Neither filter sorts the vocabulary. Top-p: ids with a probability below (1 − TopP)/V sum to less than 1 − TopP, so the id that
// crosses TopP is above that bound, and only the ids above it are sorted. Top-k alone keeps the k best in a heap.
using System.Runtime.InteropServices;

namespace Cinnabar.Sampling;

internal sealed class TokenFilter
{
    private readonly List<int> _kept = [];
    private readonly Comparison<int> _surestFirst;
    private readonly double[] _weights;
    private readonly PriorityQueue<int, int> _worstFirst;
    private float[] _logits = [];
    private double _maximum;
    private double _scale;
    private double _sum;

    public TokenFilter(int vocabularySize)
    {
        _weights = new double[vocabularySize];
        _surestFirst = Compare;
        _worstFirst = new PriorityQueue<int, int>(Comparer<int>.Create((a, b) => Compare(b, a)));
    }

    /// <summary>The ids that passed; most probable first if a filter is on, else ascending.</summary>
    public ReadOnlySpan<int> Kept => CollectionsMarshal.AsSpan(_kept);

    /// <summary>Filters a row.</summary>
    /// <param name="logits">[V], −∞ where forbidden.</param>
    /// <param name="maximum">The largest logit, finite.</param>
    /// <param name="scale">1/T.</param>
    /// <param name="topP">1 is off.</param>
    /// <param name="topK">V is off.</param>
    public void Apply(float[] logits, double maximum, double scale, double topP, int topK)
    {
        (_logits, _maximum, _scale) = (logits, maximum, scale);
        _sum = Exponentials.Fill(logits, maximum, scale, _weights);
        _kept.Clear();
        if (topP < 1)
        {
            KeepTopP(topP);
            _kept.RemoveRange(Math.Min(topK, _kept.Count), Math.Max(0, _kept.Count - topK));
        }
        else if (topK < logits.Length)
        {
            KeepTopK(topK);
        }
        else
        {
            KeepPossible();
        }

        _sum = 0;
        foreach (int id in _kept)
        {
            _sum += _weights[id];
        }
    }

    // With q = w/Σw, Σ q ln q = (Σ w ln w)/Σw − ln Σw. Dream takes ln(q + 1e-10), which differs by at most V · 1e-10.
    public double NegativeEntropy()
    {
        double weighted = 0;
        foreach (int id in _kept)
        {
            // 0 · −∞ is no number.
            double weight = _weights[id];
            weighted += weight > 0 ? weight * _scale * (_logits[id] - _maximum) : 0;
        }

        return (weighted / _sum) - Math.Log(_sum);
    }

    public double Margin()
    {
        double first = 0;
        double second = 0;
        foreach (int id in _kept)
        {
            double weight = _weights[id];
            if (weight > first)
            {
                (first, second) = (weight, first);
            }
            else if (weight > second)
            {
                second = weight;
            }
        }

        return (first - second) / _sum;
    }

    // Surer first; ties to the lower id.
    private int Compare(int x, int y)
    {
        int byLogit = _logits[y].CompareTo(_logits[x]);
        return byLogit != 0 ? byLogit : x.CompareTo(y);
    }

    private void KeepTopP(double topP)
    {
        double bound = (1 - topP) / _weights.Length * _sum;
        for (int id = 0; id < _weights.Length; id++)
        {
            if (_weights[id] >= bound)
            {
                _kept.Add(id);
            }
        }

        _kept.Sort(_surestFirst);
        double limit = topP * _sum;
        double before = 0;
        int count = 0;
        while (count < _kept.Count && before <= limit)
        {
            before += _weights[_kept[count++]];
        }

        _kept.RemoveRange(count, _kept.Count - count);
    }

    private void KeepTopK(int topK)
    {
        _worstFirst.Clear();
        for (int id = 0; id < _weights.Length; id++)
        {
            if (_worstFirst.Count < topK)
            {
                _worstFirst.Enqueue(id, id);
            }
            else if (Compare(id, _worstFirst.Peek()) < 0)
            {
                _worstFirst.EnqueueDequeue(id, id);
            }
        }

        while (_worstFirst.TryDequeue(out int id, out _))
        {
            if (!float.IsNegativeInfinity(_logits[id]))
            {
                _kept.Add(id);
            }
        }

        _kept.Reverse();
    }

    private void KeepPossible()
    {
        for (int id = 0; id < _logits.Length; id++)
        {
            if (!float.IsNegativeInfinity(_logits[id]))
            {
                _kept.Add(id);
            }
        }
    }
}
