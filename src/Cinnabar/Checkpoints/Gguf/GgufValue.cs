using System.Globalization;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>One value of the metadata of a GGUF file: a number, a text, true or false, or an array of these.</summary>
public sealed class GgufValue
{
    /// <summary>Wraps a value.</summary>
    /// <param name="content">byte, sbyte, ushort, short, uint, int, ulong, long, float, double, bool, string, or an array of one of
    /// these; kept, not copied.</param>
    /// <exception cref="ArgumentException">It is of another type.</exception>
    public GgufValue(object content)
    {
        Type type = content.GetType();
        GgufValueType single = TypeOf(type.IsSZArray ? type.GetElementType()! : type)
            ?? throw new ArgumentException($"A GGUF file cannot hold a value of type {type.Name}.", nameof(content));
        (Type, ElementType) = type.IsSZArray ? (GgufValueType.Array, single) : (single, (GgufValueType?)null);
        Content = content;
    }

    /// <summary>The type as it stands in the file.</summary>
    public GgufValueType Type { get; }

    /// <summary>Type of the elements of an array; null otherwise.</summary>
    public GgufValueType? ElementType { get; }

    /// <summary>The value itself, of the type given to the constructor.</summary>
    public object Content { get; }

    /// <summary>Type and value for messages, e.g. "UInt32 5", "String 'llada'", "Array of 320 String".</summary>
    public override string ToString() => Content switch
    {
        Array array => $"Array of {array.Length} {ElementType}",
        string text => $"String {ErrorText.Quote(text)}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{Type} {Content}"),
    };

    /// <summary>A value of any of the integer types as a long; null if it is no integer or above 2^63 − 1.</summary>
    internal static long? AsInteger(object content) => content switch
    {
        byte value => value,
        sbyte value => value,
        ushort value => value,
        short value => value,
        uint value => value,
        int value => value,
        ulong value when value <= long.MaxValue => (long)value,
        long value => value,
        _ => null,
    };

    /// <summary>A float or double; null if it is neither.</summary>
    internal static double? AsNumber(object content) => content switch
    {
        float value => value,
        double value => value,
        _ => null,
    };

    // By exact type: at run time an sbyte[] also passes for a byte[].
    private static GgufValueType? TypeOf(Type type) =>
        type == typeof(byte) ? GgufValueType.UInt8
        : type == typeof(sbyte) ? GgufValueType.Int8
        : type == typeof(ushort) ? GgufValueType.UInt16
        : type == typeof(short) ? GgufValueType.Int16
        : type == typeof(uint) ? GgufValueType.UInt32
        : type == typeof(int) ? GgufValueType.Int32
        : type == typeof(ulong) ? GgufValueType.UInt64
        : type == typeof(long) ? GgufValueType.Int64
        : type == typeof(float) ? GgufValueType.Float32
        : type == typeof(double) ? GgufValueType.Float64
        : type == typeof(bool) ? GgufValueType.Bool
        : type == typeof(string) ? GgufValueType.String
        : null;
}
