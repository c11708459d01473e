// Partial maps from states to states, each stored once: what a byte string does to an automaton (its transition monoid).
//
//   map of the empty string = identity,   map of (string + byte b) = δ_b ∘ map of string,   Empty = the map without a pair
//
// A trie over a vocabulary has hundreds of thousands of nodes but, under one automaton, only some thousand different maps. Walking it
// with the number of a map in place of one walk for every state makes each step a look-up, and tokens that do the same come out with
// the same number.
using System.Runtime.InteropServices;
using Cinnabar.Numerics;

namespace Cinnabar.Constraints;

/// <summary>The maps that strings make of the states of an automaton; not thread-safe.</summary>
internal sealed class StateMaps
{
    /// <summary>The map of strings that no state allows.</summary>
    public const int Empty = 0;

    /// <summary>The map of the empty string.</summary>
    public const int Identity = 1;

    // 128 MiB; some hundred times what a nested JSON schema of 500 states takes.
    private const int MaxPairs = 1 << 24;

    private readonly byte[] _classOf = new byte[256];
    private readonly List<int[]> _columns = []; // by byte class: [states], δ or Dead
    private readonly List<int> _offsets = [0, 0]; // [maps + 1], into the pairs
    private readonly List<int> _olderOfHash = [Empty]; // by map: the map before it with the same hash; Empty: none
    private readonly Dictionary<uint, int> _newestOfHash = [];
    private readonly Dictionary<(int Map, byte Class), int> _steps = [];

    // The pairs of all maps, one map after the other; sources ascend within a map.
    private int[] _sources;
    private int[] _targets;

    /// <summary>Takes the transitions of an automaton.</summary>
    /// <param name="stateCount">Number of its states.</param>
    /// <param name="next">The state behind a byte, or <see cref="ByteAutomaton.Dead"/>.</param>
    public StateMaps(int stateCount, Func<int, byte, int> next)
    {
        for (int value = 0; value < 256; value++)
        {
            var column = new int[stateCount];
            for (int state = 0; state < stateCount; state++)
            {
                column[state] = next(state, (byte)value);
            }

            int known = _columns.FindIndex(other => other.AsSpan().SequenceEqual(column));
            _classOf[value] = (byte)(known >= 0 ? known : _columns.Count);
            if (known < 0)
            {
                _columns.Add(column);
            }
        }

        _sources = [.. Enumerable.Range(0, stateCount)];
        _targets = [.. _sources];
        Keep(stateCount);
    }

    /// <summary>The states that a map takes somewhere, ascending.</summary>
    public ReadOnlySpan<int> Sources(int map) => _sources.AsSpan(_offsets[map].._offsets[map + 1]);

    /// <summary>Where it takes them.</summary>
    public ReadOnlySpan<int> Targets(int map) => _targets.AsSpan(_offsets[map].._offsets[map + 1]);

    /// <summary>Where a map takes a state, or <see cref="ByteAutomaton.Dead"/>.</summary>
    public int Target(int map, int state)
    {
        int place = Sources(map).BinarySearch(state);
        return place >= 0 ? Targets(map)[place] : ByteAutomaton.Dead;
    }

    /// <summary>Where a byte string takes a state, or <see cref="ByteAutomaton.Dead"/>.</summary>
    public int Walk(int state, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length && state != ByteAutomaton.Dead; i++)
        {
            state = _columns[_classOf[bytes[i]]][state];
        }

        return state;
    }

    /// <summary>The map of a string with one byte more.</summary>
    /// <exception cref="CinnabarException">There are too many maps.</exception>
    public int Step(int map, byte value)
    {
        byte byteClass = _classOf[value];
        ref int step = ref CollectionsMarshal.GetValueRefOrAddDefault(_steps, (map, byteClass), out bool known);
        return known ? step : step = Compose(map, _columns[byteClass]);
    }

    private int Compose(int map, int[] column)
    {
        (int start, int end, int count) = (_offsets[map], _offsets[map + 1], _offsets[^1]);
        if (_sources.Length < count + end - start)
        {
            int size = (int)Math.Min(Array.MaxLength, Math.Max(2L * _sources.Length, (long)count + end - start));
            Array.Resize(ref _sources, size);
            Array.Resize(ref _targets, size);
        }

        for (int i = start; i < end; i++)
        {
            int target = column[_targets[i]];
            if (target != ByteAutomaton.Dead)
            {
                (_sources[count], _targets[count]) = (_sources[i], target);
                count++;
            }
        }

        return count == _offsets[^1] ? Empty : Keep(count);
    }

    // The map whose pairs lie behind those of the last one: a new one, or the one that is like it.
    private int Keep(int end)
    {
        int start = _offsets[^1];
        ReadOnlySpan<int> sources = _sources.AsSpan(start..end);
        ReadOnlySpan<int> targets = _targets.AsSpan(start..end);
        ref int newest = ref CollectionsMarshal.GetValueRefOrAddDefault(_newestOfHash, Hash(sources, targets), out _);
        for (int map = newest; map != Empty; map = _olderOfHash[map])
        {
            if (Sources(map).SequenceEqual(sources) && Targets(map).SequenceEqual(targets))
            {
                return map;
            }
        }

        CheckPairs(end);
        _olderOfHash.Add(newest);
        _offsets.Add(end);
        return newest = _offsets.Count - 2;
    }

    /// <summary>Throws if the edges of an automaton over tokens are more than memory should hold.</summary>
    /// <exception cref="CinnabarException">They are.</exception>
    public static void CheckPairs(long count)
    {
        if (count > MaxPairs)
        {
            throw new CinnabarException(
                $"Expected a constraint that takes at most {MaxPairs} edges over the tokens of this model, found more.",
                "Simplify it: shorter bounds of repetition, shorter arrays, fewer alternatives.");
        }
    }

    private static uint Hash(ReadOnlySpan<int> sources, ReadOnlySpan<int> targets)
    {
        ulong hash = (ulong)sources.Length;
        for (int i = 0; i < sources.Length; i++)
        {
            hash = SplitMix.Mix(hash ^ ((ulong)sources[i] << 32 | (uint)targets[i]));
        }

        return (uint)hash;
    }
}
