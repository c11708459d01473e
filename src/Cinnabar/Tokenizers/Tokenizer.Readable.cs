// Single tokens as something to read.
using System.Buffers;
using System.Text;

namespace Cinnabar.Tokenizers;

public sealed partial class Tokenizer
{
    /// <summary>A token for people to read: control characters as \n, \t, \r or \xNN, and \xNN for a part of a character.</summary>
    public string TokenText(int id) => TextOf(id, escapesControls: true);

    /// <summary>A token for programs: as <see cref="TokenText"/>, but control characters stand for themselves.</summary>
    public string TokenPiece(int id) => TextOf(id, escapesControls: false);

    private string TextOf(int id, bool escapesControls)
    {
        CheckId(id);
        return _special.TryGetValue(id, out AddedToken? special)
            ? special.Content
            : Readable(_definition.Tokens[id, first: false], escapesControls);
    }

    private static string Readable(ReadOnlySpan<byte> rest, bool escapesControls)
    {
        StringBuilder text = new();
        while (!rest.IsEmpty)
        {
            bool whole = Rune.DecodeFromUtf8(rest, out Rune rune, out int length) == OperationStatus.Done;
            if (whole && !(escapesControls && Rune.IsControl(rune)))
            {
                text.Append(rune);
            }
            else
            {
                AppendEscaped(text, rest[..length]);
            }

            rest = rest[length..];
        }

        return text.ToString();
    }

    private static void AppendEscaped(StringBuilder text, ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            text.Append((char)b switch
            {
                '\n' => @"\n",
                '\r' => @"\r",
                '\t' => @"\t",
                _ => $@"\x{b:X2}",
            });
        }
    }
}
