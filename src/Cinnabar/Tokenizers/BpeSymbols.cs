// What the merges of a byte-pair encoding start from.
//
//   bytes       byte-level vocabularies (GPT-2, Qwen, LLaDA): one token for each byte, so nothing is unknown
//   characters  SentencePiece-like vocabularies (Llama 2, Gemma): one token for each code point; a code point without one becomes the
//               tokens <0x00> … <0xFF> of its UTF-8 (byte_fallback) if all are there, else the unknown token, a run of them only one
//               with fuse_unk; without an unknown token it is left out
//
// Source: Hugging Face tokenizers, models/bpe/model.rs.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>Reads the first symbols of a piece.</summary>
internal abstract class BpeSymbols
{
    /// <summary>Writes the ids of the symbols, at most one for each byte, and returns how many.</summary>
    public abstract int Read(ReadOnlySpan<byte> piece, Span<int> ids);
}

/// <summary>A token for each byte.</summary>
internal sealed class ByteSymbols(int[] idOfByte) : BpeSymbols
{
    /// <summary>[256]: the tokens.</summary>
    public int[] IdOfByte => idOfByte;

    public override int Read(ReadOnlySpan<byte> piece, Span<int> ids)
    {
        for (int i = 0; i < piece.Length; i++)
        {
            ids[i] = idOfByte[piece[i]];
        }

        return piece.Length;
    }
}

/// <summary>A token for each code point.</summary>
internal sealed class CharacterSymbols : BpeSymbols
{
    private const int None = -1;
    private readonly int[] _ascii = new int[128];
    private readonly IReadOnlyDictionary<int, int> _idOfCodePoint;

    /// <summary>Shares the tables.</summary>
    /// <param name="idOfCodePoint">The tokens of one code point.</param>
    public CharacterSymbols(IReadOnlyDictionary<int, int> idOfCodePoint)
    {
        _idOfCodePoint = idOfCodePoint;
        for (int c = 0; c < _ascii.Length; c++)
        {
            _ascii[c] = idOfCodePoint.GetValueOrDefault(c, None);
        }
    }

    /// <summary>[256]: the tokens of bytes, −1 where there is none; null without byte_fallback.</summary>
    public int[]? IdOfByte { get; init; }

    /// <summary>The unknown token; null to leave out what is unknown.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Whether a run of unknown code points is one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <inheritdoc/>
    public override int Read(ReadOnlySpan<byte> piece, Span<int> ids)
    {
        int count = 0;
        bool pending = false; // an unknown token that is not written yet: it comes before the next known code point
        for (int i = 0; i < piece.Length;)
        {
            Rune.DecodeFromUtf8(piece[i..], out Rune rune, out int length);
            int id = rune.IsAscii ? _ascii[rune.Value] : _idOfCodePoint.GetValueOrDefault(rune.Value, None);
            if (id != None)
            {
                Flush(ids);
                ids[count++] = id;
            }
            else if (HasBytes(piece.Slice(i, length)))
            {
                foreach (byte b in piece.Slice(i, length))
                {
                    ids[count++] = IdOfByte![b];
                }
            }
            else if (UnknownId is not null)
            {
                if (!FuseUnknown)
                {
                    Flush(ids);
                }

                pending = true;
            }

            i += length;
        }

        Flush(ids);
        return count;

        void Flush(Span<int> ids)
        {
            if (pending)
            {
                ids[count++] = UnknownId!.Value;
                pending = false;
            }
        }
    }

    private bool HasBytes(ReadOnlySpan<byte> bytes)
    {
        foreach (byte b in bytes)
        {
            if (IdOfByte is null || IdOfByte[b] == None)
            {
                return false;
            }
        }

        return true;
    }
}
