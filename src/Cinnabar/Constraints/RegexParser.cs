// Regular expressions as ECMAScript (with its flag u) writes them → syntax tree. The whole text must match.
//
//   pattern      alternatives; in each, ^ at the start and $ at the end are allowed and mean nothing
//   alternatives sequence ('|' sequence)*
//   sequence     (atom quantifier?)*
//   quantifier   ('*' | '+' | '?' | '{n}' | '{n,}' | '{n,m}') '?'?          lazy or not, the same texts match
//   atom         '(' alternatives ')' | '(?:' … ')' | '(?<name>' … ')' | '[' class ']' | '.' | '\' escape | any other character
//
// Characters are code points; '.' is all but the line ends of ECMAScript (LF, CR, U+2028, U+2029). What no finite automaton can do
// (backreferences), and what would need a product of automata inside of a pattern (lookaround, \b), is refused, as are flags.
//
// What one character becomes is the caller's choice, so that the same reader serves patterns of plain text and of JSON strings, where a
// quotation mark is written \".
using System.Globalization;
using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <summary>Reads a regular expression.</summary>
internal sealed partial class RegexParser
{
    private const int MaxLength = 1 << 18;
    private const int MaxNesting = 200;
    private const int MaxCount = 100_000;
    private const int StepsOfAtom = 40; // reading one takes some tenths of a microsecond

    private readonly string _pattern;
    private readonly string _place;
    private readonly Func<CharacterSet, RegexNode> _characters;
    private readonly CompilationBudget _budget;
    private RegexNode? _any; // what '.' becomes, worked out once
    private int _at;
    private int _depth;

    private RegexParser(string pattern, string place, Func<CharacterSet, RegexNode> characters, CompilationBudget budget) =>
        (_pattern, _place, _characters, _budget) = (pattern, place, characters, budget);

    /// <summary>Reads a pattern.</summary>
    /// <param name="pattern">The regular expression.</param>
    /// <param name="place">Where it stands, as messages begin.</param>
    /// <param name="characters">What one character of a set becomes.</param>
    /// <param name="budget">What reading it may cost.</param>
    /// <exception cref="CinnabarException">It is none, or of a form that is not supported.</exception>
    public static RegexNode Parse(string pattern, string place, Func<CharacterSet, RegexNode> characters, CompilationBudget budget)
    {
        if (pattern.Length > MaxLength)
        {
            throw new CinnabarException(
                $"{place}: expected a pattern of at most {MaxLength} characters, found {pattern.Length}.", "Shorten it.");
        }

        RegexParser parser = new(pattern, place, characters, budget);
        RegexNode tree = parser.ReadAlternatives();
        return parser._at == pattern.Length
            ? tree
            : throw parser.Error(parser._at, "a '(' before this ')'", "none", "Remove it, or write \\) for the character.");
    }

    /// <summary>Reads a pattern that is part of the program.</summary>
    public static RegexNode Known(string pattern, Func<CharacterSet, RegexNode>? characters = null) =>
        Parse(pattern, pattern, characters ?? RegexNode.OneOf, new CompilationBudget(pattern));

    private RegexNode ReadAlternatives()
    {
        List<RegexNode> alternatives = [];
        do
        {
            _budget.Spend(StepsOfAtom);
            alternatives.Add(ReadSequence());
        }
        while (Take('|'));
        return RegexNode.Either(alternatives);
    }

    private RegexNode ReadSequence()
    {
        List<RegexNode> parts = [];
        if (_depth == 0)
        {
            Take('^');
        }

        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
        {
            bool last = _at + 1 == _pattern.Length || _pattern[_at + 1] == '|';
            if (_depth == 0 && last && Take('$'))
            {
                break;
            }

            _budget.Spend(StepsOfAtom);
            parts.Add(ReadQuantified());
        }

        return RegexNode.Concatenate(parts);
    }

    private RegexNode ReadQuantified()
    {
        RegexNode atom = ReadAtom();
        int start = _at;
        if (ReadQuantifier() is not (int least, int most))
        {
            return atom;
        }

        Take('?');
        if (_at < _pattern.Length && _pattern[_at] is '*' or '+' or '?' or '{')
        {
            throw Error(
                _at,
                $"an end of the quantifier {ErrorText.Quote(_pattern[start.._at])}",
                "another quantifier",
                "Possessive quantifiers are not supported; put what is repeated twice in a group, as in (a{2}){3}.");
        }

        return RegexNode.Repeat(atom, least, most);
    }

