// Pre-tokenisation for source code. A piece is the first of
//
//   word     [ ]? (letter | mark | _)+             "return", " _field"
//   number   [ ]? digit{1,3}                       " 123" then "456"
//   symbols  [ ]? (anything not named here)+       "();", " =>", " {"
//   newlines (CR | LF)+ (space | tab)*             the indentation belongs to the line break before it
//   blanks   (space | tab)+                        alignment inside a line; takes all of the run
//
// A word after an indentation or after two blanks therefore has no leading space, and no look-ahead is needed: one pass, one
// code point of context. Only space, tab, CR and LF are white space here; the other Unicode spaces are symbols. That keeps the
// classes of every regular-expression engine the same (they differ on what \s is).
//
// Pattern is the same rule as a regular expression; it is what tokenizer.json holds, so that other programs cut alike.
// It is never run here. The classes follow the Unicode version of the runtime, as in every other implementation.
using System.Globalization;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>The pre-tokenizer of the tokenizers trained here.</summary>
internal sealed class CodePreTokenizer : PreTokenizer
{
    /// <summary>The rule as the pattern of a Hugging Face "Split" pre-tokenizer with behaviour "Isolated".</summary>
    public const string Pattern = @" ?[\p{L}\p{M}_]+| ?\p{N}{1,3}| ?[^\p{L}\p{M}\p{N}_ \t\r\n]+|[\r\n]+[ \t]*|[ \t]+";

    private const int MaxDigits = 3;
    private static readonly Class[] s_asciiClasses = BuildAsciiClasses();

    private enum Class : byte
    {
        Word,
        Number,
        Symbol,
        Newline,
        Blank,
    }

    /// <inheritdoc/>
    public override int PieceEnd(ReadOnlySpan<byte> text, int start)
    {
        Class first = ClassAt(text, start, out int length);
        if (first == Class.Newline)
        {
            return SkipAll(text, SkipAll(text, start + length, Class.Newline), Class.Blank);
        }

        int body = start;
        if (first == Class.Blank)
        {
            Class second = Class.Blank;
            if (text[start] == (byte)' ' && start + 1 < text.Length)
            {
                second = ClassAt(text, start + 1, out length);
            }

            if (second is Class.Blank or Class.Newline)
            {
                return SkipAll(text, start + 1, Class.Blank);
            }

            body = start + 1;
            first = second;
        }

        int end = body + length;
        if (first != Class.Number)
        {
            return SkipAll(text, end, first);
        }

        for (int digits = 1; digits < MaxDigits && end < text.Length && ClassAt(text, end, out length) == Class.Number; digits++)
        {
            end += length;
        }

        return end;
    }

    private static int SkipAll(ReadOnlySpan<byte> text, int index, Class wanted)
    {
        while (index < text.Length && ClassAt(text, index, out int length) == wanted)
        {
            index += length;
        }

        return index;
    }

    private static Class ClassAt(ReadOnlySpan<byte> text, int index, out int length)
    {
        byte first = text[index];
        if (first < s_asciiClasses.Length)
        {
            length = 1;
            return s_asciiClasses[first];
        }

        return ClassOf(CategoryAt(text, index, out _, out length));
    }

    private static Class ClassOf(UnicodeCategory category)
    {
        return IsLetter(category) || IsMark(category) ? Class.Word : IsNumber(category) ? Class.Number : Class.Symbol;
    }

    private static Class[] BuildAsciiClasses()
    {
        Class[] classes = new Class[128];
        for (int c = 0; c < classes.Length; c++)
        {
            classes[c] = (char)c switch
            {
                '\r' or '\n' => Class.Newline,
                ' ' or '\t' => Class.Blank,
                '_' => Class.Word,
                _ => ClassOf(Rune.GetUnicodeCategory(new Rune(c))),
            };
        }

        return classes;
    }
}
