using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

/// <summary>GGUF files with a broken tensor table: a part of <see cref="GgufBadFileCases"/>.</summary>
internal static class GgufBadTensorCases
{
    public static void Add(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        Names(cases);
        Shapes(cases);
        Places(cases);
    }

    private static void Names(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["tensor without a name"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor("", [2], 0, 0).File(), ["tensor 0, offset 24", "expected a name", "found none"]);
        cases["NUL in a tensor name"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor("a\0", [2], 0, 0).File(), ["tensor 0, offset 24", "a name without NUL"]);
        cases["tensor name of 65 bytes"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor(new string('t', 65), [2], 0, 0).File(),
            ["tensor 0, offset 24", "at most 64 bytes", "a length of 65"]);
        cases["tensor name of 2^64 - 1 bytes"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor(Text("t"u8.ToArray(), ulong.MaxValue), 1, [2], 0, 0).File(),
            ["tensor 0, offset 24", "at most 64 bytes"]);
        cases["tensor name not UTF-8"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor(Text([0x80]), 1, [2], 0, 0).File(), ["tensor 0, offset 32", "UTF-8 text"]);
        cases["tensor name twice"] = (
            () => new GgufBytes { DataBytes = 64 }.Tensor("w", [2], 0, 0).Tensor("w", [2], 0, 32).File(),
            ["tensor 'w', offset 57", "each name once", "a second time"]);
        cases["tensor table cut short"] = (
            () => new GgufBytes().Tensor("weights", [2], 0, 0).File()[..^1],
            ["tensor 'weights', offset 55", "8 more bytes", GgufBadFileCases.NoMore]);
    }

    private static void Shapes(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        foreach (uint dimensions in (uint[])[5, 6, 1u << 31, uint.MaxValue])
        {
            cases[$"{dimensions} dimensions"] = (
                () => new GgufBytes { DataBytes = 8 }.Tensor(Text("w"), dimensions, [1, 1, 1, 1, 2], 0, 0).File(),
                ["tensor 'w', offset 33", "at most 4 dimensions", $"found {dimensions}."]);
        }

        foreach (ulong size in (ulong[])[1UL << 63, ulong.MaxValue, ulong.MaxValue - 1])
        {
            cases[$"size {size}"] = (
                () => new GgufBytes { DataBytes = 8 }.Tensor("w", [2, size], 0, 0).File(),
                ["tensor 'w', offset 45", "a size below 2^63", $"found {size}."]);
        }

        (string, ulong[])[] products =
        [
            ("2^64", [1UL << 32, 1UL << 32]), ("2^64 + 8", [8, 2305843009213693953]), ("2^62, 4 bytes each", [1UL << 62]),
            ("2^168", [1UL << 42, 1UL << 42, 1UL << 42, 1UL << 42]), ("2^63 - 1", [long.MaxValue]),
            ("large before a zero", [1UL << 62, 4, 0]),
        ];
        foreach ((string name, ulong[] sizes) in products)
        {
            cases[$"product {name}"] = (
                () => new GgufBytes { DataBytes = 8 }.Tensor("w", sizes, 0, 0).File(),
                ["tensor 'w', offset 37", "fewer than 2^63 bytes", $"F32 [{string.Join(", ", sizes.Reverse())}]"]);
        }

        foreach (uint type in (uint[])[4, 5, 9, 20, 24, 28, 31, 39, 40, 1u << 31, uint.MaxValue])
        {
            cases[$"tensor of type {type}"] = (
                () => new GgufBytes { DataBytes = 512 }.Tensor("w", [256], type, 0).File(),
                ["tensor 'w', offset 45", "a type among F32, F16, Q4_0", $"found {type}"]);
        }

        (uint, ulong, string)[] rows =
            [(2, 31, "Q4_0"), (3, 33, "Q4_1"), (8, 16, "Q8_0"), (12, 128, "Q4_K"), (14, 255, "Q6_K"), (10, 1, "Q2_K")];
        foreach ((uint type, ulong row, string name) in rows)
        {
            cases[$"{name} in rows of {row}"] = (
                () => new GgufBytes { DataBytes = 4096 }.Tensor("w", [row, 256], type, 0).File(),
                ["tensor 'w', offset 37", $"rows of {name} of a multiple of", $"found {row}."]);
        }

        cases["single number of blocks"] = (
            () => new GgufBytes { DataBytes = 64 }.Tensor("w", [], 8, 0).File(), ["tensor 'w'", "a multiple of 32", "found 1."]);
    }

