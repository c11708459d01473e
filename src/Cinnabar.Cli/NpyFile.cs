// NumPy's .npy, version 1.0: "\x93NUMPY", version bytes 1 0, length of the header as 16 bits little endian, the header (a Python
// literal, padded with spaces and ended by a line break so that the data begin at a multiple of 64), then the elements.
// numpy/lib/format.py
using System.Buffers.Binary;
using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Cli;

internal static class NpyFile
{
    private const int Alignment = 64;

    /// <summary>Writes an F32 tensor as a float32 array [rows, columns] in C order, replacing the file in one step.</summary>
    public static void Write(string path, Tensor tensor)
    {
        byte[] header = HeaderOf(tensor.Rows, tensor.Columns);
        AtomicFile.Write(path, header.Length + ((long)tensor.Count * sizeof(float)), stream =>
        {
            stream.Write(header);
            stream.Write(tensor.Bytes);
        });
    }

    private static byte[] HeaderOf(int rows, int columns)
    {
        const int Preamble = 10;
        string text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}";
        int length = (Preamble + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[length];
        header.AsSpan().Fill((byte)' ');
        header[0] = 0x93;
        "NUMPY"u8.CopyTo(header.AsSpan(1));
        (header[6], header[7]) = (1, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(length - Preamble));
        Encoding.ASCII.GetBytes(text, header.AsSpan(Preamble));
        header[^1] = (byte)'\n';
        return header;
    }
}
