// One error in each piece of 30 lines of C#.
//
//   identifier   a name becomes another name of the piece (no keyword on either side)
//   operator     < ↔ <=, > ↔ >=, == ↔ !=, + ↔ -, * ↔ /, && ↔ ||, += ↔ -=, ++ ↔ --
//   token        a word or sign is dropped with the space before it, or doubled (a word with a space between)
//   arguments    (a, b) becomes (b, a), a and b being names, members or numbers
//   literal      a number becomes one more or one less, true ↔ false, a string becomes another string of the piece
//
// Comments and the insides of strings are left alone. Documents are visited in a random order, round after round, each giving one random
// piece a round. Kinds take turns; where a piece has no place for a kind, that turn goes to the next piece. Everything follows from the
// seed.
using System.Text.RegularExpressions;
using Cinnabar.Diffusion;

namespace Cinnabar.Evaluation.Proofreading;

/// <summary>Plants errors in documents.</summary>
public static partial class PlantedErrors
{
    /// <summary>Lines of a piece.</summary>
    public const int LinesOfPiece = 30;

    private const int LeastPlaces = 20; // words and signs outside of comments that a piece needs
    private static readonly ErrorKind[] s_kinds = Enum.GetValues<ErrorKind>();

    private static readonly Dictionary<string, string> s_operators = new()
    {
        ["<"] = "<=", ["<="] = "<", [">"] = ">=", [">="] = ">", ["=="] = "!=", ["!="] = "==", ["+"] = "-", ["-"] = "+", ["*"] = "/",
        ["/"] = "*", ["&&"] = "||", ["||"] = "&&", ["+="] = "-=", ["-="] = "+=", ["++"] = "--", ["--"] = "++",
    };

    private static readonly HashSet<string> s_keywords =
    [
        .. ("abstract as async await base bool break byte case catch char checked class const continue decimal default delegate do double "
            + "else enum event explicit extern false finally fixed float for foreach get global goto if implicit in init int interface "
            + "internal is lock long nameof namespace new null object operator out override params partial private protected public "
            + "readonly record ref required return sbyte sealed set short sizeof static string struct switch this throw true try typeof "
            + "uint ulong unchecked unsafe ushort using value var virtual void volatile when where while with yield").Split(' '),
    ];

    /// <summary>The pieces, in the order they were drawn; fewer than asked for if the documents have no more.</summary>
    /// <param name="documents">The texts.</param>
    /// <param name="count">Pieces.</param>
    /// <param name="seed">Start of the random choices.</param>
    /// <exception cref="CinnabarException">No document has a fitting piece.</exception>
    public static IReadOnlyList<PlantedError> Sample(IReadOnlyList<string> documents, int count, ulong seed)
    {
        DeterministicRandom random = new(seed);
        int[] order = [.. Enumerable.Range(0, documents.Count)];
        random.Shuffle(order.AsSpan());
        List<string>[] left = [.. order.Select(document => PiecesOf(documents[document]))];
        List<PlantedError> errors = [];
        for (bool more = true; more && errors.Count < count;)
        {
            more = false;
            for (int i = 0; i < order.Length && errors.Count < count; i++)
            {
                if (left[i].Count == 0)
                {
                    continue;
                }

                more = true;
                int chosen = random.NextInt(left[i].Count);
                string piece = left[i][chosen];
                left[i].RemoveAt(chosen);
                ErrorKind kind = s_kinds[errors.Count % s_kinds.Length];
                if (Plant(piece, kind, random) is (int start, string text))
                {
                    errors.Add(new PlantedError(kind, order[i], piece.AsSpan(0, start).Count('\n'), text, piece));
                }
            }
        }

        return errors.Count > 0 ? errors : throw new CinnabarException(
            $"Expected documents with {LinesOfPiece} lines of code, found none among {documents.Count}.",
            "Use a corpus whose test split holds C#.");
    }

    /// <summary>Plants one error.</summary>
    /// <param name="piece">The text.</param>
    /// <param name="kind">What is to be wrong.</param>
    /// <param name="random">The choices.</param>
    /// <returns>Where it is, and the text with it, which is never <paramref name="piece"/>; null: the piece has no place for it.</returns>
    public static (int Start, string Text)? Plant(string piece, ErrorKind kind, DeterministicRandom random)
    {
        (int Start, int Length, string Text)[] edits = [.. EditsOf(piece, kind).Where(e => piece.Substring(e.Start, e.Length) != e.Text)];
        if (edits.Length == 0)
        {
            return null;
        }

        (int start, int length, string text) = edits[random.NextInt(edits.Length)];
        return (start, string.Concat(piece.AsSpan(0, start), text, piece.AsSpan(start + length)));
    }

