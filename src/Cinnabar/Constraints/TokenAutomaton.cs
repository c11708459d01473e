// A constraint as an automaton over the tokens of a vocabulary, and how many tokens it takes to finish a text.
//
//   edges       (q, k, q′): every token of class k leads from q to q′. Class 0 has no edges: its tokens are never allowed.
//               Those with the same q and q′ together are one labelled edge (LabelledEdges).
//   accepting   where the text may stop: the accepting states of the bytes, and Final behind the end tokens
//   n slots     hold a text if n tokens lead from the start to an accepting state. With end tokens that is a text of at most n tokens and
//               end tokens behind it; without, one of exactly n.
//   MinTokens   the fewest tokens, end tokens not counted, after which the text may stop
//
// Every spelling of an accepted string in tokens is accepted, not only the one that the tokenizer would choose. A state may lie inside a
// character, as a token may.
namespace Cinnabar.Constraints;

/// <summary>A deterministic automaton over classes of tokens; immutable.</summary>
internal sealed class TokenAutomaton
{
    /// <summary>More tokens than any text has: no way to finish.</summary>
    public const int Never = int.MaxValue;

    private readonly TokenEdges _edges;
    private readonly bool[] _accepts;
    private readonly int[] _classOf;
    private readonly int[] _firstOfClass; // [classes + 1], into _byClass
    private readonly int[] _byClass;
    private readonly LabelledEdges _labelled;
    private readonly int[] _minTokens;

    /// <summary>Takes what <see cref="TokenAutomatonBuilder"/> makes.</summary>
    public TokenAutomaton(bool[] accepts, int start, int[] classOf, TokenEdges edges)
    {
        (_accepts, Start, _classOf, _edges) = (accepts, start, classOf, edges);
        ClassCount = classOf.Length == 0 ? 1 : classOf.Max() + 1;
        (_firstOfClass, _byClass) = ByClass(classOf, ClassCount);
        _labelled = new LabelledEdges(edges);
        _minTokens = TokensToAcceptance();
    }

    /// <summary>The state before a text.</summary>
    public int Start { get; }

    /// <summary>Number of states.</summary>
    public int StateCount => _accepts.Length;

    /// <summary>K: number of classes, that of the tokens without edges included.</summary>
    public int ClassCount { get; }

    /// <summary>V: number of tokens.</summary>
    public int VocabularySize => _classOf.Length;

    /// <summary>Number of edges (state, class, state).</summary>
    public int EdgeCount => _edges.Count;

    /// <summary>Whether the text may stop here.</summary>
    public bool Accepts(int state) => _accepts[state];

    /// <summary>The classes of tokens [V].</summary>
    public ReadOnlySpan<int> ClassOfTokens => _classOf;

    /// <summary>The tokens of a class, ascending.</summary>
    public ReadOnlySpan<int> TokensOf(int tokenClass) => _byClass.AsSpan(_firstOfClass[tokenClass].._firstOfClass[tokenClass + 1]);

    /// <summary>G: number of labels.</summary>
    public int LabelCount => _labelled.LabelCount;

    /// <summary>The classes of a label, ascending; at least one.</summary>
    public ReadOnlySpan<int> ClassesOf(int label) => _labelled.ClassesOf(label);

    /// <summary>The states one token away, each once, ascending.</summary>
    public ReadOnlySpan<int> Successors(int state) => _labelled.Targets(state);

    /// <summary>The labels of the edges to them.</summary>
    public ReadOnlySpan<int> Labels(int state) => _labelled.Labels(state);

    /// <summary>The state behind a token, or <see cref="ByteAutomaton.Dead"/>.</summary>
    public int Next(int state, int token) =>
        (uint)token < (uint)_classOf.Length ? _edges.Target(state, _classOf[token]) : ByteAutomaton.Dead;

    /// <summary>The fewest tokens from a state on after which the text may stop; <see cref="Never"/> if there is no way.</summary>
    public int MinTokens(int state) => _minTokens[state];

    private static (int[] First, int[] Ids) ByClass(int[] classOf, int classes)
    {
        var first = new int[classes + 1];
        foreach (int k in classOf)
        {
            first[k + 1]++;
        }

        for (int k = 0; k < classes; k++)
        {
            first[k + 1] += first[k];
        }

        int[] next = [.. first];
        var ids = new int[classOf.Length];
        for (int id = 0; id < classOf.Length; id++)
        {
            ids[next[classOf[id]]++] = id;
        }

        return (first, ids);
    }

    // Breadth first, backwards from the accepting states. An end token leads from one of them to another, so none is counted.
    private int[] TokensToAcceptance()
    {
        var predecessors = new List<int>?[StateCount];
        var distance = new int[StateCount];
        Queue<int> near = [];
        for (int state = 0; state < StateCount; state++)
        {
            foreach (int successor in Successors(state))
            {
                (predecessors[successor] ??= []).Add(state);
            }

            distance[state] = Never;
            if (_accepts[state])
            {
                distance[state] = 0;
                near.Enqueue(state);
            }
        }

        while (near.TryDequeue(out int state))
        {
            foreach (int predecessor in predecessors[state] ?? [])
            {
                if (distance[predecessor] == Never)
                {
                    distance[predecessor] = distance[state] + 1;
                    near.Enqueue(predecessor);
                }
            }
        }

        return distance;
    }
}
