// Model folders with random weights, for tests and for measuring speed, which does not depend on the values.
//
//   matrices [out, in]    uniform with variance 1/in, so that activations keep their size;  integers: uniform −127 … 127, one scale
//   norms                 1;  biases and the selection bias of experts: 0
//   tokenizer             single bytes, then a word for every further id, so that any text can be read and any output be shown
//
// The numbers of each piece of a tensor depend on seed, tensor and piece alone; one piece is in memory at a time.
using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Checkpoints.Conversion;
using Cinnabar.Numerics;
using Cinnabar.Tokenizers;

namespace Cinnabar.Checkpoints;

/// <summary>Writes models with random weights.</summary>
public static class RandomModel
{
    private const int PieceValues = 1 << 24;
    private const int Int8Limit = 127;
    private const int Bytes = 256;

    // Of uniform integers −127 … 127.
    private static readonly double s_int8Deviation = Math.Sqrt(Int8Limit * (Int8Limit + 1) / 3.0);

    /// <summary>Writes a folder as one step; it must not exist.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="shape">One of <see cref="RandomShapes.All"/>.</param>
    /// <param name="type">Element type of matrices: BF16 or Int8.</param>
    /// <param name="seed">Start of the random numbers.</param>
    /// <param name="progress">Told after each tensor; null: nobody.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="CinnabarException">There is no such shape, or the folder exists or could not be written.</exception>
    public static ModelConfig Write(
        string path, string shape, DType type, ulong seed, IProgress<WritingProgress>? progress = null)
    {
        if (!RandomShapes.All.TryGetValue(shape, out string? text))
        {
            throw new CinnabarException(
                $"Expected one of the shapes {string.Join(", ", RandomShapes.All.Keys)}, found {ErrorText.Quote(shape)}.", "Choose one.");
        }

        JsonObject json = JsonNode.Parse(text)!.AsObject();
        if (type == DType.Int8)
        {
            ModelConfig floats = ModelConfig.Parse("config.json", Encoding.UTF8.GetBytes(text));
            json["quantization_config"] = JsonNode.Parse(new WeightQuantization(DType.Int8, null).ToJson(floats));
        }

        byte[] configJson = Encoding.UTF8.GetBytes(json.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        ModelConfig config = ModelConfig.Parse("config.json", configJson);
        List<SafetensorsTensorSource> tensors = Sources(config, seed);
        NewPath.Require(path);
        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write("config.json", configJson);
        folder.Write("tokenizer.json", TokenizerJson(config));
        string card = $"# Random weights of the shape {shape}\n\nSeed {seed}. It has learned nothing.\n";
        folder.Write("README.md", Encoding.UTF8.GetBytes(card));
        SafetensorsFolder.Write(folder, tensors, progress);
        folder.Commit();
        return config;
    }

    private static List<SafetensorsTensorSource> Sources(ModelConfig config, ulong seed)
    {
        List<SafetensorsTensorSource> sources = [];
        int columns = 0;
        foreach (StoredTensor tensor in StoredTensor.All(config))
        {
            // The scales of a matrix come right behind it.
            columns = tensor.Type == DType.F32 ? columns : tensor.Shape[^1];
            sources.Add(Source(tensor, columns, seed, (ulong)sources.Count));
        }

        return sources;
    }

    // columns: those of the tensor or, for scales, of their matrix.
    private static SafetensorsTensorSource Source(StoredTensor tensor, int columns, ulong seed, ulong index)
    {
        SafetensorsDType type = tensor.Type switch
        {
            DType.Int8 => SafetensorsDType.I8,
            DType.F32 => SafetensorsDType.F32,
            _ => SafetensorsDType.BF16,
        };
        bool isScale = tensor.Type == DType.F32;
        return new SafetensorsTensorSource(tensor.Name, type, tensor.Shape, Pieces());

        IEnumerable<Tensor> Pieces()
        {
            int width = tensor.Shape[^1];
            int rows = tensor.Shape[..^1].Aggregate(1, (product, size) => product * size);
            int rowsOfPiece = Math.Max(1, PieceValues / width);
            for (int first = 0; first < rows; first += rowsOfPiece)
            {
                Tensor piece = Tensor.Zeros(isScale ? DType.F32 : tensor.Type, Math.Min(rowsOfPiece, rows - first), width);
                ulong start = SplitMix.Mix(SplitMix.Mix(seed ^ SplitMix.Mix(index)) + (ulong)first);
                if (isScale)
                {
                    piece.Floats.Fill((float)(1 / (s_int8Deviation * Math.Sqrt(columns))));
                }
                else if (tensor.Shape.Length == 1)
                {
                    // Norms end in "norm.weight" or ln_f.weight in every family; what is left are biases.
                    bool isNorm = tensor.Name.EndsWith(".weight", StringComparison.Ordinal);
                    piece.BFloat16Bits.Fill(isNorm ? BFloat16.FromFloat(1) : (ushort)0);
                }
                else
                {
                    Fill(piece, columns, start);
                }

                yield return piece;
            }
        }
    }

    private static void Fill(Tensor piece, int columns, ulong start)
    {
        if (piece.Type == DType.Int8)
        {
            // What is left of a piece that is no multiple of eight stays 0.
            Span<byte> bytes = piece.Bytes;
            for (int i = 0; i <= bytes.Length - sizeof(ulong); i += sizeof(ulong))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(bytes[i..], SplitMix.At(start, (ulong)i));
            }

            foreach (ref byte value in bytes)
            {
                value = value == 0x80 ? (byte)0x81 : value; // −128 is no value of a symmetric scale
            }

            return;
        }

        float limit = (float)Math.Sqrt(3.0 / columns);
        Span<ushort> bits = piece.BFloat16Bits;
        for (int i = 0; i < bits.Length; i++)
        {
            float unit = (SplitMix.At(start, (ulong)i) >> 40) / (float)(1 << 24);
            bits[i] = BFloat16.FromFloat(limit * ((2 * unit) - 1));
        }
    }

    private static byte[] TokenizerJson(ModelConfig config)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteStartArray("added_tokens");
            foreach ((int id, string name) in Special(config).OrderBy(token => token.Id))
            {
                json.WriteStartObject();
                json.WriteNumber("id", id);
                json.WriteString("content", name);
                foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
                {
                    json.WriteBoolean(flag, false);
                }

                json.WriteBoolean("special", true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WritePropertyName("pre_tokenizer");
            json.WriteRawValue("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""");
            json.WritePropertyName("decoder");
            json.WriteRawValue("""{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}""");
            json.WriteStartObject("model");
            json.WriteString("type", "BPE");
            json.WriteStartObject("vocab");
            HashSet<int> special = [.. Special(config).Select(token => token.Id)];
            int written = 0;
            for (int id = 0; id < config.VocabularySize; id++)
            {
                if (!special.Contains(id))
                {
                    json.WriteNumber(written < Bytes ? ByteLevel.Spell([(byte)written]) : $"\u0120w{id}", id);
                    written++;
                }
            }

            json.WriteEndObject();
            json.WriteStartArray("merges");
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static IEnumerable<(int Id, string Name)> Special(ModelConfig config) =>
        [(config.MaskTokenId, SpecialTokens.Mask), (config.EosTokenId, SpecialTokens.EndOfText)];
}