    private static List<string> PiecesOf(string document)
    {
        string[] lines = document.Split('\n');
        List<string> pieces = [];
        for (int first = 0; first + LinesOfPiece <= lines.Length; first += LinesOfPiece)
        {
            string piece = string.Join('\n', lines[first..(first + LinesOfPiece)]) + "\n";
            if (Code(piece, WordOrSign()).Count() >= LeastPlaces)
            {
                pieces.Add(piece);
            }
        }

        return pieces;
    }

    private static IEnumerable<(int Start, int Length, string Text)> EditsOf(string piece, ErrorKind kind) => kind switch
    {
        ErrorKind.Identifier => Names(piece),
        ErrorKind.Operator => Code(piece, Operator()).Select(m => (m.Index, m.Length, s_operators[m.Value])),
        ErrorKind.Token => Code(piece, WordOrSign()).SelectMany(m => DroppedOrDoubled(piece, m)),
        ErrorKind.Arguments => Code(piece, Arguments()).Select(m => (m.Index, m.Length, $"{m.Groups[2].Value}, {m.Groups[1].Value}")),
        _ => Literals(piece),
    };

    private static IEnumerable<(int Start, int Length, string Text)> Names(string piece)
    {
        Match[] names = [.. Code(piece, Name()).Where(m => !s_keywords.Contains(m.Value))];
        string[] all = [.. names.Select(m => m.Value).Distinct()];
        return names.SelectMany(m => all.Where(other => other != m.Value).Select(other => (m.Index, m.Length, other)));
    }

    private static IEnumerable<(int Start, int Length, string Text)> DroppedOrDoubled(string piece, Match token)
    {
        bool isWord = char.IsAsciiLetterOrDigit(token.Value[0]) || token.Value[0] == '_';
        bool afterSpace = token.Index > 0 && piece[token.Index - 1] == ' ' && token.Index > 1 && !char.IsWhiteSpace(piece[token.Index - 2]);
        yield return (afterSpace ? token.Index - 1 : token.Index, afterSpace ? token.Length + 1 : token.Length, "");
        yield return (token.Index, token.Length, token.Value + (isWord ? " " : "") + token.Value);
    }

    private static IEnumerable<(int Start, int Length, string Text)> Literals(string piece)
    {
        foreach (Match m in Code(piece, Number()).Where(m => m.Length < 10))
        {
            int number = int.Parse(m.Value, System.Globalization.CultureInfo.InvariantCulture);
            yield return (m.Index, m.Length, $"{number + 1}");
            if (number > 0)
            {
                yield return (m.Index, m.Length, $"{number - 1}");
            }
        }

        foreach (Match m in Code(piece, Truth()))
        {
            yield return (m.Index, m.Length, m.Value == "true" ? "false" : "true");
        }

        Match[] strings = [.. CommentOrString().Matches(piece).Where(m => m.Value[0] == '"')];
        foreach (Match m in strings)
        {
            foreach (string other in strings.Select(s => s.Value).Distinct().Where(s => s != m.Value))
            {
                yield return (m.Index, m.Length, other);
            }
        }
    }

    // The matches outside of comments and strings.
    private static IEnumerable<Match> Code(string piece, Regex pattern)
    {
        Match[] hidden = [.. CommentOrString().Matches(piece).AsEnumerable()];
        return pattern.Matches(piece)
            .Where(m => !hidden.Any(h => m.Index < h.Index + h.Length && h.Index < m.Index + m.Length));
    }

    [GeneratedRegex("""//[^\n]*|/\*[\s\S]*?(\*/|$)|"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'""")]
    private static partial Regex CommentOrString();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Name();

    [GeneratedRegex(@"\w+|[^\w\s]")]
    private static partial Regex WordOrSign();

    [GeneratedRegex(@"<=|>=|==|!=|&&|\|\||\+=|-=|\+\+|--|(?<= )[<>+\-*/](?= )")]
    private static partial Regex Operator();

    [GeneratedRegex(@"(?<=[(,]\s?)([\w.]+), ([\w.]+)(?=[,)])")]
    private static partial Regex Arguments();

    [GeneratedRegex(@"(?<![\w.])(0|[1-9]\d*)(?![\w.])")]
    private static partial Regex Number();

    [GeneratedRegex(@"\b(true|false)\b")]
    private static partial Regex Truth();
}
