using System.Buffers;
using System.Collections.Concurrent;
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary>
/// Text ↔ token ids. Thread-safe. With a byte-level or byte-fallback vocabulary and no normalizer any text comes back as it was, except
/// that unpaired surrogates become U+FFFD.
/// </summary>
public sealed partial class Tokenizer
{
    /// <summary>What DreamOn calls the token that makes two positions of a hole out of one.</summary>
    public const string ExpandToken = "<|expand|>";

    private readonly TokenizerDefinition _definition;
    private readonly PreTokenizer[] _preTokenizers;
    private readonly Dictionary<int, AddedToken> _special;
    private readonly ConcurrentBag<Model> _idle = [];

    internal Tokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _preTokenizers = [.. definition.PreTokenizers];
        _special = definition.AddedTokens.All.Where(token => token.Special).ToDictionary(token => token.Id);
    }

    /// <summary>V: one more than the highest id, special tokens included.</summary>
    public int VocabularySize => _definition.Tokens.Count;

    /// <summary>The id that stands for noise.</summary>
    /// <exception cref="CinnabarException">The tokenizer has no such token; the same for the three properties below.</exception>
    public int MaskTokenId => _definition.SpecialIds.Mask ?? throw NoSpecial("mask", SpecialTokens.Mask);

    /// <summary>The id of <see cref="ExpandToken"/>; null: there is none.</summary>
    public int? ExpandTokenId => _definition.AddedTokens.Find(ExpandToken)?.Id;

    /// <summary>The id at the end of a document.</summary>
    public int EndOfTextTokenId => _definition.SpecialIds.EndOfText ?? throw NoSpecial("end of text", SpecialTokens.EndOfText);

    /// <summary>The id of padding and of the unused end of a hole.</summary>
    public int PaddingTokenId => _definition.SpecialIds.Padding ?? throw NoSpecial("padding", SpecialTokens.Padding);

    /// <summary>The id at the beginning of a document.</summary>
    public int BeginOfTextTokenId => _definition.SpecialIds.BeginOfText ?? throw NoSpecial("begin of text", SpecialTokens.BeginOfText);

    internal TokenizerDefinition Definition => _definition;

    /// <summary>
    /// Reads tokenizer.json (Hugging Face layout), and tokenizer_config.json beside it for the names of special tokens; without a
    /// tokenizer.json, vocab.json and merges.txt of Qwen2's and Dream's tokenizer classes.
    /// </summary>
    /// <param name="path">The file, or the folder that holds it.</param>
    /// <exception cref="CinnabarException">The file is missing, damaged, or of a kind that is not supported.</exception>
    public static Tokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Tokenizer(TokenizerReader.Read(Directory.Exists(path) ? Path.Combine(path, "tokenizer.json") : path));
    }

    /// <summary>Makes the tokenizer of a GGUF file.</summary>
    /// <param name="vocabulary">What the file says under <c>tokenizer.ggml</c>.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="CinnabarException">The vocabulary is damaged, or of a kind that is not supported.</exception>
    public static Tokenizer FromVocabulary(GgufVocabulary vocabulary, string file)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        return new Tokenizer(new GgufVocabularyReader(vocabulary, file).Read());
    }

    /// <summary>Writes tokenizer.json in one step: the bytes that were read, or the file of a trained tokenizer.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="CinnabarException">The tokenizer is the one of a GGUF file and not of GPT-2's kind.</exception>
    public void Save(string path) => TokenizerWriter.Write(_definition, path);

    /// <summary>The ids of a text. A special token spelled in it is ordinary text, and none is added around it.</summary>
    public int[] Encode(string text) => Encode(text, parseSpecialTokens: false);

    /// <summary>The ids of a text.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="parseSpecialTokens">Whether names of special tokens in the text become those tokens. Only for text you wrote.</param>
    /// <param name="addSpecialTokens">Whether the special tokens go around it that the model wants around a text, such as the begin of
    /// text (default false).</param>
    public int[] Encode(string text, bool parseSpecialTokens, bool addSpecialTokens = false) =>
        Encode(text, parseSpecialTokens, addSpecialTokens, mark: null);

    /// <summary>The ids of a text in which names of special tokens become those tokens, but for names that a mark breaks.</summary>
    /// <param name="text">Any text; names of one character stay text.</param>
    /// <param name="mark">Taken out of what is no special token.</param>
    internal int[] EncodeMarked(string text, string mark) => Encode(text, parseSpecialTokens: true, addSpecialTokens: false, mark);

    /// <summary>The ids of a text that goes on with another one: nothing is put in front of it, where a begin would get a space.</summary>
    /// <param name="text">Any text; special tokens spelled in it are ordinary text.</param>
    public int[] EncodeBehind(string text) =>
        Encode(text, parseSpecialTokens: false, addSpecialTokens: false, mark: null, isBehind: true);

    private int[] Encode(string text, bool parseSpecialTokens, bool addSpecialTokens, string? mark, bool isBehind = false)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> output = new(text.Length / 3 + 4);
        Model model = _idle.TryTake(out Model? idle) ? idle : _definition.Model.Fork();
        if (addSpecialTokens)
        {
            output.AddRange(_definition.PostProcessor.Before);
        }

        AddedTokens added = _definition.AddedTokens;
        AddedTokenSearch first = mark is null ? added.Search(normalized: false, parseSpecialTokens) : added.Marked;
        AddedTokenSearch second = added.Search(normalized: true, special: parseSpecialTokens && mark is null);
        foreach ((int start, int end, AddedToken? token) in first.Split(text))
        {
            if (token is not null)
            {
                output.Add(token.Id);
                continue;
            }

            string part = text[start..end];
            bool joins = isBehind && start == 0; // right behind the other text, no token between
            part = (joins ? _definition.Normalizer?.NormalizeBehind(part) : _definition.Normalizer?.Normalize(part)) ?? part;
            foreach ((int from, int to, AddedToken? found) in second.Split(part))
            {
                if (found is not null)
                {
                    output.Add(found.Id);
                }
                else
                {
                    string ordinary = mark is null ? part[from..to] : part[from..to].Replace(mark, "", StringComparison.Ordinal);
                    bool begins = start == 0 && from == 0;
                    EncodeOrdinary(ordinary, first: begins && !isBehind, isBehind: begins && isBehind, model, output);
                }
            }
        }

        if (addSpecialTokens)
        {
            output.AddRange(_definition.PostProcessor.After);
        }

        _idle.Add(model);
        return [.. output];
    }

    /// <summary>The text of ids. Bytes that are not well-formed UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Each from 0 to <see cref="VocabularySize"/> − 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing (the default) or their names.</param>
    /// <param name="first">
    /// Whether a text begins with the ids (the default), where some tokenizers leave out a space; false: text stands right before them.
    /// </param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true, bool first = true)
    {
        return Encoding.UTF8.GetString(DecodeBytes(ids, skipSpecialTokens, first));
    }

    /// <summary>The bytes of ids, exactly.</summary>
    /// <param name="ids">Each from 0 to <see cref="VocabularySize"/> − 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing (the default) or their names.</param>
    /// <param name="first">Whether a text begins with the ids, as for <see cref="Decode"/>.</param>
    public byte[] DecodeBytes(ReadOnlySpan<int> ids, bool skipSpecialTokens = true, bool first = true)
    {
        ArrayBufferWriter<byte> bytes = new();
        foreach (int id in ids)
        {
            bytes.Write(BytesOf(id, skipSpecialTokens, ref first));
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>The first id that means another token in <paramref name="other"/>, or none there; null: every id means the same.</summary>
    public int? FirstDifference(Tokenizer other)
    {
        ArgumentNullException.ThrowIfNull(other);
        int common = Math.Min(VocabularySize, other.VocabularySize);
        for (int id = 0; id < common; id++)
        {
            (bool first, bool firstOfOther) = (false, false);
            ReadOnlySpan<byte> bytes = BytesOf(id, skipSpecialTokens: false, ref first);
            if (IsSpecial(id) != other.IsSpecial(id) || !bytes.SequenceEqual(other.BytesOf(id, skipSpecialTokens: false, ref firstOfOther)))
            {
                return id;
            }
        }

        return VocabularySize == other.VocabularySize ? null : common;
    }

    /// <summary>How many bytes of text a token stands for, not at the beginning of a text; 0 for special tokens.</summary>
    public int ByteLength(int id)
    {
        CheckId(id);
        return _definition.Tokens[id, first: false].Length;
    }

    /// <summary>Whether an id stands for text somewhere: neither a special token nor a gap in the numbering.</summary>
    internal bool HasText(int id) => !_definition.Tokens[id, first: false].IsEmpty || !_definition.Tokens[id, first: true].IsEmpty;

    /// <summary>Whether a token is special: it stands for no text.</summary>
    public bool IsSpecial(int id)
    {
        CheckId(id);
        return _special.ContainsKey(id);
    }

    /// <summary>The id of an added token's name, or of a text that is exactly one token; null where there is none.</summary>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _definition.AddedTokens.Find(token)?.Id ?? (_definition.Tokens.Find(token) is int found and >= 0 ? found : null);
    }

    /// <summary>The bytes that an id adds to a text.</summary>
    /// <param name="id">From 0 to <see cref="VocabularySize"/> − 1.</param>
    /// <param name="skipSpecialTokens">Whether special tokens give nothing.</param>
    /// <param name="first">Whether no token came before; false afterwards, unless the id is skipped or a gap in the numbering.</param>
    internal ReadOnlySpan<byte> BytesOf(int id, bool skipSpecialTokens, ref bool first)
    {
        CheckId(id);
        bool special = _special.ContainsKey(id);
        if (special && skipSpecialTokens)
        {
            return [];
        }

        ReadOnlySpan<byte> bytes = special ? _definition.Tokens.SpecialName(id, first) : _definition.Tokens[id, first];
        first &= !special && !HasText(id);
        return bytes;
    }

    private void EncodeOrdinary(string text, bool first, bool isBehind, Model model, List<int> output)
    {
        text = _preTokenizers.Length == 0 ? text : _preTokenizers[0].Prepare(text, first, isBehind);
        byte[] rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        EncodePieces(rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented)), 0, model, output);
        ArrayPool<byte>.Shared.Return(rented);
    }

    private void EncodePieces(ReadOnlySpan<byte> text, int stage, Model model, List<int> output)
    {
        if (stage == _preTokenizers.Length)
        {
            model.Encode(text, output);
            return;
        }

        for (int start = 0; start < text.Length;)
        {
            int end = _preTokenizers[stage].PieceEnd(text, start, out bool kept);
            if (kept)
            {
                EncodePieces(text[start..end], stage + 1, model, output);
            }

            start = end;
        }
    }

    private CinnabarException NoSpecial(string meaning, string name)
    {
        string[] names = [.. _special.Values.Select(token => token.Content)];
        return new CinnabarException(
            $"The tokenizer has no special token for {meaning}, such as {name}; "
            + $"it has {(names.Length == 0 ? "none" : Checkpoints.ErrorText.Some(names))}.",
            "Use the tokenizer that belongs to the model, or train one with `cinnabar corpus`.");
    }

    private void CheckId(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(id, VocabularySize);
    }
}
