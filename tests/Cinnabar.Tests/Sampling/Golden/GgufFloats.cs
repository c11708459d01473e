// Just enough of GGUF version 3 to read a file of F32 tensors: header, key-value pairs, tensor table, data aligned to 32 bytes.
using System.Text;

namespace Cinnabar.Tests.Sampling.Golden;

internal sealed class GgufFloats
{
    private const uint TypeString = 8;
    private const uint TypeArray = 9;
    private const int Alignment = 32;

    public GgufFloats(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        Assert.Equal(0x46554747u, reader.ReadUInt32());
        Assert.Equal(3u, reader.ReadUInt32());
        ulong tensors = reader.ReadUInt64();
        ulong keys = reader.ReadUInt64();
        for (ulong i = 0; i < keys; i++)
        {
            string key = ReadString(reader);
            Metadata[key] = ReadValue(reader, reader.ReadUInt32());
        }

        var table = new List<(string Name, long Count, long Offset)>();
        for (ulong i = 0; i < tensors; i++)
        {
            string name = ReadString(reader);
            long count = 1;
            uint dimensions = reader.ReadUInt32();
            for (uint d = 0; d < dimensions; d++)
            {
                count *= (long)reader.ReadUInt64();
            }

            Assert.Equal(0u, reader.ReadUInt32());
            table.Add((name, count, (long)reader.ReadUInt64()));
        }

        long start = (reader.BaseStream.Position + Alignment - 1) / Alignment * Alignment;
        foreach ((string name, long count, long offset) in table)
        {
            reader.BaseStream.Position = start + offset;
            Tensors[name] = [.. Enumerable.Range(0, (int)count).Select(_ => reader.ReadSingle())];
        }
    }

    public Dictionary<string, object> Metadata { get; } = [];

    /// <summary>Row-major, the fastest dimension first in the file's shape: a weight [in, out] is out rows of in values.</summary>
    public Dictionary<string, float[]> Tensors { get; } = [];

    private static string ReadString(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object ReadValue(BinaryReader reader, uint type) => type switch
    {
        4 => (int)reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => (double)reader.ReadSingle(),
        7 => reader.ReadBoolean(),
        TypeString => ReadString(reader),
        TypeArray => ReadArray(reader),
        _ => throw new InvalidDataException($"GGUF value type {type} is not expected here."),
    };

    private static object[] ReadArray(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        return [.. Enumerable.Range(0, (int)reader.ReadUInt64()).Select(_ => ReadValue(reader, type))];
    }
}
