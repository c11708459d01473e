// Shape, type and place of the tensors of one file. Required are
//   a row of whole blocks,   bytes = product of the sizes / block size · block bytes < 2^63,
//   an offset that is a multiple of the alignment,   an end inside the file,   no byte that belongs to two tensors.
namespace Cinnabar.Checkpoints.Gguf;

/// <summary>Reads the entries of the tensor table and checks them against each other and the file.</summary>
internal sealed class GgufTensorTable(GgufCursor cursor, string file, int alignment, long fileLength)
{
    private readonly List<long> _offsetFields = [];

    /// <summary>The entry of one tensor behind its name, with the offset as it stands there.</summary>
    public GgufTensor Read(string name)
    {
        long at = cursor.Offset;
        uint dimensions = cursor.UInt32();
        if (dimensions > GgufHeader.MaxDimensions)
        {
            throw cursor.Broken(at, $"at most {GgufHeader.MaxDimensions} dimensions", $"{dimensions}");
        }

        at = cursor.Offset;
        long[] shape = new long[dimensions];
        for (int i = 0; i < shape.Length; i++)
        {
            ulong size = cursor.UInt64();
            shape[^(i + 1)] = size <= long.MaxValue
                ? (long)size
                : throw cursor.Broken(at + (8 * i), "a size below 2^63", $"{size}");
        }

        long typeAt = cursor.Offset;
        uint number = cursor.UInt32();
        GgmlType type = (GgmlType)number;
        if (!Enum.IsDefined(type))
        {
            throw cursor.Broken(
                typeAt,
                $"a type among {string.Join(", ", Enum.GetNames<GgmlType>())}",
                GgmlTypes.Describe(number),
                "Take the model in one of these types.");
        }

        GgufTensor tensor = new(name, type, shape, 0, ByteCount(at, type, shape));
        at = cursor.Offset;
        ulong offset = cursor.UInt64();
        if (offset % (ulong)alignment != 0)
        {
            throw cursor.Broken(at, $"an offset that is a multiple of {alignment}", $"{offset}");
        }

        // How long the data is will be known at the end of the table; no longer than the file.
        if (offset > (ulong)fileLength)
        {
            throw cursor.Broken(at, $"an offset inside the file of {fileLength} bytes", $"{offset}");
        }

        _offsetFields.Add(at);
        return tensor with { Offset = (long)offset };
    }

    /// <summary>Turns the offsets into ones from the start of the file, now that the whole header is read.</summary>
    public void Place(OrderedDictionary<string, GgufTensor> tensors)
    {
        long start = (cursor.Offset + alignment - 1) / alignment * alignment;
        for (int i = 0; i < tensors.Count; i++)
        {
            GgufTensor tensor = tensors.GetAt(i).Value;
            long at = start + tensor.Offset;
            if (at > fileLength || tensor.ByteCount > fileLength - at)
            {
                throw Broken(
                    tensor,
                    _offsetFields[i],
                    $"{tensor.ByteCount} bytes of {tensor} at offset {at} of the file",
                    $"the end of the file at {fileLength}");
            }

            tensors.SetAt(i, tensor with { Offset = at });
        }

        RequireApart(tensors);
    }

    private void RequireApart(OrderedDictionary<string, GgufTensor> tensors)
    {
        GgufTensor? before = null;
        foreach (GgufTensor tensor in tensors.Values.Where(tensor => tensor.ByteCount > 0).OrderBy(tensor => tensor.Offset))
        {
            if (before is not null && tensor.Offset < before.Offset + before.ByteCount)
            {
                throw Broken(
                    tensor,
                    _offsetFields[tensors.IndexOf(tensor.Name)],
                    $"data that begins at or behind offset {before.Offset + before.ByteCount} of the file, "
                    + $"where tensor {ErrorText.Quote(before.Name)} ends",
                    $"an overlap: it begins at {tensor.Offset}");
            }

            before = tensor;
        }
    }

    private long ByteCount(long at, GgmlType type, long[] shape)
    {
        long row = shape.Length == 0 ? 1 : shape[^1];
        if (row % type.BlockSize() != 0)
        {
            throw cursor.Broken(at, $"rows of {type} of a multiple of {type.BlockSize()} values", $"{row}");
        }

        // The running product is held below 2^63, so its product with a size below 2^63 stays within 128 bits.
        Int128 bytes = type.BlockBytes();
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            bytes *= i == shape.Length - 1 ? shape[i] / type.BlockSize() : shape[i];
            if (bytes > long.MaxValue)
            {
                throw cursor.Broken(at, "a shape of fewer than 2^63 bytes", $"{type} [{string.Join(", ", shape)}]");
            }
        }

        return (long)bytes;
    }

    private CinnabarException Broken(GgufTensor tensor, long field, string expected, string found) => new(
        $"{file}: tensor {ErrorText.Quote(tensor.Name)}, offset {field}: expected {expected}, found {found}.",
        GgufCursor.FetchAgain);
}
