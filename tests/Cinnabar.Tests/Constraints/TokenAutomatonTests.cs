using System.Text;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Constraints;

public sealed class TokenAutomatonTests
{
    [Fact]
    public void VocabularyTrie_Nodes_SpellTheTokens()
    {
        string[] tokens = ["ab", "", "a", "abc", "b", "ab", "ca"];
        var trie = new VocabularyTrie([.. tokens.Select(Encoding.UTF8.GetBytes)]);
        var spelled = new List<(int Id, string Text)>();
        var open = new byte[trie.MaxDepth];
        for (int node = 0; node < trie.Bytes.Length; node++)
        {
            open[trie.Depths[node] - 1] = trie.Bytes[node];
            foreach (int id in trie.TokensAt(node))
            {
                spelled.Add((id, Encoding.UTF8.GetString(open, 0, trie.Depths[node])));
            }

            int after = node + 1;
            while (after < trie.Bytes.Length && trie.Depths[after] > trie.Depths[node])
            {
                after++;
            }

            Assert.Equal(after, trie.After[node]);
        }

        Assert.Equal(6, trie.Bytes.Length);
        Assert.Equal([(2, "a"), (0, "ab"), (5, "ab"), (3, "abc"), (4, "b"), (6, "ca")], spelled);
    }

    [Fact]
    public void VocabularyTrie_NoTokens_IsEmpty() => Assert.Equal(0, new VocabularyTrie([[], []]).MaxDepth);

    [Fact]
    public void Build_RandomConstraints_AllowWhatTheTextAllows()
    {
        var random = new DeterministicRandom(31);
        for (int i = 0; i < 300; i++)
        {
            TinyConstraint constraint = TinyConstraint.Random(random);
            TokenAutomaton automaton = constraint.Build();
            TokenAutomaton beginning = constraint.Build(beginsText: true);
            for (int j = 0; j < 60; j++)
            {
                int[] tokens = [.. Enumerable.Range(0, random.NextInt(6)).Select(_ => random.NextInt(constraint.Tokens.Length))];
                Assert.Equal(constraint.Allows(tokens), Accepts(automaton, tokens));
                Assert.Equal(constraint.Allows(tokens, beginsText: true), Accepts(beginning, tokens));
            }
        }
    }

    [Fact]
    public void Build_TrainedVocabulary_LeadsWhereTheBytesLead()
    {
        // A real vocabulary under five states that send every third byte class elsewhere.
        TokenBytes bytes = Tokenizer.Load(ShippedModels.PathOf("csharp-12m")).Definition.Tokens;
        var random = new DeterministicRandom(6);
        int[] next = [.. Enumerable.Range(0, 5 * 7).Select(_ => random.NextInt(4) == 0 ? ByteAutomaton.Dead : random.NextInt(5))];
        byte[] classOf = [.. Enumerable.Range(0, 256).Select(_ => (byte)random.NextInt(7))];
        var constraint = new ByteAutomaton(2, [false, true, false, false, true], classOf, 7, next);
        TokenAutomaton automaton = TokenAutomatonBuilder.Build(constraint, new VocabularyTrie(bytes), bytes.Count, [], [0], lead: "");
        var maps = new Dictionary<int, string>();
        for (int id = 1; id < bytes.Count; id++)
        {
            var map = new int[5];
            for (int state = 0; state < 5; state++)
            {
                map[state] = bytes[id, false].IsEmpty ? ByteAutomaton.Dead : Walk(constraint, state, bytes[id, false]);
                Assert.Equal(map[state], automaton.Next(state, id));
            }

            // Equal classes are equal maps, and the other way round.
            string text = string.Join(',', map);
            int tokenClass = automaton.ClassOfTokens[id];
            Assert.Equal(text, maps.TryAdd(tokenClass, text) ? text : maps[tokenClass]);
            Assert.Contains(id, automaton.TokensOf(tokenClass).ToArray());
        }

        Assert.Equal(maps.Count, maps.Values.Distinct().Count());
        Assert.Equal(automaton.ClassCount, maps.Keys.Append(automaton.ClassOfTokens[0]).Distinct().Count());
    }

