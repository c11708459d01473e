using System.Buffers.Binary;
using System.Text;

namespace Cinnabar.Tests.Checkpoints;

/// <summary>Safetensors files made by hand.</summary>
internal static class SafetensorsBytes
{
    /// <summary>Length field, header, then <paramref name="dataBytes"/> bytes 0, 1, 2 ….</summary>
    public static byte[] File(string header, int dataBytes) => File(Encoding.UTF8.GetBytes(header), dataBytes);

    public static byte[] File(byte[] header, int dataBytes) => WithLength((ulong)header.Length, header, dataBytes);

    public static byte[] WithLength(ulong length, byte[] header, int dataBytes)
    {
        byte[] file = new byte[8 + header.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        header.CopyTo(file, 8);
        for (int i = 0; i < dataBytes; i++)
        {
            file[8 + header.Length + i] = (byte)i;
        }

        return file;
    }

    public static string Entry(string name, string dtype, string shape, string offsets) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":{{offsets}}}
        """;
}
