using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// Random patterns against their definition and the engine of .NET: texts from the automaton, texts near them, and texts of the alphabet.
public sealed class RegexComparisonTests
{
    private const string WhiteSpace = " \\t\\r\\n\\f\\v\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff";

    // Atoms, and how .NET writes them where it means something else.
    private static readonly PlainRegex[] s_atoms =
    [
        .. new[]
        {
            ("a", "a"), ("b", "b"), ("é", "é"), ("€", "€"), (".", "[^\\n]"), ("\\d", "[0-9]"), ("\\w", "[0-9A-Za-z_]"), ("\\D", "[^0-9]"),
            ("\\W", "[^0-9A-Za-z_]"), ("[ab]", "[ab]"), ("[^a]", "[^a]"), ("[a-é]", "[a-é]"), ("[\\d_-]", "[0-9_-]"), ("\\n", "\\n"),
            ("\\s", $"[{WhiteSpace}]"), ("[^\\s€]", $"[^{WhiteSpace}€]"), ("\\u20ac", "€"), ("-", "-"), ("\\x5a", "Z"),
        }.Select(atom => PlainRegex.Atom(atom.Item1, atom.Item2)),
    ];

    private static readonly (string Text, int Least, int Most)[] s_quantifiers =
    [
        ("*", 0, int.MaxValue), ("+", 1, int.MaxValue), ("?", 0, 1), ("{2}", 2, 2), ("{1,}", 1, int.MaxValue), ("{0,2}", 0, 2),
        ("{2,3}", 2, 3), ("*?", 0, int.MaxValue), ("{0}", 0, 0),
    ];

    private const string Alphabet = "abcé€ 07_-\nZ";

    [Fact]
    public void Matches_RandomPatternsAndTexts_AgreesWithTheDefinitionAndDotNet()
    {
        Random random = new(1);
        int accepted = 0;
        int refused = 0;
        int missed = 0;
        for (int i = 0; i < 800; i++)
        {
            PlainRegex pattern = Pattern(random, 3);
            Regex regex = new($"\\A(?:{pattern.Theirs})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            if (Compiled(pattern.Ours) is not ByteAutomaton automaton)
            {
                continue;
            }

            AutomatonSamples samples = new(automaton);
            AutomatonSamples.AssertTrimmed(automaton);
            for (int j = 0; j < 12; j++)
            {
                string text = j % 4 == 3 ? RandomText(random) : samples.Next(random, random.Next(12));
                text = j % 4 == 0 ? text : Mutated(text, random);
                if (text.Any(char.IsSurrogate))
                {
                    continue; // half of a pair is a character for .NET
                }

                // .NET misses a few matches where loops that may be empty are nested.
                bool expected = pattern.Matches(text);
                bool found = automaton.Matches(Encoding.UTF8.GetBytes(text));
                Assert.True(expected == found, $"/{pattern.Ours}/ {expected} for {JsonSerializer.Serialize(text)}");
                missed += regex.IsMatch(text) == expected ? 0 : 1;
                _ = expected ? accepted++ : refused++;
            }
        }

        Assert.InRange(missed, 0, 10);
        Assert.InRange(accepted, 1800, 8000);
        Assert.InRange(refused, 1200, 8000);
    }

    // Moore's refinement, the slow way: as many classes of states as there are states.
    [Fact]
    public void Automaton_RandomPatterns_IsMinimal()
    {
        Random random = new(2);
        for (int i = 0; i < 100; i++)
        {
            string pattern = Pattern(random, 3).Ours;
            if (Compiled(pattern) is not ByteAutomaton automaton)
            {
                continue;
            }

            int[] states = [.. Enumerable.Range(0, automaton.StateCount)];
            int[] block = [.. states.Select(state => automaton.Accepts(state) ? 1 : 0)];
            int[] bytes = [.. Enumerable.Range(0, 256).DistinctBy(value => Column(value))]; // one of each class
            Assert.Equal(automaton.Classes, bytes.Length);
            for (int blocks = 0, before = -1; blocks != before;)
            {
                before = blocks;
                string[] keys = [.. states.Select(state => block[state] + ":" + string.Join(
                    ',', bytes.Select(value => automaton.Next(state, (byte)value)).Select(next => next < 0 ? -1 : block[next])))];
                string[] distinct = [.. keys.Distinct()];
                block = [.. keys.Select(key => Array.IndexOf(distinct, key))];
                blocks = distinct.Length;
            }

            Assert.True(block.Distinct().Count() == automaton.StateCount, pattern);
            string Column(int value) => string.Join(',', states.Select(state => automaton.Next(state, (byte)value)));
        }
    }

    [Fact]
    public void Product_RandomPatterns_AcceptsWhatBothAccept()
    {
        Random random = new(3);
        int both = 0;
        for (int i = 0; i < 150; i++)
        {
            string[] patterns = [Pattern(random, 2).Ours, Pattern(random, 2).Ours];
            ByteAutomaton[] parts = [.. patterns.Select(Compiled).OfType<ByteAutomaton>()];
            if (parts.Length < 2)
            {
                continue;
            }

            ByteAutomaton? product = AutomatonProduct.Intersect(parts[0], parts[1], new CompilationBudget("test"));
            if (product is not null)
            {
                AutomatonSamples.AssertTrimmed(product);
            }

            for (int j = 0; j < 20; j++)
            {
                ByteAutomaton from = j % 3 == 0 && product is not null ? product : parts[j % 2];
                byte[] text = Encoding.UTF8.GetBytes(new AutomatonSamples(from).Next(random, random.Next(8)));
                bool expected = parts[0].Matches(text) && parts[1].Matches(text);
                Assert.True(expected == (product?.Matches(text) ?? false), string.Join(" & ", patterns));
                both += expected ? 1 : 0;
            }
        }

        Assert.InRange(both, 200, 2900);
    }

    // A few need too large an automaton.
    private static ByteAutomaton? Compiled(string pattern)
    {
        try
        {
            return Constraint.FromRegex(pattern).Automaton;
        }
        catch (CinnabarException e)
        {
            Assert.Contains("expected a constraint that compiles in a fraction of a second", e.Message, StringComparison.Ordinal);
            return null;
        }
    }

    private static PlainRegex Pattern(Random random, int depth)
    {
        List<PlainRegex> alternatives = [];
        for (int i = random.Next(4) == 0 ? 2 : 1; i > 0; i--)
        {
            List<PlainRegex> parts = [];
            for (int j = random.Next(5); j > 0; j--)
            {
                PlainRegex part = depth > 0 && random.Next(3) == 0
                    ? PlainRegex.Group(Pattern(random, depth - 1), random.Next(2) == 0 ? "(?:" : "(")
                    : s_atoms[random.Next(s_atoms.Length)];
                (string quantifier, int least, int most) = s_quantifiers[random.Next(s_quantifiers.Length)];
                parts.Add(random.Next(4) == 0 ? part : PlainRegex.Repeat(part, quantifier, least, most));
            }

            alternatives.Add(PlainRegex.Sequence(parts));
        }

        return PlainRegex.Either(alternatives);
    }

    private static string RandomText(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(6)).Select(_ => Alphabet[random.Next(Alphabet.Length)]));

    private static string Mutated(string text, Random random)
    {
        int at = random.Next(text.Length + 1);
        string inserted = random.Next(3) == 0 ? "" : Alphabet[random.Next(Alphabet.Length)].ToString();
        return text[..at] + inserted + text[Math.Min(text.Length, at + random.Next(2))..];
    }
}
