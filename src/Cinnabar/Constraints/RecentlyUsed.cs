namespace Cinnabar.Constraints;

/// <summary>Keeps what was used last, up to a weight. Thread-safe; what is missing is made outside of the lock, perhaps twice.</summary>
/// <param name="mostWeight">The sum of weights that is kept; the newest value stays whatever it weighs.</param>
internal sealed class RecentlyUsed<TKey, TValue>(long mostWeight)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value, long Weight)>> _places = [];
    private readonly LinkedList<(TKey Key, TValue Value, long Weight)> _newestFirst = [];
    private readonly Lock _gate = new();
    private long _weight;

    /// <summary>The value of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="make">Makes the value if it is not kept.</param>
    /// <param name="weigh">Its weight, at least 1.</param>
    public TValue Get(TKey key, Func<TKey, TValue> make, Func<TValue, long> weigh)
    {
        lock (_gate)
        {
            if (_places.TryGetValue(key, out LinkedListNode<(TKey Key, TValue Value, long Weight)>? node))
            {
                _newestFirst.Remove(node);
                _newestFirst.AddFirst(node);
                return node.Value.Value;
            }
        }

        TValue value = make(key);
        lock (_gate)
        {
            if (!_places.ContainsKey(key))
            {
                Keep(key, value, weigh(value));
            }
        }

        return value;
    }

    private void Keep(TKey key, TValue value, long weight)
    {
        _places[key] = _newestFirst.AddFirst((key, value, weight));
        _weight += weight;
        while (_weight > mostWeight && _newestFirst.Count > 1)
        {
            (TKey oldest, _, long itsWeight) = _newestFirst.Last!.Value;
            _newestFirst.RemoveLast();
            _places.Remove(oldest);
            _weight -= itsWeight;
        }
    }
}
