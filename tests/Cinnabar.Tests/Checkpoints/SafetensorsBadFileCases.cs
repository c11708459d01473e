using System.Text;
using static Cinnabar.Tests.Checkpoints.SafetensorsBytes;

namespace Cinnabar.Tests.Checkpoints;

/// <summary>Broken safetensors files by name, with texts that the error must contain.</summary>
internal static class SafetensorsBadFileCases
{
    private const string Good = """ "dtype":"F32","shape":[2],"data_offsets":[0,8] """;

    public static IReadOnlyDictionary<string, (Func<byte[]> Bytes, string[] Expected)> All { get; } = Make();

    private static Dictionary<string, (Func<byte[]> Bytes, string[] Expected)> Make()
    {
        Dictionary<string, (Func<byte[]>, string[])> cases = [];
        Lengths(cases);
        Text(cases);
        Structure(cases);
        Types(cases);
        Numbers(cases);
        Layout(cases);
        Limits(cases);
        return cases;
    }

    private static void Lengths(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        for (int size = 0; size < 8; size++)
        {
            int bytes = size;
            cases[$"file of {size} bytes"] = (() => new byte[bytes], ["offset 0", "at least 8 bytes", $"found a file of {bytes}"]);
        }

        cases["length 0"] = (() => WithLength(0, [], 0), ["offset 8", "expected valid JSON"]);
        cases["length 0, data behind"] = (() => WithLength(0, [], 8), ["expected valid JSON"]);
        cases["length beyond the file"] = (
            () => WithLength(100, "{}"u8.ToArray(), 0),
            ["ends inside the file of 10 bytes", "found a length of 100"]);
        cases["length one beyond the file"] = (() => WithLength(3, "{}"u8.ToArray(), 0), ["found a length of 3"]);
        cases["length 2^63"] = (() => WithLength(1UL << 63, "{}"u8.ToArray(), 0), ["at most 100000000 bytes", "9223372036854775808"]);
        cases["length 2^63 - 1"] = (
            () => WithLength(long.MaxValue, "{}"u8.ToArray(), 0),
            ["at most 100000000 bytes", "9223372036854775807"]);
        cases["length 2^64 - 1"] = (
            () => WithLength(ulong.MaxValue, "{}"u8.ToArray(), 0),
            ["at most 100000000 bytes", "18446744073709551615"]);
        cases["length 2^64 - 8"] = (() => WithLength(ulong.MaxValue - 7, "{}"u8.ToArray(), 0), ["at most 100000000 bytes"]);
        cases["length 100,000,001"] = (() => WithLength(100_000_001, "{}"u8.ToArray(), 0), ["at most 100000000 bytes", "100000001"]);
        cases["length 100,000,000, short file"] = (
            () => WithLength(100_000_000, "{}"u8.ToArray(), 0),
            ["ends inside the file", "100000000"]);
        cases["length shorter than the header"] = (() => WithLength(1, "{}"u8.ToArray(), 0), ["expected valid JSON"]);
        cases["zip archive of a pickle"] = (() => [.. "PK\u0003\u0004"u8, .. new byte[60]], ["found a length of"]);
        cases["pickle"] = (() => [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, .. new byte[60]], ["not a safetensors file"]);
    }

