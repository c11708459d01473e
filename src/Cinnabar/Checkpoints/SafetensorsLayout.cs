// Where the tensors of a safetensors file lie. data_offsets [begin, end] count from the end of the header; required are
//   begin ≤ end,   end − begin = product of the shape × element size,
//   tensors in order of their offsets cover the data from 0 to the end of the file without a gap or an overlap,
// so that nothing can hide between them or behind them (the polyglot files of the Trail of Bits audit, 2023).
namespace Cinnabar.Checkpoints;

/// <summary>Checks sizes and places of the tensors of one file.</summary>
internal sealed class SafetensorsLayout(string file, long dataStart, long fileLength)
{
    /// <summary>The entry of one tensor, if its numbers fit together.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="type">Element type.</param>
    /// <param name="shape">Sizes, each from 0 to 2^63 − 1.</param>
    /// <param name="begin">First byte, from the start of the data.</param>
    /// <param name="end">Byte behind the last.</param>
    /// <param name="headerOffset">Where the header says so, for messages.</param>
    public TensorEntry Place(string name, SafetensorsDType type, List<long> shape, long begin, long end, long headerOffset)
    {
        if (begin > end)
        {
            throw Broken("data_offsets", "begin ≤ end", $"[{begin}, {end}]");
        }

        if (end > fileLength - dataStart)
        {
            throw Broken("data_offsets", $"an end inside the {fileLength - dataStart} bytes of data", $"[{begin}, {end}]");
        }

        // The running product is held below 2^63, so its product with a size below 2^63 stays within 128 bits.
        Int128 bits = SafetensorsDTypeNames.BitsOf(type);
        foreach (long size in shape)
        {
            bits *= size;
            if (bits > long.MaxValue)
            {
                throw Broken("shape", "fewer than 2^63 bits", $"[{string.Join(", ", shape)}]");
            }
        }

        TensorEntry entry = new(name, type, shape, dataStart + begin, end - begin);
        if (bits % 8 != 0)
        {
            throw Broken("shape", "whole bytes", $"{entry}, which is {bits} bits");
        }

        return bits / 8 == end - begin
            ? entry
            : throw Broken("data_offsets", $"{bits / 8} bytes for {entry}", $"{end - begin} bytes, [{begin}, {end}]");

        CinnabarException Broken(string field, string expected, string found) => new(
            $"{file}: tensor {ErrorText.Quote(name)}, {field}, header offset {headerOffset}: expected {expected}, found {found}.",
            SafetensorsHeader.FetchAgain);
    }

    /// <summary>Requires that the tensors cover the data exactly.</summary>
    public void RequireWhole(IEnumerable<TensorEntry> tensors)
    {
        long expected = dataStart;
        foreach (TensorEntry entry in tensors.OrderBy(entry => entry.Offset).ThenBy(entry => entry.ByteCount))
        {
            if (entry.Offset != expected)
            {
                throw new CinnabarException(
                    $"{file}: tensor {ErrorText.Quote(entry.Name)}: expected data to begin at offset {expected} of the file, " +
                    $"where the tensor before it ends, found {entry.Offset}: {(entry.Offset > expected ? "a gap" : "an overlap")}.",
                    SafetensorsHeader.FetchAgain);
            }

            expected += entry.ByteCount;
        }

        if (expected != fileLength)
        {
            throw new CinnabarException(
                $"{file}: expected the data of the last tensor to end at the end of the file, offset {fileLength}, " +
                $"found its end at offset {expected}.",
                SafetensorsHeader.FetchAgain);
        }
    }
}