    // Its counts; null where there is none.
    private (int Least, int Most)? ReadQuantifier()
    {
        if (_at == _pattern.Length)
        {
            return null;
        }

        int start = _at;
        switch (_pattern[_at])
        {
            case '*':
                _at++;
                return (0, RegexNode.Unbounded);
            case '+':
                _at++;
                return (1, RegexNode.Unbounded);
            case '?':
                _at++;
                return (0, 1);
            case '{':
                _at++;
                int least = ReadCount(start);
                int most = !Take(',') ? least : _at < _pattern.Length && _pattern[_at] == '}' ? RegexNode.Unbounded : ReadCount(start);
                if (!Take('}'))
                {
                    throw NoQuantifier(start);
                }

                return least <= most
                    ? (least, most)
                    : throw Error(start, "a first count up to the second", ErrorText.Quote(_pattern[start.._at]), "Exchange the two.");
            default:
                return null;
        }
    }

    private int ReadCount(int start)
    {
        int first = _at;
        long count = 0;
        for (; _at < _pattern.Length && char.IsAsciiDigit(_pattern[_at]); _at++)
        {
            count = Math.Min((count * 10) + (_pattern[_at] - '0'), MaxCount + 1L);
        }

        if (_at == first)
        {
            throw NoQuantifier(start);
        }

        return count <= MaxCount
            ? (int)count
            : throw Error(
                first, $"a count up to {MaxCount}", ErrorText.Quote(_pattern[first.._at]), "Lower it, or leave the end open: {n,}.");
    }

    private CinnabarException NoQuantifier(int start) =>
        Error(start, "a quantifier {n}, {n,} or {n,m}", Found(_at), "Complete it, or write \\{ for the character.");

    private RegexNode ReadAtom()
    {
        int start = _at;
        switch (_pattern[_at])
        {
            case '(':
                return ReadGroup();
            case '[':
                return _characters(ReadClass());
            case '.':
                _at++;
                return _any ??= _characters(s_notLineEnd);
            case '\\':
                return _characters(ReadEscape(inClass: false));
            case '*' or '+' or '?' or '{':
                throw Error(
                    start, $"something to repeat before '{_pattern[start]}'", "none", $"Write \\{_pattern[start]} for the character.");
            case '^':
                throw Error(
                    start,
                    "'^' only at the start of the pattern",
                    "one inside of it",
                    "The whole text must match anyway: remove it, or write \\^.");
            case '$':
                throw Error(
                    start,
                    "'$' only at the end of the pattern",
                    "one inside of it",
                    "The whole text must match anyway: remove it, or write \\$.");
            default:
                return _characters(CharacterSet.Of(ReadCharacter()));
        }
    }

    private RegexNode ReadGroup()
    {
        int start = _at++;
        if (Take('?'))
        {
            ReadGroupKind(start);
        }

        if (++_depth > MaxNesting)
        {
            throw Error(start, $"groups nested at most {MaxNesting} deep", "a deeper one", "Remove groups that hold only a group.");
        }

        RegexNode group = ReadAlternatives();
        _depth--;
        return Take(')')
            ? group
            : throw Error(start, "a ')' that closes this group", Found(_at), "Add it, or write \\( for the character.");
    }

    private void ReadGroupKind(int start)
    {
        if (Take(':'))
        {
            return;
        }

        Take('P'); // (?P<name> as Python writes it
        bool named = Take('<') && _at < _pattern.Length && (char.IsAsciiLetter(_pattern[_at]) || _pattern[_at] == '_');
        int end = _at;
        while (named && end < _pattern.Length && (char.IsAsciiLetterOrDigit(_pattern[end]) || _pattern[end] == '_'))
        {
            end++;
        }

        if (!named || end == _pattern.Length || _pattern[end] != '>')
        {
            string opening = _pattern[start..Math.Min(start + 4, _pattern.Length)];
            throw Error(
                start,
                "a group (…), (?:…) or (?<name>…)",
                ErrorText.Quote(opening),
                "Lookaround, atomic groups and flags are not supported: write out what may stand there.");
        }

        _at = end + 1;
    }

    // A code point as it stands.
    private int ReadCharacter()
    {
        if (Rune.DecodeFromUtf16(_pattern.AsSpan(_at), out Rune character, out int length) != System.Buffers.OperationStatus.Done)
        {
            throw Error(
                _at,
                "a character",
                string.Create(CultureInfo.InvariantCulture, $"half a surrogate pair, U+{(int)_pattern[_at]:X4}"),
                "Remove it.");
        }

        _at += length;
        return character.Value;
    }

    private bool Take(char expected)
    {
        if (_at == _pattern.Length || _pattern[_at] != expected)
        {
            return false;
        }

        _at++;
        return true;
    }

    private string Found(int offset)
    {
        if (offset >= _pattern.Length)
        {
            return "the end of the pattern";
        }

        return ErrorText.Quote(char.IsSurrogatePair(_pattern, offset) ? _pattern.Substring(offset, 2) : _pattern[offset].ToString());
    }

    private CinnabarException Error(int offset, string expected, string found, string remedy) => new(
        string.Create(CultureInfo.InvariantCulture, $"{_place}, offset {offset}: expected {expected}, found {found}."), remedy);
}
