// The edges of an automaton over tokens, all those between the same two states as one:
//
//   (q, g, q′), with the label g = {k : (q, k, q′) is an edge}
//
// Inside a string nearly every class leads back to the same state, and all the strings of a schema share the label of that loop. Labels
// are stored once each, so the weight of one is summed once for a slot, and a loop over edges is some seven times shorter.
using System.Diagnostics.CodeAnalysis;

namespace Cinnabar.Constraints;

/// <summary>Edges between states, one for each pair, and the sets of classes on them; immutable.</summary>
internal sealed class LabelledEdges
{
    private readonly int[] _first; // [states + 1], into the two below
    private readonly int[] _targets;
    private readonly int[] _labels;
    private readonly int[][] _classesOf; // by label

    /// <summary>Puts edges together.</summary>
    public LabelledEdges(TokenEdges edges)
    {
        (List<int> first, List<int> targets, List<int> labels) = ([0], [], []);
        List<int[]> sets = [];
        Dictionary<int[], int> numbers = new(new SequenceComparer());
        for (int state = 0; state < edges.StateCount; state++)
        {
            int[] byTarget = edges.Targets(state).ToArray();
            int[] classes = edges.Classes(state).ToArray();
            Array.Sort(byTarget, classes);
            for (int start = 0; start < byTarget.Length;)
            {
                int target = byTarget[start];
                int end = byTarget.AsSpan(start).IndexOfAnyExcept(target);
                end = end < 0 ? byTarget.Length : start + end;
                int[] set = classes[start..end];
                Array.Sort(set); // the sort by target keeps no order within
                if (!numbers.TryGetValue(set, out int label))
                {
                    numbers[set] = label = sets.Count;
                    sets.Add(set);
                }

                targets.Add(target);
                labels.Add(label);
                start = end;
            }

            first.Add(targets.Count);
        }

        (_first, _targets, _labels, _classesOf) = ([.. first], [.. targets], [.. labels], [.. sets]);
    }

    /// <summary>Number of labels.</summary>
    public int LabelCount => _classesOf.Length;

    /// <summary>The states one token away, each once, ascending.</summary>
    public ReadOnlySpan<int> Targets(int state) => _targets.AsSpan(_first[state].._first[state + 1]);

    /// <summary>The labels of the edges to them.</summary>
    public ReadOnlySpan<int> Labels(int state) => _labels.AsSpan(_first[state].._first[state + 1]);

    /// <summary>The classes of a label, ascending; at least one.</summary>
    public ReadOnlySpan<int> ClassesOf(int label) => _classesOf[label];

    private sealed class SequenceComparer : IEqualityComparer<int[]>
    {
        public bool Equals(int[]? x, int[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] int[] set)
        {
            HashCode hash = default;
            foreach (int value in set)
            {
                hash.Add(value);
            }

            return hash.ToHashCode();
        }
    }
}
