using System.Text;
using System.Text.Json;

namespace Cinnabar.Tests.Checkpoints;

/// <summary>A second reader, written independently of the first on top of JsonDocument: small, slow, only good for agreeing or not.</summary>
internal static class ReferenceSafetensors
{
    private static readonly Dictionary<string, int> s_bits = new()
    {
        ["BOOL"] = 8, ["U8"] = 8, ["I8"] = 8, ["F8_E5M2"] = 8, ["F8_E4M3"] = 8, ["F8_E8M0"] = 8, ["F8_E4M3FNUZ"] = 8, ["F8_E5M2FNUZ"] = 8,
        ["F4"] = 4, ["F6_E2M3"] = 6, ["F6_E3M2"] = 6, ["I16"] = 16, ["U16"] = 16, ["F16"] = 16, ["BF16"] = 16,
        ["I32"] = 32, ["U32"] = 32, ["F32"] = 32, ["C64"] = 64, ["F64"] = 64, ["I64"] = 64, ["U64"] = 64,
    };

    /// <summary>Null for a valid file, else what is wrong.</summary>
    public static string? Fault(byte[] file)
    {
        try
        {
            Ranges(file);
            return null;
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or InvalidOperationException or DecoderFallbackException or OverflowException)
        {
            return e.Message;
        }
    }

    /// <summary>Name → bytes from, to, counted from the start of the file.</summary>
    public static SortedDictionary<string, (long From, long To)> Ranges(byte[] file)
    {
        Require(file.Length >= 8, "short");
        ulong n = BitConverter.ToUInt64(file);
        Require(n <= (ulong)(file.Length - 8), "length");
        string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file, 8, (int)n);
        using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
        Require(json.RootElement.ValueKind == JsonValueKind.Object, "no object");
        SortedDictionary<string, (long From, long To)> ranges = new(StringComparer.Ordinal);
        long start = 8 + (long)n;
        foreach (JsonProperty property in json.RootElement.EnumerateObject())
        {
            Require(!property.Name.Contains('\0') && Encoding.UTF8.GetByteCount(property.Name) <= 4096, "name");
            if (property.Name == "__metadata__")
            {
                foreach (JsonProperty text2 in property.Value.EnumerateObject())
                {
                    Require(!text2.Name.Contains('\0') && text2.Value.ValueKind == JsonValueKind.String, "metadata");
                    text2.Value.GetString();
                }

                continue;
            }

            JsonElement value = property.Value;
            Require(value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Count() == 3, "fields");
            Require(value.TryGetProperty("dtype", out JsonElement dtype) && s_bits.ContainsKey(dtype.GetString() ?? ""), "dtype");
            Require(value.TryGetProperty("shape", out JsonElement shape) && shape.GetArrayLength() <= 64, "shape");
            Require(value.TryGetProperty("data_offsets", out JsonElement offsets) && offsets.GetArrayLength() == 2, "offsets");
            long bits = s_bits[dtype.GetString()!];
            foreach (JsonElement size in shape.EnumerateArray())
            {
                bits = checked(bits * Whole(size));
            }

            long from = Whole(offsets[0]);
            long to = Whole(offsets[1]);
            Require(from <= to && to <= file.Length && bits % 8 == 0 && bits / 8 == to - from, "size");
            ranges.Add(property.Name, (start + from, start + to));
        }

        foreach ((long from, long to) in ranges.Values.Order())
        {
            Require(from == start, "layout");
            start = to;
        }

        Require(start == file.Length, "end");
        return ranges;
    }

    private static long Whole(JsonElement element)
    {
        string text = element.GetRawText();
        Require(element.ValueKind == JsonValueKind.Number && text.All(char.IsAsciiDigit), "number");
        return long.Parse(text);
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidDataException(what);
        }
    }
}
