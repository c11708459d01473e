// The tokenizer of a GGUF file, as llama.cpp reads it.
//
//   gpt2    byte-level BPE; the pattern is the one of tokenizer.ggml.pre. With Llama 3's, a piece that is a token needs no merges.
//   llama   SentencePiece BPE: spaces are ▁, one is put in front of the text; of all neighbours whose texts together are a token, the
//           pair whose token has the highest score is merged, of equal scores the leftmost. Written as merges: every token and every
//           way to cut it into two tokens, ranked by score. Characters without a token become byte tokens.
//   gemma4  the merges of the file over characters, spaces are ▁, lines are cut from runs of line feeds, and such a run that is a token
//           needs no merges. Characters without a token become byte tokens.
//
// Token types: control and unknown tokens are special; user-defined ones are found in text as a whole; unused ones stand for nothing.
// tokenizer.huggingface.json (GGUF specification, "Tokenizer"): where it is present, it is the tokenizer.
// No normalizer otherwise: GGUF files carry none, and llama.cpp applies none.
// Source: llama.cpp src/llama-vocab.cpp. Deviation of "llama": there two symbols may merge that are not tokens themselves.
using System.Text;

namespace Cinnabar.Tokenizers;

/// <summary><see cref="GgufVocabulary"/> → <see cref="TokenizerDefinition"/>.</summary>
internal sealed class GgufVocabularyReader
{
    private const int MaxScoredCharacters = 128; // a longer token would make too many pairs; the longest in use have 48
    private const string Space = "\u2581";
    private const int Normal = 1;
    private const int Unknown = 2;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;
    private const int Byte = 6;
    private readonly GgufVocabulary _vocabulary;
    private readonly string _file;
    private readonly Dictionary<string, int> _ordinary = [];
    private readonly List<AddedToken> _added = [];

    /// <summary>Names the vocabulary and the file for errors.</summary>
    public GgufVocabularyReader(GgufVocabulary vocabulary, string file)
    {
        _vocabulary = vocabulary;
        _file = file;
    }

    /// <summary>Checks and converts.</summary>
    /// <exception cref="CinnabarException">The vocabulary cannot be used.</exception>
    public TokenizerDefinition Read()
    {
        if (_vocabulary.HuggingFaceJson is string json)
        {
            TokenizerDefinition whole = TokenizerReader.Parse($"{_file}, tokenizer.huggingface.json", Encoding.UTF8.GetBytes(json));
            return whole.Tokens.Count <= _vocabulary.Tokens.Count
                ? whole with { SpecialIds = ReadSpecialIds(whole.AddedTokens) }
                : throw Bad(
                    "tokenizer.huggingface.json", $"at most the {_vocabulary.Tokens.Count} tokens of tokenizer.ggml.tokens",
                    $"{whole.Tokens.Count}");
        }

        string?[] spellings = SortTokens();
        AddedTokens added = new(_added, normalizer: null);
        bool spacePrefix = _vocabulary.Model == "llama" && (_vocabulary.AddSpacePrefix ?? true);
        (Model model, PreTokenizer? pieces) = _vocabulary.Model switch
        {
            "gpt2" => ReadByteLevel(),
            "llama" => (new Bpe(Characters(), ScoredMerges()), null),
            "gemma4" => ReadGemma(),
            string other => throw Bad("tokenizer.ggml.model", "one of gpt2, llama, gemma4", $"'{other}'"),
        };
        Decoder decoder = _vocabulary.Model == "gpt2" ? new ByteLevelDecoder() : new DecoderSequence
        {
            Replacements = [(Space, " ")],
            ByteFallback = true,
            StripStart = spacePrefix ? " " : null,
        };
        return new TokenizerDefinition
        {
            AddedTokens = added,
            Normalizer = _vocabulary.Model == "gpt2" ? null : SpaceNormalizer(spacePrefix),
            PreTokenizers = pieces is null ? [] : [pieces],
            Model = model,
            PostProcessor = ReadPostProcessor(),
            Tokens = new TokenBytes(spellings, added.All, decoder),
            SpecialIds = ReadSpecialIds(added),
        };
    }

    private static Normalizer SpaceNormalizer(bool prefix)
    {
        ReplaceNormalizer replace = new(" ", Space);
        return prefix ? new NormalizerSequence([new PrependNormalizer(Space), replace]) : replace;
    }

