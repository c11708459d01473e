using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>Reads the vocabulary of the golden GGUF files; trusts them.</summary>
internal static class GgufMetadata
{
    public static GgufVocabulary ReadVocabulary(string path)
    {
        using BinaryReader reader = new(File.OpenRead(path));
        reader.ReadBytes(16); // magic, version, number of tensors
        Dictionary<string, object> values = [];
        for (ulong left = reader.ReadUInt64(); left > 0; left--)
        {
            values.Add(ReadString(reader), ReadValue(reader, reader.ReadInt32()));
        }

        return new GgufVocabulary
        {
            Model = (string)values["tokenizer.ggml.model"],
            Pre = (string)values["tokenizer.ggml.pre"],
            Tokens = [.. ((object[])values["tokenizer.ggml.tokens"]).Cast<string>()],
            TokenTypes = [.. ((object[])values["tokenizer.ggml.token_type"]).Cast<int>()],
            Merges = [.. ((object[])values["tokenizer.ggml.merges"]).Cast<string>()],
            BosTokenId = Id("bos_token_id"),
            EosTokenId = Id("eos_token_id"),
            MaskTokenId = Id("mask_token_id"),
            AddBos = (bool?)values.GetValueOrDefault("tokenizer.ggml.add_bos_token"),
        };

        int? Id(string key) => values.TryGetValue($"tokenizer.ggml.{key}", out object? id) ? (int)(uint)id : null;
    }

    private static string ReadString(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object ReadValue(BinaryReader reader, int type)
    {
        return type switch
        {
            0 or 1 => reader.ReadByte(),
            2 or 3 => reader.ReadInt16(),
            4 => reader.ReadUInt32(),
            5 => reader.ReadInt32(),
            6 => reader.ReadSingle(),
            7 => reader.ReadBoolean(),
            8 => ReadString(reader),
            9 => ReadArray(reader, reader.ReadInt32(), reader.ReadUInt64()),
            10 or 11 => reader.ReadInt64(),
            12 => reader.ReadDouble(),
            _ => throw new InvalidDataException($"{type}"),
        };
    }

    private static object[] ReadArray(BinaryReader reader, int type, ulong count)
    {
        object[] items = new object[count];
        for (int i = 0; i < items.Length; i++)
        {
            items[i] = ReadValue(reader, type);
        }

        return items;
    }
}
