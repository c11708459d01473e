// The JSON header of a safetensors file, read in one forward pass and trusted in nothing.
//
//   [u64 N, little endian][N bytes of JSON][data]
//   {"__metadata__": {text: text, …}, name: {"dtype": …, "shape": [ … ], "data_offsets": [begin, end]}, …}
//
// Rules of the format: huggingface/safetensors, README and src/tensor.rs. Names occur once (compared after unescaping); leading
// white space is accepted, as the reference does; sizes and offsets see SafetensorsLayout. Stricter than the reference: caps on
// the number of tensors, dimensions, name length and metadata size, and no unknown fields.
using System.Text;
using System.Text.Json;

namespace Cinnabar.Checkpoints;

/// <summary>Parses and validates the header of one file.</summary>
internal ref struct SafetensorsHeader
{
    /// <summary>Bytes of the length field before the header.</summary>
    public const int Start = 8;

    /// <summary>Longest header, in bytes; the same number as the reference.</summary>
    public const int MaxBytes = 100_000_000;

    /// <summary>Most tensors in one file. The largest open checkpoints hold some tens of thousands.</summary>
    public const int MaxTensors = 100_000;

    /// <summary>Most dimensions of one tensor.</summary>
    public const int MaxDimensions = 64;

    /// <summary>Longest name of a tensor, in bytes as written.</summary>
    public const int MaxNameBytes = 4_096;

    /// <summary>Most bytes of all metadata together, as written.</summary>
    public const int MaxMetadataBytes = 4 << 20;

    private const string MetadataName = "__metadata__";

    /// <summary>What to do about a broken file.</summary>
    internal const string FetchAgain = "The file is damaged or was not made by a safetensors writer: fetch it or export it again.";

    private readonly string _file;
    private readonly SafetensorsLayout _layout;
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);
    private Utf8JsonReader _json;

    private SafetensorsHeader(string file, ReadOnlySpan<byte> header, long fileLength)
    {
        _file = file;
        _layout = new SafetensorsLayout(file, Start + header.Length, fileLength);
        _json = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 8 });
    }

    /// <summary>Reads the header that follows the length field.</summary>
    /// <param name="file">Name for messages.</param>
    /// <param name="header">The JSON bytes.</param>
    /// <param name="fileLength">Length of the whole file.</param>
    /// <exception cref="CinnabarException">The header breaks a rule of the format.</exception>
    public static (Dictionary<string, TensorEntry> Tensors, Dictionary<string, string> Metadata) Parse(
        string file, ReadOnlySpan<byte> header, long fileLength)
    {
        SafetensorsJson.RequireUtf8($"{file}: header", header, Start);
        SafetensorsHeader parser = new(file, header, fileLength);
        try
        {
            parser.ReadTop();
        }
        catch (JsonException e)
        {
            throw new CinnabarException(
                $"{file}: header, near offset {Start + parser._json.BytesConsumed}: expected valid JSON, found: {SafetensorsJson.Plain(e)}",
                FetchAgain,
                e);
        }

        parser._layout.RequireWhole(parser._tensors.Values);
        return (parser._tensors, parser._metadata);
    }

    private void ReadTop()
    {
        _json.Read();
        Expect(JsonTokenType.StartObject, "the header", "a JSON object");
        bool metadataSeen = false;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string name = ReadName("the header");
            if (name == MetadataName)
            {
                if (metadataSeen)
                {
                    throw Broken("the header", $"{MetadataName} once", "it twice");
                }

                metadataSeen = true;
                ReadMetadata();
            }
            else
            {
                TensorEntry entry = ReadEntry(name);
                if (!_tensors.TryAdd(name, entry))
                {
                    throw Broken($"tensor {ErrorText.Quote(name)}", "each name once", "this name a second time");
                }

                if (_tensors.Count > MaxTensors)
                {
                    throw Broken("the header", $"at most {MaxTensors} tensors", "more");
                }
            }
        }

        // Anything but white space behind the object raises JsonException here.
        _json.Read();
    }

    private string ReadName(string where)
    {
        if (_json.ValueSpan.Length > MaxNameBytes)
        {
            throw Broken(where, $"names of at most {MaxNameBytes} bytes", $"one of {_json.ValueSpan.Length}");
        }

        string name = ReadText(where);
        return name.Contains('\0') ? throw Broken($"{where}, name {ErrorText.Quote(name)}", "a name without NUL", "NUL") : name;
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

    private void ReadMetadata()
    {
        _json.Read();
        Expect(JsonTokenType.StartObject, MetadataName, "an object of texts");
        long start = _json.TokenStartIndex;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string key = ReadName(MetadataName);
            string where = $"{MetadataName}, key {ErrorText.Quote(key)}";
            _json.Read();
            Expect(JsonTokenType.String, where, "a text");
            if (_json.TokenStartIndex + _json.ValueSpan.Length - start > MaxMetadataBytes)
            {
                throw Broken(where, $"at most {MaxMetadataBytes} bytes of metadata", "more");
            }

            if (!_metadata.TryAdd(key, ReadText(where)))
            {
                throw Broken(where, "each key once", "this key a second time");
            }
        }
    }

    private TensorEntry ReadEntry(string name)
    {
        string where = $"tensor {ErrorText.Quote(name)}";
        _json.Read();
        Expect(JsonTokenType.StartObject, where, "an object with dtype, shape and data_offsets");
        SafetensorsDType? type = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        while (_json.Read() && _json.TokenType == JsonTokenType.PropertyName)
        {
            string field = ReadName(where);
            bool again = field switch
            {
                "dtype" => type is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => false,
            };
            if (again)
            {
                throw Broken(where, $"one {field}", "two");
            }

            _json.Read();
            switch (field)
            {
                case "dtype": type = ReadType(where); break;
                case "shape": shape = ReadNumbers($"{where}, shape", MaxDimensions); break;
                case "data_offsets": offsets = ReadNumbers($"{where}, data_offsets", 2); break;
                default: throw Broken(where, "the fields dtype, shape and data_offsets", ErrorText.Quote(field));
            }
        }

        if (type is null || shape is null || offsets is null)
        {
            throw Broken(
                where, "dtype, shape and data_offsets", $"no {(type is null ? "dtype" : shape is null ? "shape" : "data_offsets")}");
        }

        if (offsets.Count != 2)
        {
            throw Broken($"{where}, data_offsets", "two numbers, begin and end", $"{offsets.Count}");
        }

        return _layout.Place(name, type.Value, shape, offsets[0], offsets[1], Start + _json.TokenStartIndex);
    }

    private SafetensorsDType ReadType(string where)
    {
        Expect(JsonTokenType.String, $"{where}, dtype", "a text");
        string found = ReadText(where);
        return SafetensorsDTypeNames.Find(found)
            ?? throw Broken($"{where}, dtype", $"one of {SafetensorsDTypeNames.All}", ErrorText.Quote(found));
    }

    private List<long> ReadNumbers(string where, int most)
    {
        Expect(JsonTokenType.StartArray, where, "a list of whole numbers");
        List<long> numbers = [];
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            Expect(JsonTokenType.Number, where, "a whole number");
            // "-0" would pass TryGetInt64; the format knows no signs.
            if (!_json.TryGetInt64(out long number) || _json.ValueSpan[0] == '-')
            {
                throw Broken(where, "a whole number from 0 to 2^63 − 1", ErrorText.Quote(Encoding.UTF8.GetString(_json.ValueSpan)));
            }

            numbers.Add(number);
            if (numbers.Count > most)
            {
                throw Broken(where, $"at most {most} numbers", "more");
            }
        }

        return numbers;
    }

    private readonly void Expect(JsonTokenType type, string where, string expected)
    {
        if (_json.TokenType != type)
        {
            throw Broken(where, expected, SafetensorsJson.Describe(_json.TokenType));
        }
    }

    private readonly CinnabarException Broken(string where, string expected, string found, Exception? inner = null) =>
        new($"{_file}: {where}, header offset {Start + _json.TokenStartIndex}: expected {expected}, found {found}.", FetchAgain, inner);
}
