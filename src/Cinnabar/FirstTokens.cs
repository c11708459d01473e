// Which tokens may begin a hole behind text that is not shown to the network, since tokens go across the place where the hole begins:
//
//   line ends   Many tokenizers take a line end and the indentation behind it for one token. In training, a line end that stands by itself
//               then says that the next line begins at its left edge; a hole behind one that is shown so would begin there, too.
//   words       "retu" is two tokens that never stand before "rn" in training, where "return" is one.
//
// So neither is shown, and the first token of the hole is one of those that begin with it: the network chooses among them, and what they
// repeat is no part of the hole's text. A word is only left to a hole with text behind it, which an editor asks for while the word is being
// typed; who lets a text go on behind a word means a whole one. Of the tokens of the word as many are left out as some token begins with.
// Source: token healing of Guidance (Lundberg, "The art of prompt design", 2023), there for the last token of a prompt.
using System.Text;
using Cinnabar.Constraints;
using Cinnabar.Tokenizers;

namespace Cinnabar;

/// <summary>The tokens that begin with something and go on, of one tokenizer. Thread-safe.</summary>
/// <param name="tokenizer">The tokenizer; its token for holes that grow may always come first.</param>
/// <param name="vocabularySize">V of the network.</param>
internal sealed class FirstTokens(Tokenizer tokenizer, int vocabularySize)
{
    private const long MostKept = 8 << 20; // ids
    private const int MostLineEnds = 4; // of a run that is one token; more stand in no text of note

    private static readonly string[] s_indentations = ["    ", "        ", "\t", "\t\t", "  "];

    private readonly Lazy<int> _longest = new(() => Enumerable.Range(0, tokenizer.Definition.Tokens.Count)
        .Max(id => tokenizer.Definition.Tokens[id, first: false].Length));

    private readonly RecentlyUsed<string, int[]?> _others = new(MostKept);
    private readonly Lazy<bool[]> _joins = new(() => [.. Enumerable.Range(0, MostLineEnds + 1).Select(count => Joins(tokenizer, count))]);

    /// <summary>The ids that must not come first where a hole's text is to begin with <paramref name="lead"/>.</summary>
    /// <returns>Ascending; null where no token begins with it and goes on with another character.</returns>
    public int[]? Others(string lead) => lead.Length == 0 || lead.Length > _longest.Value
        ? null
        : _others.Get(lead, Find, others => 1 + (others?.Length ?? 0));

    /// <summary>
    /// How many line ends at the end of a text are left to the hole behind it: the most that are a token, with indentation and without.
    /// </summary>
    /// <param name="count">Line ends at the end of the text.</param>
    public int LineEnds(int count)
    {
        int left = Math.Min(count, MostLineEnds);
        while (left > 0 && !_joins.Value[left])
        {
            left--;
        }

        return left;
    }

    /// <summary>
    /// How many tokens at the end of a text are a word, or the beginning of one, that a single token may begin with; at least one token
    /// stays before it, as what begins a text may be spelled otherwise.
    /// </summary>
    /// <param name="ids">Of the text.</param>
    /// <returns>The number and what they stand for; 0 and nothing: the text ends otherwise.</returns>
    public (int Count, string Lead) WordAtEnd(ReadOnlySpan<int> ids)
    {
        (int Count, string Lead) best = (0, "");
        string word = "";
        for (int count = 1; count < ids.Length && word.Length <= _longest.Value && IsWord(ids[^count], out string part); count++)
        {
            word = part + word;
            best = Others(word) is null ? best : (count, word);
            if (part[0] == ' ')
            {
                break;
            }
        }

        return best;
    }

    private TokenBytes Tokens => tokenizer.Definition.Tokens;

    private static bool Joins(Tokenizer tokenizer, int lineEnds)
    {
        string run = new('\n', lineEnds);
        return lineEnds > 0 && IsToken(tokenizer, run) && s_indentations.Any(indentation => IsToken(tokenizer, run + indentation));
    }

    // Between two letters.
    private static bool IsToken(Tokenizer tokenizer, string text) =>
        tokenizer.Encode($"x{text}y").Any(id => tokenizer.Definition.Tokens[id, first: false].SequenceEqual(Encoding.UTF8.GetBytes(text)));

    private int[]? Find(string lead)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(lead);
        bool[] begins = new bool[vocabularySize];
        bool goesOn = false;
        for (int id = 0; id < Math.Min(Tokens.Count, vocabularySize); id++)
        {
            ReadOnlySpan<byte> token = Tokens[id, first: false];
            begins[id] = token.StartsWith(bytes);

            goesOn |= begins[id] && token.Length > bytes.Length;
        }

        return goesOn ? [.. Enumerable.Range(0, vocabularySize).Where(id => !begins[id] && id != tokenizer.ExpandTokenId)] : null;
    }

    // Letters of ASCII and _, perhaps behind a space.
    private bool IsWord(int id, out string part)
    {
        ReadOnlySpan<byte> token = id < Tokens.Count ? Tokens[id, first: false] : [];
        part = Encoding.Latin1.GetString(token);
        string letters = part.StartsWith(' ') ? part[1..] : part;
        return letters.Length > 0 && letters.All(character => char.IsAsciiLetter(character) || character == '_');
    }
}