    [Fact]
    public void Build_EndTokens_StayBehindTheEnd()
    {
        TokenAutomaton automaton = new TinyConstraint(
            TinyConstraint.Automaton(2, [1], (0, "a", 1)), ["a", "a", "</s>", "<pad>"]) { Ends = [2, 3] }.Build();
        Assert.Equal(ByteAutomaton.Dead, automaton.Next(0, 2));
        int final = automaton.Next(1, 2);
        Assert.True(automaton.Accepts(final));
        Assert.Equal((final, final), (automaton.Next(final, 3), automaton.Next(1, 3)));
        Assert.Equal(ByteAutomaton.Dead, automaton.Next(final, 0));
        Assert.Equal((1, 0, 0), (automaton.MinTokens(0), automaton.MinTokens(1), automaton.MinTokens(final)));
        Assert.Equal(3, automaton.ClassCount);
    }

    [Fact]
    public void Build_VocabularyOfAnotherSize_KnowsOnlyTheTokensOfBoth()
    {
        var constraint = TinyConstraint.Automaton(1, [0], (0, "a", 0));
        var trie = new VocabularyTrie(["a"u8.ToArray(), "a"u8.ToArray()]);
        Assert.Equal([0], TokenAutomatonBuilder.Build(constraint, trie, 1, [], [5], lead: "").TokensOf(1).ToArray());
        Assert.Equal([2, 3], TokenAutomatonBuilder.Build(constraint, trie, 4, [9], [], lead: "").TokensOf(0).ToArray());
    }

    [Fact]
    public void Build_TooManyEdges_ThrowsBeforeMemoryIsTaken()
    {
        // Two random permutations of 5,000 states: every one of the 8,190 nodes of the trie has a map of its own.
        const int States = 5000;
        var random = new DeterministicRandom(4);
        int[] a = [.. Enumerable.Range(0, States)];
        int[] b = [.. a];
        random.Shuffle<int>(a);
        random.Shuffle<int>(b);
        int[] next = [.. Enumerable.Range(0, States).SelectMany(q => new[] { a[q], b[q] })];
        var classOf = new byte[256];
        classOf[1] = 1;
        var constraint = new ByteAutomaton(0, [true, .. new bool[States - 1]], classOf, 2, next);
        byte[][] strings = [.. Enumerable.Range(0, 4096).Select(n => Enumerable.Range(0, 12).Select(i => (byte)(n >> i & 1)).ToArray())];
        var trie = new VocabularyTrie(strings);
        Assert.Contains("simplify", Assert.Throws<CinnabarException>(
            () => TokenAutomatonBuilder.Build(constraint, trie, 4096, [], [], lead: "")).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void MinTokensAndFeasibleLengths_RandomConstraints_MatchEnumeration()
    {
        var random = new DeterministicRandom(77);
        for (int i = 0; i < 100; i++)
        {
            TinyConstraint constraint = TinyConstraint.Random(random);
            TokenAutomaton automaton = constraint.Build();
            var open = new ConstrainedSlots(workers: null);
            int fewest = TokenAutomaton.Never;
            for (int slots = 4; slots >= 0; slots--)
            {
                int[][] all = [.. All(slots, constraint.Tokens.Length)];
                open.Begin(automaton, slots);
                Assert.Equal(all.Any(tokens => constraint.Allows(tokens)), open.Solve() is null);
                fewest = all.Any(tokens => constraint.Allows(tokens) && !tokens.Intersect(constraint.Ends).Any()) ? slots : fewest;
            }

            Assert.Equal(fewest, automaton.MinTokens(automaton.Start) > 4 ? TokenAutomaton.Never : automaton.MinTokens(automaton.Start));
        }
    }

    private static IEnumerable<int[]> All(int length, int vocabulary) => length == 0
        ? [[]]
        : All(length - 1, vocabulary).SelectMany(tokens => Enumerable.Range(0, vocabulary).Select(token => (int[])[.. tokens, token]));

    private static bool Accepts(TokenAutomaton automaton, int[] tokens)
    {
        int state = automaton.Start;
        foreach (int token in tokens)
        {
            state = automaton.Next(state, token);
            if (state == ByteAutomaton.Dead)
            {
                return false;
            }
        }

        return automaton.Accepts(state);
    }

    private static int Walk(ByteAutomaton constraint, int state, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            state = state == ByteAutomaton.Dead ? state : constraint.Next(state, value);
        }

        return state;
    }
}
