// The syntax tree that regular expressions and JSON schemas have in common: a regular language as an expression.
//
//   Bytes        one byte string (the empty one is ε)
//   Characters   one character of a set
//   Sequence     A B C
//   Alternation  A | B | C; of nothing it is ∅, the language without a text
//   Repetition   A{n,m}, or with a separator A (, A)*: what lies between the brackets of a JSON array; the first few may differ
//   Members      A? B C? … joined by a separator that stands only between those that are there: the members of a JSON object
//   Automaton    a language that is compiled already (the product of two, multiples of a number)
//
// Lists with separators are nodes of their own, since spelled out as A (, A)* they would hold A twice, and 2^d times at depth d.
// The methods that make nodes simplify: ∅ swallows a sequence and vanishes from an alternation, neighbouring bytes are joined. So ∅ occurs
// only as the whole tree, and every state of an automaton made from a tree leads to an end.
using System.Text;

namespace Cinnabar.Constraints;

/// <summary>A node of the syntax tree; immutable.</summary>
internal abstract class RegexNode
{
    /// <summary>A repetition without end.</summary>
    public const int Unbounded = int.MaxValue;

    private RegexNode()
    {
    }

    /// <summary>ε: only the empty text.</summary>
    public static RegexNode Empty { get; } = new Bytes([]);

    /// <summary>∅: no text.</summary>
    public static RegexNode Nothing { get; } = new Alternation([]);

    /// <summary>Whether it is ε.</summary>
    public bool IsEmpty => this is Bytes { Value.Length: 0 };

    /// <summary>Whether it is ∅.</summary>
    public bool IsNothing => this is Alternation { Choices.Length: 0 };

    /// <summary>Exactly this text.</summary>
    public static RegexNode Text(string text) => new Bytes(Encoding.UTF8.GetBytes(text));

    /// <summary>One character of a set.</summary>
    public static RegexNode OneOf(CharacterSet set) =>
        set.IsEmpty ? Nothing : set.Single is int only ? Text(char.ConvertFromUtf32(only)) : new Characters(set);

    /// <summary>One after the other.</summary>
    public static RegexNode Concatenate(params IReadOnlyList<RegexNode> parts)
    {
        List<RegexNode> joined = [];
        List<byte> bytes = [];
        foreach (RegexNode part in parts)
        {
            if (part.IsNothing)
            {
                return Nothing;
            }

            if (part is Bytes text)
            {
                bytes.AddRange(text.Value);
                continue;
            }

            TakeBytes();
            joined.Add(part);
        }

        TakeBytes();
        return joined.Count switch { 0 => Empty, 1 => joined[0], _ => new Sequence([.. joined]) };

        void TakeBytes()
        {
            if (bytes.Count > 0)
            {
                joined.Add(new Bytes([.. bytes]));
                bytes.Clear();
            }
        }
    }

    /// <summary>Any one of them.</summary>
    public static RegexNode Either(params IReadOnlyList<RegexNode> choices)
    {
        RegexNode[] possible = [.. choices.Where(choice => !choice.IsNothing)];
        return possible is [var only] ? only : new Alternation(possible);
    }

    /// <summary>It or nothing at all.</summary>
    public static RegexNode Optional(RegexNode part) => Repeat(part, 0, 1);

    /// <summary>Several times.</summary>
    /// <param name="part">What is repeated.</param>
    /// <param name="least">Least times.</param>
    /// <param name="most">Most times, or <see cref="Unbounded"/>.</param>
    /// <param name="separator">What stands between two of them; null: nothing.</param>
    public static RegexNode Repeat(RegexNode part, int least, int most, RegexNode? separator = null) =>
        (part.IsEmpty && (separator ?? Empty).IsEmpty) || (least == 1 && most == 1) ? part : Repeat([part], least, most, separator);

    /// <summary>The first part, then the second and so on, from the last part on always that.</summary>
    /// <param name="parts">The parts; none stands at or behind one that is ∅.</param>
    /// <param name="least">Least number of parts.</param>
    /// <param name="most">Most parts, or <see cref="Unbounded"/>.</param>
    /// <param name="separator">What stands between two of them; null: nothing.</param>
    public static RegexNode Repeat(RegexNode[] parts, int least, int most, RegexNode? separator = null)
    {
        int nothing = Array.FindIndex(parts, part => part.IsNothing);
        most = nothing < 0 ? most : Math.Min(most, nothing);
        return least > most ? Nothing : most == 0 ? Empty : new Repetition(parts, least, most, separator ?? Empty);
    }

    /// <summary>Some in this order, with a separator between those that are there; an optional one that is ∅ is never there.</summary>
    public static RegexNode Join(IEnumerable<Member> members, RegexNode separator)
    {
        Member[] possible = [.. members.Where(member => member.Required || !member.Node.IsNothing)];
        return possible.Any(member => member.Node.IsNothing) ? Nothing : possible.Length == 0 ? Empty : new Members(possible, separator);
    }

    /// <summary>One of <see cref="Members"/>.</summary>
    internal readonly record struct Member(RegexNode Node, bool Required);

    /// <summary>One byte string.</summary>
    internal sealed class Bytes(byte[] value) : RegexNode
    {
        public byte[] Value => value;
    }

    /// <summary>One character of a set that holds at least two.</summary>
    internal sealed class Characters(CharacterSet set) : RegexNode
    {
        public CharacterSet Set => set;
    }

    /// <summary>One after the other, at least two.</summary>
    internal sealed class Sequence(RegexNode[] parts) : RegexNode
    {
        public RegexNode[] Parts => parts;
    }

    /// <summary>Any one of them.</summary>
    internal sealed class Alternation(RegexNode[] choices) : RegexNode
    {
        public RegexNode[] Choices => choices;
    }

    /// <summary>Several times, with a separator; the last part as often as needed.</summary>
    internal sealed class Repetition(RegexNode[] parts, int least, int most, RegexNode separator) : RegexNode
    {
        public RegexNode[] Parts => parts;

        public int Least => least;

        public int Most => most;

        public RegexNode Separator => separator;
    }

    /// <summary>Some of them in order, with a separator.</summary>
    internal sealed class Members(Member[] items, RegexNode separator) : RegexNode
    {
        public Member[] Items => items;

        public RegexNode Separator => separator;
    }

    /// <summary>A compiled language.</summary>
    internal sealed class Automaton(ByteAutomaton value) : RegexNode
    {
        public ByteAutomaton Value => value;
    }
}
