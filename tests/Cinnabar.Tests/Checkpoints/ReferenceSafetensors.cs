using System.Text;
using System.Text.Json;

namespace Cinnabar.Tests.Checkpoints;

/// <summary>
/// A second reader, written independently of the first on top of JsonDocument: small, slow, only good for agreeing or not.
/// </summary>
internal static class ReferenceSafetensors
{
    private static readonly Dictionary<string, int> s_bits = new()
    {
        ["BOOL"] = 8, ["U8"] = 8, ["I8"] = 8, ["F8_E5M2"] = 8, ["F8_E4M3"] = 8, ["F8_E8M0"] = 8, ["F8_E4M3FNUZ"] = 8, ["F8_E5M2FNUZ"] = 8,
        ["F4"] = 4, ["F6_E2M3"] = 6, ["F6_E3M2"] = 6, ["I16"] = 16, ["U16"] = 16, ["F16"] = 16, ["BF16"] = 16,
        ["I32"] = 32, ["U32"] = 32, ["F32"] = 32, ["C64"] = 64, ["F64"] = 64, ["I64"] = 64, ["U64"] = 64,
    };

    /// <summary>Name → bytes from, to, counted from the start of the file; null for a file that breaks a rule.</summary>
    public static SortedDictionary<string, (long From, long To)>? Read(byte[] file)
    {
        ulong n = file.Length < 8 ? ulong.MaxValue : BitConverter.ToUInt64(file);
        if (n > (ulong)(Math.Max(file.Length, 8) - 8))
        {
            return null;
        }

        try
        {
            string text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file, 8, (int)n);
            using JsonDocument json = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 8 });
            return Ranges(json.RootElement, 8 + (long)n, file.Length);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            return null;
        }
    }

    private static SortedDictionary<string, (long From, long To)>? Ranges(JsonElement root, long start, long length)
    {
        SortedDictionary<string, (long From, long To)> ranges = new(StringComparer.Ordinal);
        foreach (JsonProperty property in root.EnumerateObject())
        {
            bool good = IsName(property.Name);
            if (property.Name == "__metadata__")
            {
                good &= property.Value.EnumerateObject().All(text => IsName(text.Name) && text.Value.GetString() is not null);
            }
            else if (Range(property.Value, length - start) is (long from, long to))
            {
                ranges.Add(property.Name, (start + from, start + to));
            }
            else
            {
                good = false;
            }

            if (!good)
            {
                return null;
            }
        }

        foreach ((long from, long to) in ranges.Values.Order())
        {
            if (from != start)
            {
                return null;
            }

            start = to;
        }

        return start == length ? ranges : null;
    }

    private static bool IsName(string name) => !name.Contains('\0') && name.Length <= 4096;

    private static (long From, long To)? Range(JsonElement entry, long length)
    {
        if (entry.ValueKind != JsonValueKind.Object
            || entry.EnumerateObject().Any(field => field.Name is not ("dtype" or "shape" or "data_offsets"))
            || !entry.TryGetProperty("dtype", out JsonElement dtype) || !s_bits.TryGetValue(dtype.GetString() ?? "", out int elementBits)
            || !entry.TryGetProperty("shape", out JsonElement shape) || shape.GetArrayLength() > 64
            || !entry.TryGetProperty("data_offsets", out JsonElement offsets) || offsets.GetArrayLength() != 2
            || Whole(offsets[0]) is not long from || Whole(offsets[1]) is not long to)
        {
            return null;
        }

        decimal bits = elementBits;
        foreach (JsonElement size in shape.EnumerateArray())
        {
            if (Whole(size) is not long number)
            {
                return null;
            }

            bits *= number;
            if (bits > long.MaxValue)
            {
                return null;
            }
        }

        return from <= to && to <= length && bits == (to - from) * 8 ? (from, to) : null;
    }

    private static long? Whole(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number
        && element.GetRawText().All(char.IsAsciiDigit)
        && long.TryParse(element.GetRawText(), out long number) ? number : null;
}