    private static void Text(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["byte order mark"] = (() => File("\uFEFF{}", 0), ["offset 8", "byte order mark"]);
        cases["invalid UTF-8 in a name"] = (() => File([.. "{\""u8, 0xFF, .. "\":{}}"u8], 0), ["offset 10", "UTF-8"]);
        cases["overlong UTF-8"] = (() => File([.. "{\""u8, 0xC0, 0x80, .. "\":{}}"u8], 0), ["offset 10", "UTF-8"]);
        cases["UTF-8 surrogate"] = (() => File([.. "{\"a"u8, 0xED, 0xA0, 0x80, .. "\":{}}"u8], 0), ["offset 11", "UTF-8"]);
        cases["UTF-8 cut short"] = (() => File([.. "{\"a\":\""u8, 0xE2, 0x82], 0), ["UTF-8"]);
        cases["UTF-16 header"] = (() => File(Encoding.Unicode.GetBytes("{}"), 0), ["expected valid JSON"]);
        cases["not JSON"] = (() => File("hello", 0), ["expected valid JSON"]);
        cases["cut off"] = (() => File("{\"a\":{\"dtype\":\"F32\"", 0), ["expected valid JSON"]);
        cases["only white space"] = (() => File("        ", 0), ["expected valid JSON"]);
        cases["single quotes"] = (() => File("{'a':1}", 0), ["expected valid JSON"]);
        cases["comment"] = (() => File("{/* a */}", 0), ["expected valid JSON"]);
        cases["trailing comma"] = (() => File($"{{{Entry("w", "F32", "[2]", "[0,8]")},}}", 8), ["expected valid JSON"]);
        cases["trailing text"] = (() => File("{} x", 0), ["expected valid JSON"]);
        cases["second object"] = (() => File("{}{}", 0), ["expected valid JSON"]);
        cases["NUL padding"] = (() => File("{}\0\0\0\0\0\0", 0), ["expected valid JSON"]);
        cases["raw control character in a name"] = (() => File("{\"a\u0001\":1}", 0), ["expected valid JSON"]);
        cases["half a surrogate pair in a name"] = (() => File("{\"a\\ud800\":{}}", 0), ["not a character", "header offset 9"]);
        cases["half a surrogate pair in a dtype"] = (() => File("{\"w\":{\"dtype\":\"\\udc00\"}}", 0), ["tensor 'w'", "not a character"]);
    }

