using System.Text;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;

namespace Cinnabar.Tests.Constraints;

/// <summary>A constraint over a few tokens, with a definition of what is allowed that knows no automaton over tokens.</summary>
internal sealed record TinyConstraint(ByteAutomaton Bytes, string[] Tokens)
{
    /// <summary>Their bytes where a text begins; null: the same.</summary>
    public string[]? First { get; init; }

    public int[] Never { get; init; } = [];

    public int[] Ends { get; init; } = [];

    public string Lead { get; init; } = "";

    public TokenAutomaton Build(bool beginsText = false) => TokenAutomatonBuilder.Build(
        Bytes,
        new VocabularyTrie([.. Tokens.Select(Latin)], First is null ? null : [.. First.Select(Latin)]),
        Tokens.Length,
        Never,
        Ends,
        Lead,
        beginsText);

    /// <summary>Whether these tokens, one a slot, are an allowed text with its end tokens.</summary>
    public bool Allows(ReadOnlySpan<int> tokens, bool beginsText = false)
    {
        int length = tokens.IndexOfAny(Ends);
        length = length < 0 ? tokens.Length : length;
        if (tokens[length..].ContainsAnyExcept(Ends))
        {
            return false;
        }

        var text = new StringBuilder();
        for (int i = 0; i < length; i++)
        {
            string token = beginsText && i == 0 && First is not null ? First[tokens[i]] : Tokens[tokens[i]];
            if (token.Length == 0 || Never.Contains(tokens[i]))
            {
                return false;
            }

            text.Append(token);
        }

        string whole = text.ToString();
        bool begins = Lead.Length > 0 && whole.StartsWith(Lead[0]); // then the lead is whole
        return (!begins || whole.StartsWith(Lead, StringComparison.Ordinal)) && Bytes.Matches(Latin(begins ? whole[Lead.Length..] : whole));
    }

    /// <summary>An automaton with these edges, each "from letters to".</summary>
    public static ByteAutomaton Automaton(int states, int[] accepting, params (int From, string Letters, int To)[] edges)
    {
        var next = new int[states * 256];
        Array.Fill(next, ByteAutomaton.Dead);
        foreach ((int from, string letters, int to) in edges)
        {
            foreach (byte letter in Latin(letters))
            {
                next[(from * 256) + letter] = to;
            }
        }

        return new ByteAutomaton(
            0, [.. Enumerable.Range(0, states).Select(accepting.Contains)], [.. Enumerable.Range(0, 256).Select(b => (byte)b)], 256, next);
    }

    /// <summary>A few states with random edges on a few letters: dead ends and unreachable states included.</summary>
    public static TinyConstraint Random(DeterministicRandom random)
    {
        const string Letters = "ab \u00c3\u00a4"; // the last two are the bytes of one character
        int states = 1 + random.NextInt(4);
        List<(int, string, int)> edges = [];
        for (int state = 0; state < states; state++)
        {
            foreach (char letter in Letters)
            {
                if (random.NextInt(5) < 3)
                {
                    edges.Add((state, letter.ToString(), random.NextInt(states)));
                }
            }
        }

        int[] accepting = [.. Enumerable.Range(0, states).Where(_ => random.NextInt(2) == 0)];
        string[] possible = ["a", "b", "ab", " ", " a", "ba", "aab", "\u00c3", "\u00a4", "a\u00c3", "\u00c3\u00a4", "", "b"];
        random.Shuffle<string>(possible);
        string[] tokens = possible[..(2 + random.NextInt(4))];
        bool end = random.NextInt(2) == 0;
        return new TinyConstraint(Automaton(states, accepting, [.. edges]), tokens)
        {
            First = random.NextInt(2) == 0 ? null : [.. tokens.Select(token => token.TrimStart(' '))],
            Never = random.NextInt(4) == 0 ? [0] : [],
            Ends = end ? [tokens.Length - 1] : [],
            Lead = ((string[])["", "", " ", "a", "aa", "ab"])[random.NextInt(6)],
        };
    }

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);
}