    private static void Places(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        foreach (ulong offset in (ulong[])[1, 4, 31, 33, ulong.MaxValue])
        {
            cases[$"offset {offset}"] = (
                () => new GgufBytes { DataBytes = 128 }.Tensor("w", [2], 0, offset).File(),
                ["tensor 'w', offset 49", "a multiple of 32", $"found {offset}."]);
        }

        foreach (ulong offset in (ulong[])[320, 1UL << 40, 1UL << 62, 1UL << 63, ulong.MaxValue - 31])
        {
            cases[$"offset {offset} beyond the file"] = (
                () => new GgufBytes { DataBytes = 128 }.Tensor("w", [2], 0, offset).File(),
                ["tensor 'w', offset 49", "inside the file of 192 bytes", $"found {offset}."]);
        }

        cases["begin beyond the file"] = (
            () => new GgufBytes { DataBytes = 128 }.Tensor("w", [2], 0, 160).File(),
            ["tensor 'w', offset 49", "8 bytes of F32 [2] at offset 224", "192"]);
        cases["data one byte too short"] = (
            () => new GgufBytes { DataBytes = 7 }.Tensor("w", [2], 0, 0).File(),
            ["tensor 'w', offset 49", "8 bytes of F32 [2] at offset 64 of the file", "the end of the file at 71"]);
        cases["no data"] = (() => new GgufBytes().Tensor("w", [2], 0, 0).File(), ["tensor 'w', offset 49", "the end of the file at 57"]);
        cases["last block cut short"] = (
            () => new GgufBytes { DataBytes = 67 }.Tensor("w", [32, 2], 8, 0).File(),
            ["tensor 'w', offset 57", "68 bytes of Q8_0 [2, 32]"]);
        cases["4 EB declared"] = (
            () => new GgufBytes { DataBytes = 8 }.Tensor("w", [1UL << 60], 0, 0).File(),
            ["tensor 'w', offset 49", "4611686018427387904 bytes"]);
        cases["sizes that wrap together"] = (
            () => new GgufBytes { DataBytes = 32 }.Tensor("v", [0x1FFFFFFFFFFFFFF0], 0, 0).Tensor("w", [0x1FFFFFFFFFFFFFF0], 0, 32).File(),
            ["tensor 'v', offset 49", "9223372036854775744 bytes"]);
        cases["the same bytes twice"] = (
            () => new GgufBytes { DataBytes = 64 }.Tensor("v", [2], 0, 0).Tensor("w", [2], 0, 0).File(),
            ["tensor 'w', offset", "an overlap"]);
        cases["overlap"] = (
            () => new GgufBytes { DataBytes = 96 }.Tensor("v", [9], 0, 0).Tensor("w", [2], 0, 32).File(),
            ["tensor 'w', offset 82", "at or behind offset 132 of the file, where tensor 'v' ends", "begins at 128"]);
        cases["overlap in reverse order"] = (
            () => new GgufBytes { DataBytes = 96 }.Tensor("v", [2], 0, 32).Tensor("w", [9], 0, 0).File(),
            ["tensor 'v', offset 49", "where tensor 'w' ends"]);
        cases["one inside another"] = (
            () => new GgufBytes { DataBytes = 128 }.Tensor("v", [32], 0, 0).Tensor("w", [2], 0, 64).File(), ["tensor 'w'", "an overlap"]);
    }
}
