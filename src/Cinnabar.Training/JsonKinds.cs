using System.Text.Json;

namespace Cinnabar.Training;

/// <summary>What JSON values should be, in words: the serialiser speaks of .NET types.</summary>
internal static class JsonKinds
{
    /// <summary>What a value of this type is; null: the value is such a one, or only the serialiser can tell.</summary>
    public static string? ExpectedInstead(Type type, JsonElement value)
    {
        Type taken = Nullable.GetUnderlyingType(type) ?? type;
        JsonValueKind kind = value.ValueKind;
        bool isNumber = kind == JsonValueKind.Number;
        return kind == JsonValueKind.Null && taken != type ? null
            : taken == typeof(int) ? (isNumber && value.TryGetInt32(out _) ? null : $"a whole number up to {int.MaxValue}")
            : taken == typeof(long) ? (isNumber && value.TryGetInt64(out _) ? null : $"a whole number up to {long.MaxValue}")
            : taken == typeof(ulong) ? (isNumber && value.TryGetUInt64(out _) ? null : "a whole number from 0")
            : taken == typeof(double) ? (isNumber ? null : "a number")
            : taken == typeof(bool) ? (kind is JsonValueKind.True or JsonValueKind.False ? null : "true or false")
            : taken == typeof(string) ? (kind is JsonValueKind.String or JsonValueKind.Null ? null : "a text")
            : null;
    }
}