    // Fills the ordinary and the added tokens; returns the spellings of those that are not added.
    private string?[] SortTokens()
    {
        int count = _vocabulary.Tokens.Count;
        if (count is 0 or > TokenizerJson.MaxTokens)
        {
            throw Bad("tokenizer.ggml.tokens", $"1 to {TokenizerJson.MaxTokens} tokens", $"{count}");
        }

        CheckCount("token_type", _vocabulary.TokenTypes?.Count ?? count);
        CheckCount("scores", _vocabulary.Scores?.Count ?? count);
        HashSet<string> names = [];
        string?[] spellings = new string?[count];
        for (int id = 0; id < count; id++)
        {
            string token = _vocabulary.Tokens[id];
            int type = _vocabulary.TokenTypes?[id] ?? Normal;
            if (type is < Normal or > Byte)
            {
                throw Bad($"tokenizer.ggml.token_type[{id}]", $"a type from {Normal} to {Byte}", $"{type}");
            }

            if (type == Unused || token.Length == 0)
            {
                continue;
            }

            if (!names.Add(token))
            {
                throw Bad($"tokenizer.ggml.tokens[{id}]", "a token that is not there before", "one twice");
            }

            if (type is Unknown or Control or UserDefined)
            {
                _added.Add(new AddedToken(id, token, Special: type != UserDefined));
            }
            else
            {
                _ordinary.Add(token, id);
                spellings[id] = token;
            }
        }

        return spellings;
    }

    private (Model Model, PreTokenizer? PreTokenizer) ReadByteLevel()
    {
        string pre = _vocabulary.Pre ?? throw Bad("tokenizer.ggml.pre", "the name of a split pattern", "none");
        string pattern = SplitPatterns.OfGguf(pre) ?? throw Bad(
            "tokenizer.ggml.pre", "one of gpt-2, olmo, qwen2, deepseek-r1-qwen, llama-bpe, bailingmoe, bailingmoe2, llada-moe", $"'{pre}'");
        int[] idOfByte = [.. Enumerable.Range(0, 256).Select(b => Find(ByteLevel.Spell([(byte)b])))];
        int missing = Array.IndexOf(idOfByte, -1);
        if (missing >= 0)
        {
            throw Bad("tokenizer.ggml.tokens", "a token for each of the 256 bytes", $"none for byte {missing}");
        }

        Dictionary<byte[], int>? whole = pattern == SplitPatterns.Llama3 ? WholePieces(ByteLevel.Parse) : null;
        return (new Bpe(new ByteSymbols(idOfByte), ReadMerges(), whole), RegexSplit.Of(pattern));
    }

    private (Model Model, PreTokenizer? PreTokenizer) ReadGemma()
    {
        Dictionary<byte[], int> lineFeeds =
            WholePieces(token => token.AsSpan().ContainsAnyExcept('\n') ? null : Encoding.UTF8.GetBytes(token));
        return (new Bpe(Characters(), ReadMerges(), lineFeeds), RegexSplit.Of(SplitPatterns.Lines));
    }

    private Dictionary<byte[], int> WholePieces(Func<string, byte[]?> bytesOf)
    {
        Dictionary<byte[], int> pieces = new(ByteSequenceComparer.Instance);
        foreach ((string token, int id) in _ordinary)
        {
            if (bytesOf(token) is byte[] bytes)
            {
                pieces.TryAdd(bytes, id);
            }
        }

        return pieces;
    }

    private CharacterSymbols Characters()
    {
        Dictionary<int, int> idOfCodePoint = [];
        foreach ((string token, int id) in _ordinary)
        {
            if (Rune.TryGetRuneAt(token, 0, out Rune rune) && rune.Utf16SequenceLength == token.Length)
            {
                idOfCodePoint.Add(rune.Value, id);
            }
        }

        int? unknown = _vocabulary.UnknownTokenId;
        return new CharacterSymbols(idOfCodePoint)
        {
            IdOfByte = [.. Enumerable.Range(0, 256).Select(b => Find($"<0x{b:X2}>"))],
            UnknownId = unknown is null ? null : CheckId("unknown_token_id", unknown.Value),
        };
    }

