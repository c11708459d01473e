// A ByteAutomaton lifted to the tokens of a vocabulary.
//
//   token v with the bytes b1 … bn:  q → δ(… δ(δ(q, b1), b2) …, bn), for every q where this is not dead
//
// It walks the trie of the vocabulary once, with the map Q → Q of the bytes so far (StateMaps). Tokens with the same map are one class.
// Beside the states of the byte automaton there may be
//   Lead         a state for each byte of a lead that the text loses again: the first is the start, each byte leads to the next one, the
//                last to the old start; the whole lead may be missing, so other bytes lead on from the first as from the old start, of
//                which an edge on the first byte of the lead is not used
//   FirstStart   a copy of the start whose edges are those of tokens that begin a text, where some tokens have other bytes; the start
//                itself where a text goes on with another one
//   Final        an end token leads here from accepting states, and from here
// Source: the index of Willard and Louf, "Efficient guided generation for LLMs", 2023, by classes of tokens.
namespace Cinnabar.Constraints;

/// <summary>Makes automata over tokens.</summary>
internal static class TokenAutomatonBuilder
{
    // In place of a map: what end tokens do.
    private const int EndMap = -1;

    /// <summary>Lifts an automaton.</summary>
    /// <param name="constraint">Over bytes.</param>
    /// <param name="vocabulary">What tokens are in bytes.</param>
    /// <param name="vocabularySize">V of the network; ids outside the tokenizer's vocabulary or the network's are never allowed.</param>
    /// <param name="never">Ids that are never allowed.</param>
    /// <param name="ends">Ids that end the text, which they are not part of; none: a text must fill its slots.</param>
    /// <param name="lead">What a text loses if it begins with it; of ASCII.</param>
    /// <param name="beginsText">Whether the first token has the bytes of one that begins a text.</param>
    /// <exception cref="CinnabarException">The constraint is too complex.</exception>
    public static TokenAutomaton Build(
        ByteAutomaton constraint,
        VocabularyTrie vocabulary,
        int vocabularySize,
        IReadOnlyCollection<int> never,
        IReadOnlyCollection<int> ends,
        string lead,
        bool beginsText = true)
    {
        int states = constraint.StateCount;
        int start = constraint.Start;
        List<bool> accepts = [.. Enumerable.Range(0, states).Select(constraint.Accepts)];
        if (lead.Length > 0)
        {
            start = states;
            states += lead.Length;
            accepts.AddRange(lead.Select((_, i) => i == 0 && accepts[constraint.Start]));
        }

        var maps = new StateMaps(states, (state, value) =>
        {
            int awaited = state - constraint.StateCount;
            return awaited < 0 ? constraint.Next(state, value)
                : value == lead[awaited] ? (awaited + 1 < lead.Length ? state + 1 : constraint.Start)
                : awaited == 0 ? constraint.Next(constraint.Start, value)
                : ByteAutomaton.Dead;
        });
        int firstStart = start;
        if (beginsText && vocabulary.FirstForms.Count > 0)
        {
            firstStart = accepts.Count;
            accepts.Add(accepts[start]);
        }

        int final = ByteAutomaton.Dead;
        if (ends.Count > 0)
        {
            final = accepts.Count;
            accepts.Add(true);
        }

        (int Map, int First)[] actions = Actions(maps, vocabulary, vocabularySize, start, firstStart);
        foreach (int id in never)
        {
            Set(actions, id, (StateMaps.Empty, ByteAutomaton.Dead));
        }

        foreach (int id in ends)
        {
            Set(actions, id, (EndMap, ByteAutomaton.Dead));
        }

        (int[] classOf, List<(int Map, int First)> classes) = Classes(actions);
        return new TokenAutomaton([.. accepts], firstStart, classOf, Edges(maps, classes, [.. accepts], firstStart, final));
    }

    // What each token does: the map of its bytes, and where it leads from FirstStart if there is one.
    private static (int Map, int First)[] Actions(StateMaps maps, VocabularyTrie vocabulary, int vocabularySize, int start, int firstStart)
    {
        var actions = new (int Map, int First)[vocabularySize];
        Array.Fill(actions, (StateMaps.Empty, ByteAutomaton.Dead));
        var open = new int[vocabulary.MaxDepth + 1];
        open[0] = StateMaps.Identity;
        ReadOnlySpan<byte> bytes = vocabulary.Bytes;
        ReadOnlySpan<int> depths = vocabulary.Depths;
        for (int node = 0; node < bytes.Length;)
        {
            int depth = depths[node];
            int map = open[depth] = maps.Step(open[depth - 1], bytes[node]);
            if (map == StateMaps.Empty)
            {
                node = vocabulary.After[node];
                continue;
            }

            foreach (int id in vocabulary.TokensAt(node))
            {
                Set(actions, id, (map, firstStart == start ? ByteAutomaton.Dead : maps.Target(map, start)));
            }

            node++;
        }

        foreach ((int id, byte[] first) in vocabulary.FirstForms)
        {
            if (id < vocabularySize && firstStart != start)
            {
                actions[id].First = first.Length == 0 ? ByteAutomaton.Dead : maps.Walk(start, first);
            }
        }

        return actions;
    }

    // Tokens that do the same are a class; classes are numbered by their lowest id, and 0 is the one of tokens that lead nowhere.
    private static (int[] ClassOf, List<(int Map, int First)> Classes) Classes((int Map, int First)[] actions)
    {
        List<(int Map, int First)> classes = [(StateMaps.Empty, ByteAutomaton.Dead)];
        Dictionary<(int Map, int First), int> numbers = new() { [classes[0]] = 0 };
        var classOf = new int[actions.Length];
        for (int id = 0; id < actions.Length; id++)
        {
            if (!numbers.TryGetValue(actions[id], out classOf[id]))
            {
                numbers[actions[id]] = classOf[id] = classes.Count;
                classes.Add(actions[id]);
            }
        }

        return (classOf, classes);
    }

    private static TokenEdges Edges(StateMaps maps, List<(int Map, int First)> classes, bool[] accepts, int firstStart, int final)
    {
        // Once to count, once to fill.
        var edges = new TokenEdges(accepts.Length);
        for (int pass = 0; pass < 2; pass++)
        {
            for (int number = 1; number < classes.Count; number++)
            {
                (int map, int first) = classes[number];
                if (map == EndMap)
                {
                    AddEnds(edges, number, accepts, final);
                    continue;
                }

                ReadOnlySpan<int> sources = maps.Sources(map);
                ReadOnlySpan<int> targets = maps.Targets(map);
                for (int i = 0; i < sources.Length; i++)
                {
                    edges.Add(sources[i], number, targets[i]);
                }

                if (first != ByteAutomaton.Dead)
                {
                    edges.Add(firstStart, number, first);
                }
            }

            edges.EndPass();
        }

        return edges;
    }

    private static void AddEnds(TokenEdges edges, int number, bool[] accepts, int final)
    {
        for (int state = 0; state < accepts.Length; state++)
        {
            if (accepts[state])
            {
                edges.Add(state, number, final);
            }
        }
    }

    private static void Set((int Map, int First)[] actions, int id, (int Map, int First) action)
    {
        if ((uint)id < (uint)actions.Length)
        {
            actions[id] = action;
        }
    }
}
