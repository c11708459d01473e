using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>
/// Text ↔ token ids, by byte-level byte-pair encoding. Thread-safe. Any text comes back as it was, except that unpaired surrogates
/// become U+FFFD.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerDefinition _definition;
    private readonly MergeTable _merges;
    private readonly int[] _idOfByte = new int[256];
    private readonly bool[] _isSpecial;
    private readonly string[] _specialNames; // longest first, so that the first that fits is the longest
    private readonly SearchValues<string> _specialSearch;
    private readonly ConcurrentBag<Bpe> _idle = [];

    internal Tokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _merges = new MergeTable(definition.Merges.Length);
        for (int rank = 0; rank < definition.Merges.Length; rank++)
        {
            (int left, int right, int merged) = definition.Merges[rank];
            _merges.TryAdd(left, right, rank, merged);
        }

        for (int id = definition.Tokens.Length - 1; id >= 0; id--)
        {
            if (definition.Tokens[id].Length == 1)
            {
                _idOfByte[definition.Tokens[id][0]] = id;
            }
        }

        _isSpecial = new bool[definition.Tokens.Length];
        foreach (int id in definition.SpecialTokens.Values)
        {
            _isSpecial[id] = true;
        }

        _specialNames = [.. definition.SpecialTokens.Keys.Order(StringComparer.Ordinal).OrderByDescending(name => name.Length)];
        _specialSearch = SearchValues.Create(_specialNames, StringComparison.Ordinal);
    }

    /// <summary>V: the number of ids, special tokens included.</summary>
    public int VocabularySize => _definition.Tokens.Length;

    /// <summary>The id that stands for noise.</summary>
    /// <exception cref="CinnabarException">The tokenizer has no such token; the same for the three properties below.</exception>
    public int MaskTokenId => RequireSpecial(SpecialTokens.Mask);

    /// <summary>The id at the end of a document.</summary>
    public int EndOfTextTokenId => RequireSpecial(SpecialTokens.EndOfText);

    /// <summary>The id of padding and of the unused end of a hole.</summary>
    public int PaddingTokenId => RequireSpecial(SpecialTokens.Padding);

    /// <summary>The id at the beginning of a document.</summary>
    public int BeginOfTextTokenId => RequireSpecial(SpecialTokens.BeginOfText);

    internal TokenizerDefinition Definition => _definition;

    /// <summary>Reads tokenizer.json (Hugging Face layout).</summary>
    /// <param name="path">The file, or the folder that holds it.</param>
    /// <exception cref="CinnabarException">The file is missing, damaged, or of a kind that is not supported.</exception>
    public static Tokenizer Load(string path)
    {
        return new Tokenizer(TokenizerReader.Read(Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path));
    }

    /// <summary>Writes tokenizer.json, replacing the file in one step.</summary>
    /// <param name="path">The file.</param>
    public void Save(string path) => TokenizerWriter.Write(_definition, path);

    /// <summary>The ids of a text. A special token spelled in it is ordinary text.</summary>
    public int[] Encode(string text) => Encode(text, parseSpecialTokens: false);

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="parseSpecialTokens">Whether names of special tokens in the text become those tokens. Only for text you wrote.</param>
    public int[] Encode(string text, bool parseSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> output = new(text.Length / 3 + 4);
        Bpe bpe = _idle.TryTake(out Bpe? idle) ? idle : new Bpe(_merges, _idOfByte);
        int start = 0;
        if (parseSpecialTokens)
        {
            while (FindSpecial(text, start) is (int index, string name))
            {
                EncodeOrdinary(text.AsSpan(start, index - start), bpe, output);
                output.Add(_definition.SpecialTokens[name]);
                start = index + name.Length;
            }
        }

        EncodeOrdinary(text.AsSpan(start), bpe, output);
        _idle.Add(bpe);
        return [.. output];
    }

    /// <summary>The text of ids. Bytes that are not well-formed UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Each from 0 to <see cref="VocabularySize"/> − 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing (the default) or their names.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        return Encoding.UTF8.GetString(DecodeBytes(ids, skipSpecialTokens));
    }

    /// <summary>The bytes of ids, exactly.</summary>
    /// <param name="ids">Each from 0 to <see cref="VocabularySize"/> − 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing (the default) or their names.</param>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        ArrayBufferWriter<byte> bytes = new();
        foreach (int id in ids)
        {
            CheckId(id);
            bytes.Write(_isSpecial[id] && !skipSpecialTokens ? Encoding.UTF8.GetBytes(SpecialName(id)) : _definition.Tokens[id]);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>How many bytes of text a token stands for; 0 for special tokens.</summary>
    public int ByteLength(int id)
    {
        CheckId(id);
        return _definition.Tokens[id].Length;
    }

    /// <summary>Whether a token is special: it stands for no text.</summary>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _isSpecial[id];
    }

    /// <summary>The id of a special token's name, or of a text that is exactly one token; null where there is none.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        if (_definition.SpecialTokens.TryGetValue(token, out int special))
        {
            return special;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(token);
        int found = bytes.Length == 0 ? -1 : Array.FindIndex(_definition.Tokens, candidate => candidate.AsSpan().SequenceEqual(bytes));
        return found < 0 ? null : found;
    }

    /// <summary>A token for people to read: control characters as \n, \t, \r or \xNN, and \xNN for a part of a character.</summary>
    public string TokenText(int id)
    {
        CheckId(id);
        if (_isSpecial[id])
        {
            return SpecialName(id);
        }

        StringBuilder text = new();
        ReadOnlySpan<byte> rest = _definition.Tokens[id];
        while (!rest.IsEmpty)
        {
            bool whole = Rune.DecodeFromUtf8(rest, out Rune rune, out int length) == OperationStatus.Done;
            if (whole && !Rune.IsControl(rune))
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

    private void EncodeOrdinary(ReadOnlySpan<char> text, Bpe bpe, List<int> output)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        ReadOnlySpan<byte> utf8 = rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented));
        for (int start = 0; start < utf8.Length;)
        {
            int end = _definition.PreTokenizer.PieceEnd(utf8, start);
            bpe.Encode(utf8[start..end], output);
            start = end;
        }

        ArrayPool<byte>.Shared.Return(rented);
    }

    // The leftmost special token at or after start, the longest of those that begin there.
    private (int Index, string Name)? FindSpecial(string text, int start)
    {
        int found = text.AsSpan(start).IndexOfAny(_specialSearch);
        return found < 0 ? null : (start + found, _specialNames.First(name => text.AsSpan(start + found).StartsWith(name)));
    }

    private string SpecialName(int id) => _definition.SpecialTokens.First(token => token.Value == id).Key;

    private int RequireSpecial(string name)
    {
        return _definition.SpecialTokens.TryGetValue(name, out int id) ? id : throw new CinnabarException(
            $"The tokenizer has no special token {name}; it has {(_specialNames.Length == 0 ? "none" : string.Join(", ", _specialNames))}.",
            "Use the tokenizer that belongs to the model, or train one with `cinnabar corpus`.");
    }

    private void CheckId(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, VocabularySize);
    }
}