    private Merge[] ReadMerges()
    {
        IReadOnlyList<string> lines = _vocabulary.Merges ?? throw Bad("tokenizer.ggml.merges", "the merges", "none");
        Merge[] merges = new Merge[lines.Count];
        HashSet<(int, int)> seen = [];
        for (int rank = 0; rank < merges.Length; rank++)
        {
            string line = lines[rank];
            int cut = line.Length < 2 ? -1 : line.IndexOf(' ', 1);
            int left = cut < 0 ? -1 : Find(line[..cut]);
            int right = cut < 0 ? -1 : Find(line[(cut + 1)..]);
            int merged = left < 0 || right < 0 ? -1 : Find(line.Remove(cut, 1));
            if (merged < 0 || !seen.Add((left, right)))
            {
                throw Bad($"tokenizer.ggml.merges[{rank}]", "two ordinary tokens that make a third, and each pair once", $"'{line}'");
            }

            merges[rank] = new Merge(left, right, merged, rank);
        }

        return merges;
    }

    private Merge[] ScoredMerges()
    {
        IReadOnlyList<float> scores = _vocabulary.Scores ?? throw Bad("tokenizer.ggml.scores", "a score for each token", "none");
        float[] distinct = [.. _ordinary.Values.Select(id => scores[id]).Distinct().OrderDescending()];
        if (distinct.Any(float.IsNaN))
        {
            throw Bad("tokenizer.ggml.scores", "numbers", "NaN");
        }

        Dictionary<float, int> rankOfScore = distinct.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> tokens = _ordinary.GetAlternateLookup<ReadOnlySpan<char>>();
        List<Merge> merges = [];
        foreach ((string token, int id) in _ordinary)
        {
            if (token.Length > MaxScoredCharacters)
            {
                throw Bad($"tokenizer.ggml.tokens[{id}]", $"at most {MaxScoredCharacters} characters", $"{token.Length}");
            }

            for (int cut = 1; IsNormal(id) && cut < token.Length; cut++)
            {
                if (tokens.TryGetValue(token.AsSpan(0, cut), out int left) && IsNormal(left)
                    && tokens.TryGetValue(token.AsSpan(cut), out int right) && IsNormal(right))
                {
                    merges.Add(new Merge(left, right, id, rankOfScore[scores[id]]));
                }
            }
        }

        return [.. merges];
    }

    private PostProcessor ReadPostProcessor()
    {
        bool usual = _vocabulary.Model is "llama" or "gemma4" || _vocabulary.Pre is "llama-bpe" or "llama3" or "llama-v3";
        bool addBos = _vocabulary.AddBos ?? (usual && _vocabulary.BosTokenId is not null);
        bool addEos = _vocabulary.AddEos ?? false;
        return new PostProcessor(
            addBos ? [Required("bos_token_id", _vocabulary.BosTokenId)] : [],
            addEos ? [Required("eos_token_id", _vocabulary.EosTokenId)] : []);
    }

    private SpecialTokenIds ReadSpecialIds(AddedTokens added)
    {
        SpecialTokenIds usual = SpecialTokenIds.Of(added);
        return new SpecialTokenIds(
            Checked("mask_token_id", _vocabulary.MaskTokenId) ?? usual.Mask,
            Checked("eos_token_id", _vocabulary.EosTokenId) ?? usual.EndOfText,
            Checked("padding_token_id", _vocabulary.PaddingTokenId) ?? usual.Padding,
            Checked("bos_token_id", _vocabulary.BosTokenId) ?? usual.BeginOfText);
    }

    private int? Checked(string key, int? id) => id is int value ? CheckId(key, value) : null;

    private int Required(string key, int? id) =>
        CheckId(key, id ?? throw Bad($"tokenizer.ggml.{key}", "the id that goes around texts", "none"));

    private int CheckId(string key, int id)
    {
        return id >= 0 && id < _vocabulary.Tokens.Count
            ? id
            : throw Bad($"tokenizer.ggml.{key}", $"an id from 0 to {_vocabulary.Tokens.Count - 1}", $"{id}");
    }

    private void CheckCount(string key, int count)
    {
        if (count != _vocabulary.Tokens.Count)
        {
            throw Bad($"tokenizer.ggml.{key}", $"one for each of the {_vocabulary.Tokens.Count} tokens", $"{count}");
        }
    }

    private bool IsNormal(int id) => (_vocabulary.TokenTypes?[id] ?? Normal) == Normal;

    private int Find(string token) => _ordinary.GetValueOrDefault(token, -1);

    private CinnabarException Bad(string where, string expected, string found)
    {
        string shown = Checkpoints.ErrorText.Quote(found)[1..^1];
        return new CinnabarException(
            $"{_file}, {where}: expected {expected}, found {shown}.",
            "Use a GGUF file with a byte-level (gpt2), SentencePiece (llama) or Gemma 4 vocabulary, or convert the model anew.");
    }
}
