// The index of a checkpoint that is split over several safetensors files, "model.safetensors.index.json":
//   {"metadata": {"total_size": bytes, …}, "weight_map": {tensor: "model-00001-of-00004.safetensors", …}}
// Layout: the Hugging Face hub's documentation of sharded safetensors, as save_pretrained writes it. Read in one forward pass; names
// occur once, compared after unescaping; a shard is a plain file name that ends in .safetensors (see ForeignPath), so it lies beside
// the index. total_size must be a number but is not compared: writers count tied weights twice or write it before a conversion, and
// the header of every shard accounts for each of its bytes anyway (SafetensorsLayout). Other keys are skipped.
using System.Text.Json;

namespace Cinnabar.Checkpoints;

/// <summary>Which shard holds which tensor.</summary>
internal sealed class SafetensorsIndex
{
    /// <summary>Name of the index in a model folder.</summary>
    public const string FileName = "model.safetensors.index.json";

    /// <summary>Most shards of one checkpoint; each keeps a file open. The largest open checkpoints have some two hundred.</summary>
    public const int MaxShards = 1_000;

    /// <summary>Largest index that is read.</summary>
    public const int MaxBytes = 16 << 20;

    private const string ShardExtension = ".safetensors";

    private SafetensorsIndex(string file, Dictionary<string, string> shardOf)
    {
        File = file;
        ShardOf = shardOf;
        TensorsOf = shardOf.ToLookup(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);
        Shards = [.. TensorsOf.Select(group => group.Key).Order(StringComparer.Ordinal)];
    }

    /// <summary>Name for messages.</summary>
    public string File { get; }

    /// <summary>Tensor → file name of its shard.</summary>
    public IReadOnlyDictionary<string, string> ShardOf { get; }

    /// <summary>File name of a shard → its tensors.</summary>
    public ILookup<string, string> TensorsOf { get; }

    /// <summary>The file names of all shards, sorted.</summary>
    public IReadOnlyList<string> Shards { get; }

    /// <summary>Reads an index file of at most 16 MiB.</summary>
    /// <exception cref="CinnabarException">It cannot be read or breaks a rule of the format.</exception>
    public static SafetensorsIndex Load(string path) => Parse(path, InputFile.ReadAll(path, "the index of the weights", MaxBytes));

    /// <summary>Reads the bytes of an index.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="json">The bytes.</param>
    /// <exception cref="CinnabarException">They break a rule of the format.</exception>
    public static SafetensorsIndex Parse(string file, byte[] json)
    {
        SafetensorsJson.RequireUtf8(file, json, 0);
        Parser parser = new(file, json);
        Dictionary<string, string> shardOf = parser.Read();
        SafetensorsIndex index = new(file, shardOf);
        return index.Shards.Count is > 0 and <= MaxShards
            ? index
            : throw new CinnabarException(
                $"{file}: weight_map: expected tensors in 1 to {MaxShards} files, found {index.Shards.Count} files.",
                SafetensorsHeader.FetchAgain);
    }

    private ref struct Parser(string file, byte[] text)
    {
        private Utf8JsonReader _json = new(text, new JsonReaderOptions { MaxDepth = 16 });

        public Dictionary<string, string> Read()
        {
            try
            {
                return ReadTop();
            }
            catch (JsonException e)
            {
                throw new CinnabarException(
                    $"{file}: near offset {_json.BytesConsumed}: expected valid JSON, found: {SafetensorsJson.Plain(e)}",
                    SafetensorsHeader.FetchAgain,
                    e);
            }
        }

        private Dictionary<string, string> ReadTop()
        {
            _json.Read();
            Expect(JsonTokenType.StartObject, "the index", "a JSON object");
            Dictionary<string, string>? shardOf = null;
            bool metadataSeen = false;
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                string key = ReadText("the index");
                if (key == "weight_map")
                {
                    shardOf = shardOf is null ? ReadWeightMap() : throw Broken("the index", "weight_map once", "it twice");
                }
                else if (key == "metadata")
                {
                    if (metadataSeen)
                    {
                        throw Broken("the index", "metadata once", "it twice");
                    }

                    metadataSeen = true;
                    ReadMetadata();
                }
                else
                {
                    _json.Skip();
                }
            }

            // Anything but white space behind the object raises JsonException here.
            _json.Read();
            return shardOf ?? throw Broken("the index", "the key weight_map (tensor → file)", "none");
        }

        private void ReadMetadata()
        {
            _json.Read();
            Expect(JsonTokenType.StartObject, "metadata", "an object");
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                bool isSize = ReadText("metadata") == "total_size";
                _json.Read();
                if (!isSize)
                {
                    _json.Skip();
                    continue;
                }

                Expect(JsonTokenType.Number, "metadata, total_size", "a number of bytes");
                if (!_json.TryGetDouble(out double size) || size is not (>= 0 and < long.MaxValue))
                {
                    throw Broken("metadata, total_size", "a number of bytes", "one that is negative or too large");
                }
            }
        }

        private Dictionary<string, string> ReadWeightMap()
        {
            Dictionary<string, string> shardOf = new(StringComparer.Ordinal);
            Dictionary<string, string> shards = new(StringComparer.Ordinal);
            _json.Read();
            Expect(JsonTokenType.StartObject, "weight_map", "an object: tensor → file");
            while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
            {
                if (_json.ValueSpan.Length > SafetensorsHeader.MaxNameBytes)
                {
                    throw Broken(
                        "weight_map", $"names of at most {SafetensorsHeader.MaxNameBytes} bytes", $"one of {_json.ValueSpan.Length}");
                }

                string name = ReadText("weight_map");
                string where = $"weight_map, tensor {ErrorText.Quote(name)}";
                _json.Read();
                Expect(JsonTokenType.String, where, "the name of a file");
                string shard = ReadText(where);
                if (!shards.TryGetValue(shard, out string? known))
                {
                    RequireShardName(where, shard);
                    shards.Add(shard, known = shard);
                }

                if (!shardOf.TryAdd(name, known))
                {
                    throw Broken(where, "each name once", "this name a second time");
                }

                if (shardOf.Count > SafetensorsHeader.MaxTensors)
                {
                    throw Broken("weight_map", $"at most {SafetensorsHeader.MaxTensors} tensors", "more");
                }
            }

            return shardOf;
        }

        private readonly void RequireShardName(string where, string shard)
        {
            string? fault = ForeignPath.FaultOf(shard);
            if (fault is not null || shard.Contains('/') || !shard.EndsWith(ShardExtension, StringComparison.Ordinal))
            {
                throw Broken(
                    where,
                    $"a file beside the index whose name ends in {ShardExtension}",
                    ErrorText.Quote(shard) + (fault is null ? "" : $" with {fault}"));
            }
        }

        private readonly string ReadText(string where)
        {
            try
            {
                return _json.GetString()!;
            }
            catch (InvalidOperationException e)
            {
                // The escape of half a surrogate pair is legal JSON but no text.
                throw Broken(where, "text", "an escape that is not a character", e);
            }
        }

        private readonly void Expect(JsonTokenType type, string where, string expected)
        {
            if (_json.TokenType != type)
            {
                throw Broken(where, expected, SafetensorsJson.Describe(_json.TokenType));
            }
        }

        private readonly CinnabarException Broken(string where, string expected, string found, Exception? inner = null) =>
            new(
                $"{file}: {where}, offset {_json.TokenStartIndex}: expected {expected}, found {found}.",
                SafetensorsHeader.FetchAgain,
                inner);
    }
}