    private static void Structure(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["list on top"] = (() => File("[]", 0), ["a JSON object", "found a list"]);
        cases["number on top"] = (() => File("3", 0), ["a JSON object", "found a number"]);
        cases["text on top"] = (() => File("\"a\"", 0), ["a JSON object", "found a text"]);
        cases["null on top"] = (() => File("null", 0), ["a JSON object", "found null"]);
        cases["tensor is a number"] = (() => File("{\"w\":3}", 0), ["tensor 'w'", "expected an object", "found a number"]);
        cases["tensor is null"] = (() => File("{\"w\":null}", 0), ["tensor 'w'", "found null"]);
        cases["tensor is a list"] = (() => File("{\"w\":[]}", 0), ["tensor 'w'", "found a list"]);
        cases["empty entry"] = (() => File("{\"w\":{}}", 0), ["tensor 'w'", "found no dtype"]);
        cases["no dtype"] = (() => File("{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8), ["tensor 'w'", "found no dtype"]);
        cases["no shape"] = (() => File("{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8), ["tensor 'w'", "found no shape"]);
        cases["no offsets"] = (() => File("{\"w\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8), ["tensor 'w'", "found no data_offsets"]);
        cases["unknown field"] = (() => File($"{{\"w\":{{{Good},\"strides\":[1]}}}}", 8), ["tensor 'w'", "'strides'"]);
        cases["name twice"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "[0,8]")},{Entry("w", "F32", "[2]", "[0,8]")}}}", 8),
            ["tensor 'w'", "a second time"]);
        cases["name twice, once escaped"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "[0,8]")},{Entry("\\u0077", "F32", "[0]", "[8,8]")}}}", 8),
            ["tensor 'w'", "a second time"]);
        cases["dtype twice"] = (() => File($"{{\"w\":{{{Good},\"dtype\":\"F32\"}}}}", 8), ["tensor 'w'", "one dtype", "found two"]);
        cases["shape twice"] = (() => File($"{{\"w\":{{{Good},\"shape\":[2]}}}}", 8), ["tensor 'w'", "one shape"]);
        cases["offsets twice, once escaped"] = (
            () => File($"{{\"w\":{{{Good},\"data\\u005foffsets\":[0,8]}}}}", 8),
            ["tensor 'w'", "one data_offsets"]);
        cases["metadata twice"] = (() => File("{\"__metadata__\":{},\"__metadata__\":{}}", 0), ["__metadata__ once", "twice"]);
        cases["metadata twice, once escaped"] = (() => File("{\"__metadata__\":{},\"\\u005f_metadata__\":{}}", 0), ["__metadata__ once"]);
        cases["metadata key twice"] = (
            () => File("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0),
            ["__metadata__, key 'a'", "a second time"]);
        cases["metadata number"] = (
            () => File("{\"__metadata__\":{\"a\":1}}", 0),
            ["__metadata__, key 'a'", "expected a text", "a number"]);
        cases["metadata null value"] = (() => File("{\"__metadata__\":{\"a\":null}}", 0), ["__metadata__, key 'a'", "found null"]);
        cases["metadata object value"] = (() => File("{\"__metadata__\":{\"a\":{}}}", 0), ["__metadata__, key 'a'", "an object"]);
        cases["metadata is a text"] = (() => File("{\"__metadata__\":\"a\"}", 0), ["__metadata__", "an object of texts"]);
        cases["metadata is a tensor"] = (() => File($"{{\"__metadata__\":{{{Good}}}}}", 8), ["__metadata__, key 'shape'", "a list"]);
        cases["metadata null"] = (() => File("{\"__metadata__\":null}", 0), ["__metadata__", "found null"]);
        cases["NUL in a name"] = (() => File("{\"a\\u0000b\":{}}", 0), ["without NUL", "'a\\u0000b'"]);
        cases["NUL in a metadata key"] = (() => File("{\"__metadata__\":{\"\\u0000\":\"\"}}", 0), ["without NUL"]);
    }

    private static void Types(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["unknown dtype"] = (() => File($"{{{Entry("w", "Q4", "[2]", "[0,8]")}}}", 8), ["tensor 'w', dtype", "BF16", "'Q4'"]);
        cases["dtype in small letters"] = (() => File($"{{{Entry("w", "f32", "[2]", "[0,8]")}}}", 8), ["tensor 'w', dtype", "'f32'"]);
        cases["empty dtype"] = (() => File($"{{{Entry("w", "", "[2]", "[0,8]")}}}", 8), ["tensor 'w', dtype", "''"]);
        cases["dtype is a number"] = (() => File("{\"w\":{\"dtype\":32}}", 0), ["tensor 'w', dtype", "a text", "a number"]);
        cases["dtype is null"] = (() => File("{\"w\":{\"dtype\":null}}", 0), ["tensor 'w', dtype", "found null"]);
        cases["dtype with terminal escape"] = (() => File($"{{{Entry("w", "\\u001b[2J", "[2]", "[0,8]")}}}", 8), ["'\\u001B[2J'"]);
        cases["sub-byte size"] = (
            () => File($"{{{Entry("w", "F4", "[3]", "[0,1]")}}}", 1),
            ["tensor 'w', shape", "whole bytes", "12 bits"]);
        cases["six-bit size"] = (() => File($"{{{Entry("w", "F6_E2M3", "[3]", "[0,2]")}}}", 2), ["tensor 'w', shape", "18 bits"]);
        cases["size of another dtype"] = (
            () => File($"{{{Entry("w", "BF16", "[2]", "[0,8]")}}}", 8), ["tensor 'w'", "expected 4 bytes for BF16 [2]", "found 8 bytes"]);
    }

    private static void Numbers(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        foreach (
            string number in (string[])["-1", "-0", "0.0", "8.0", "1e3", "1E0", "9223372036854775808", "18446744073709551616", "1e999"])
        {
            cases[$"offset {number}"] = (
                () => File($"{{{Entry("w", "F32", "[2]", $"[0,{number}]")}}}", 8),
                ["tensor 'w', data_offsets", "a whole number", $"'{number}'"]);
            cases[$"size {number}"] = (
                () => File($"{{{Entry("w", "F32", $"[{number}]", "[0,8]")}}}", 8),
                ["tensor 'w', shape", "a whole number", $"'{number}'"]);
        }

        (string, string)[] kinds =
            [("\"8\"", "a text"), ("null", "null"), ("true", "true or false"), ("[8]", "a list"), ("{}", "an object")];
        foreach ((string value, string found) in kinds)
        {
            cases[$"offset {value}"] = (
                () => File($"{{{Entry("w", "F32", "[2]", $"[0,{value}]")}}}", 8),
                ["tensor 'w', data_offsets", $"found {found}"]);
            cases[$"size {value}"] = (
                () => File($"{{{Entry("w", "F32", $"[{value}]", "[0,8]")}}}", 8),
                ["tensor 'w', shape", $"found {found}"]);
        }

        cases["leading zero"] = (() => File($"{{{Entry("w", "F32", "[02]", "[0,8]")}}}", 8), ["expected valid JSON"]);
        cases["offsets empty"] = (
            () => File($"{{{Entry("w", "F32", "[0]", "[]")}}}", 0),
            ["tensor 'w', data_offsets", "two numbers", "found 0"]);
        cases["one offset"] = (
            () => File($"{{{Entry("w", "F32", "[0]", "[0]")}}}", 0),
            ["tensor 'w', data_offsets", "two numbers", "found 1"]);
        cases["three offsets"] = (() => File($"{{{Entry("w", "F32", "[2]", "[0,8,8]")}}}", 8), ["tensor 'w', data_offsets", "at most 2"]);
        cases["offsets is a number"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "8")}}}", 8),
            ["tensor 'w', data_offsets", "a list of whole numbers"]);
        cases["shape is a number"] = (
            () => File($"{{{Entry("w", "F32", "2", "[0,8]")}}}", 8),
            ["tensor 'w', shape", "a list of whole numbers"]);
        cases["shape is null"] = (() => File($"{{{Entry("w", "F32", "null", "[0,8]")}}}", 8), ["tensor 'w', shape", "found null"]);
        cases["product 2^64"] = (
            () => File($"{{{Entry("w", "F32", "[4294967296,4294967296]", "[0,0]")}}}", 0),
            ["tensor 'w', shape", "fewer than 2^63 bits"]);
        cases["product 2^64 + 8 wraps to 8"] = (
            () => File($"{{{Entry("w", "U8", "[8,2305843009213693953]", "[0,8]")}}}", 8),
            ["tensor 'w', shape", "2^63"]);
        cases["product too large before a zero"] = (
            () => File($"{{{Entry("w", "F32", "[9223372036854775807,2,0]", "[0,0]")}}}", 0),
            ["tensor 'w', shape", "2^63"]);
        cases["largest size"] = (() => File($"{{{Entry("w", "U8", "[9223372036854775807]", "[0,8]")}}}", 8), ["tensor 'w', shape", "2^63"]);
    }

    private static void Layout(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["begin behind end"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "[8,0]")}}}", 8), ["tensor 'w', data_offsets", "begin ≤ end", "[8, 0]"]);
        cases["end beyond the file"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "[0,8]")}}}", 7), ["tensor 'w', data_offsets", "the 7 bytes of data", "[0, 8]"]);
        cases["end far beyond the file"] = (
            () => File($"{{{Entry("w", "U8", "[1152921504606846975]", "[0,1152921504606846975]")}}}", 8),
            ["tensor 'w'", "the 8 bytes of data"]);
        cases["begin and end at 2^63 - 1"] = (
            () => File($"{{{Entry("w", "U8", "[0]", "[9223372036854775807,9223372036854775807]")}}}", 8),
            ["tensor 'w'", "the 8 bytes of data"]);
        cases["fewer bytes than the shape"] = (
            () => File($"{{{Entry("w", "F32", "[3]", "[0,8]")}}}", 8), ["tensor 'w'", "expected 12 bytes for F32 [3]", "found 8 bytes"]);
        cases["more bytes than the shape"] = (
            () => File($"{{{Entry("w", "F32", "[1]", "[0,8]")}}}", 8), ["tensor 'w'", "expected 4 bytes for F32 [1]", "found 8 bytes"]);
        cases["single number of the wrong size"] = (
            () => File($"{{{Entry("w", "F32", "[]", "[0,8]")}}}", 8), ["tensor 'w'", "expected 4 bytes for F32 []"]);
        cases["gap at the start"] = (() => File($"{{{Entry("w", "F32", "[1]", "[4,8]")}}}", 8), ["tensor 'w'", "a gap"]);
        cases["gap between"] = (
            () => File($"{{{Entry("a", "U8", "[2]", "[0,2]")},{Entry("b", "U8", "[2]", "[3,5]")}}}", 5),
            ["tensor 'b'", "a gap"]);
        cases["overlap"] = (
            () => File($"{{{Entry("a", "U8", "[4]", "[0,4]")},{Entry("b", "U8", "[4]", "[2,6]")}}}", 6),
            ["tensor 'b'", "an overlap"]);
        cases["same bytes twice"] = (
            () => File($"{{{Entry("a", "U8", "[4]", "[0,4]")},{Entry("b", "U8", "[4]", "[0,4]")}}}", 4),
            ["tensor 'b'", "an overlap"]);
        cases["one inside another"] = (
            () => File($"{{{Entry("a", "U8", "[8]", "[0,8]")},{Entry("b", "U8", "[2]", "[2,4]")}}}", 8),
            ["tensor 'b'", "an overlap"]);
        cases["empty tensor inside another"] = (
            () => File($"{{{Entry("a", "U8", "[8]", "[0,8]")},{Entry("b", "U8", "[0]", "[4,4]")}}}", 8),
            ["tensor 'b'", "an overlap"]);
        cases["bytes behind the last tensor"] = (
            () => File($"{{{Entry("w", "F32", "[2]", "[0,8]")}}}", 9),
            ["end of the file", "found its end at offset"]);
        cases["data without tensors"] = (() => File("{}", 1), ["end of the file, offset 11", "offset 10"]);
    }

    private static void Limits(Dictionary<string, (Func<byte[]>, string[])> cases)
    {
        cases["65 dimensions"] = (
            () => File($"{{{Entry("w", "U8", "[" + string.Join(",", Enumerable.Repeat(1, 65)) + "]", "[0,1]")}}}", 1),
            ["tensor 'w', shape", "at most 64"]);
        cases["10,000 dimensions"] = (
            () => File($"{{{Entry("w", "U8", "[" + string.Join(",", Enumerable.Repeat(1, 10_000)) + "]", "[0,1]")}}}", 1),
            ["at most 64"]);
        cases["depth 10,000"] = (() => File(string.Concat(Enumerable.Repeat("{\"a\":", 10_000)), 0), ["tensor 'a'", "'a'"]);
        cases["depth 10,000 of lists"] = (
            () => File("{\"w\":{\"shape\":" + new string('[', 10_000), 0),
            ["tensor 'w', shape", "found a list"]);
        cases["depth 10,000 in metadata"] = (
            () => File("{\"__metadata__\":{\"a\":" + new string('[', 10_000), 0),
            ["key 'a'", "found a list"]);
        cases["name of 1 MB"] = (
            () => File($"{{{Entry(new string('n', 1_000_000), "U8", "[1]", "[0,1]")}}}", 1),
            ["names of at most 4096 bytes", "1000000"]);
        cases["field name of 1 MB"] = (
            () => File($"{{\"w\":{{\"{new string('n', 1_000_000)}\":1}}}}", 1),
            ["tensor 'w'", "names of at most 4096 bytes"]);
        cases["metadata of 5 MB"] = (
            () => File($"{{\"__metadata__\":{{\"a\":\"{new string('m', 5_000_000)}\"}}}}", 0),
            ["key 'a'", "at most 4194304 bytes of metadata"]);
        IEnumerable<string> pieces = Enumerable.Range(0, 50).Select(i => $"\"{i}\":\"{new string('m', 100_000)}\"");
        cases["metadata in many pieces"] = (
            () => File($"{{\"__metadata__\":{{{string.Join(",", pieces)}}}}}", 0),
            ["bytes of metadata"]);
        cases["100,001 tensors"] = (
            () => File("{" + string.Join(",", Enumerable.Range(0, 100_001).Select(i => Entry($"{i}", "U8", "[0]", "[0,0]"))) + "}", 0),
            ["at most 100000 tensors"]);
    }
}
