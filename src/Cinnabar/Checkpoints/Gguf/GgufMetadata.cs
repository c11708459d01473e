// The key-value pairs of a GGUF file in their order. Writers are free in the width of a number (one stores a count as UInt32, another as
// UInt64), so the getters ask for a kind: any integer type, any floating-point type. A value of another kind is an error, never converted.
using System.Collections;

namespace Cinnabar.Checkpoints.Gguf;

/// <summary>The metadata of one GGUF file. The getters of a key that must be there throw where it is not.</summary>
public sealed class GgufMetadata : IReadOnlyCollection<KeyValuePair<string, GgufValue>>
{
    private readonly string _file;
    private readonly OrderedDictionary<string, GgufValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);

    internal GgufMetadata(string file) => _file = file;

    /// <summary>Number of keys.</summary>
    public int Count => _values.Count;

    /// <summary>The value, whatever it is; null if the key is absent.</summary>
    public GgufValue? Find(string key) => _values.GetValueOrDefault(key);

    /// <summary>A text.</summary>
    /// <exception cref="CinnabarException">The key is absent or holds something else.</exception>
    public string Text(string key) => OptionalText(key) ?? throw Missing(key, "a String");

    /// <summary>A text, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else.</exception>
    public string? OptionalText(string key) =>
        Find(key) is not GgufValue value ? null : value.Content as string ?? throw Wrong(key, "a String");

    /// <summary>A whole number of any integer type.</summary>
    /// <exception cref="CinnabarException">The key is absent, or holds something else or a number out of range.</exception>
    public long Integer(string key, long least = long.MinValue, long most = long.MaxValue) =>
        OptionalInteger(key, least, most) ?? throw Missing(key, "a whole number");

    /// <summary>A whole number of any integer type, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else or a number out of range.</exception>
    public long? OptionalInteger(string key, long least = long.MinValue, long most = long.MaxValue) =>
        Find(key) is not GgufValue value ? null
        : GgufValue.AsInteger(value.Content) is long number && number >= least && number <= most ? number
        : throw Wrong(key, $"a whole number {Range(least, most)}");

    /// <summary>A number of a floating-point type.</summary>
    /// <exception cref="CinnabarException">The key is absent, or holds something else, NaN or infinity.</exception>
    public double Number(string key) => OptionalNumber(key) ?? throw Missing(key, "a Float32");

    /// <summary>A number of a floating-point type, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else, NaN or infinity.</exception>
    public double? OptionalNumber(string key) =>
        Find(key) is not GgufValue value ? null
        : GgufValue.AsNumber(value.Content) is double number && double.IsFinite(number) ? number
        : throw Wrong(key, "a finite Float32 or Float64");

    /// <summary>True or false.</summary>
    /// <exception cref="CinnabarException">The key is absent or holds something else.</exception>
    public bool Boolean(string key) => OptionalBoolean(key) ?? throw Missing(key, "a Bool");

    /// <summary>True or false, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else.</exception>
    public bool? OptionalBoolean(string key) =>
        Find(key) is not GgufValue value ? null : value.Content is bool found ? found : throw Wrong(key, "a Bool");

    /// <summary>An array of texts.</summary>
    /// <exception cref="CinnabarException">The key is absent or holds something else.</exception>
    public IReadOnlyList<string> Texts(string key) => OptionalTexts(key) ?? throw Missing(key, "an Array of String");

    /// <summary>An array of texts, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else.</exception>
    public IReadOnlyList<string>? OptionalTexts(string key) =>
        Find(key) is not GgufValue value ? null : value.Content as string[] ?? throw Wrong(key, "an Array of String");

    /// <summary>An array of any integer type.</summary>
    /// <exception cref="CinnabarException">The key is absent, or holds something else or a number out of range.</exception>
    public long[] Integers(string key, long least = long.MinValue, long most = long.MaxValue) =>
        OptionalIntegers(key, least, most) ?? throw Missing(key, "an Array of whole numbers");

    /// <summary>An array of any integer type, or null if the key is absent.</summary>
    /// <exception cref="CinnabarException">The key holds something else or a number out of range.</exception>
    public long[]? OptionalIntegers(string key, long least = long.MinValue, long most = long.MaxValue) => Elements<long>(
        key,
        $"whole numbers {Range(least, most)}",
        element => GgufValue.AsInteger(element) is long number && number >= least && number <= most ? number : null);

    /// <summary>An array of a floating-point type; NaN and infinities are passed on.</summary>
    /// <exception cref="CinnabarException">The key is absent or holds something else.</exception>
    public double[] Numbers(string key) => OptionalNumbers(key) ?? throw Missing(key, "an Array of Float32");

    /// <summary>An array of a floating-point type, or null if the key is absent; NaN and infinities are passed on.</summary>
    /// <exception cref="CinnabarException">The key holds something else.</exception>
    public double[]? OptionalNumbers(string key) => Elements<double>(key, "Float32 or Float64", GgufValue.AsNumber);

    /// <summary>Keys and values in the order of the file.</summary>
    public IEnumerator<KeyValuePair<string, GgufValue>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Adds a value that starts at <paramref name="offset"/> of the file; false if the key is there already.</summary>
    internal bool TryAdd(string key, GgufValue value, long offset)
    {
        _offsets.TryAdd(key, offset);
        return _values.TryAdd(key, value);
    }

    /// <summary>The exception for a value that is not what it must be.</summary>
    /// <param name="key">A key of the file.</param>
    /// <param name="expected">What it must be.</param>
    /// <param name="found">What it is; null: the value as it is shown.</param>
    internal CinnabarException Wrong(string key, string expected, string? found = null) => new(
        $"{_file}: key {ErrorText.Quote(key)}, offset {_offsets[key]}: expected {expected}, found {found ?? _values[key].ToString()}.",
        "Convert the model again, or check that it is one of the kinds that are supported.");

    private T[]? Elements<T>(string key, string expected, Func<object, T?> convert)
        where T : struct
    {
        if (Find(key) is not GgufValue value)
        {
            return null;
        }

        if (value.Content is not Array array)
        {
            throw Wrong(key, $"an Array of {expected}");
        }

        T[] result = new T[array.Length];
        int i = 0;
        foreach (object element in array)
        {
            result[i] = convert(element) ?? throw Wrong(
                key, $"an Array of {expected}", $"{new GgufValue(element)} as element {i} of an {value}");
            i++;
        }

        return result;
    }

    private CinnabarException Missing(string key, string expected) => new(
        $"{_file}: metadata: expected {expected} under the key {ErrorText.Quote(key)}, "
        + $"found {Count} other keys: {ErrorText.Some(_values.Keys)}.",
        "Check that the file holds a model of a supported kind, and that the program which made it is not too old.");

    private static string Range(long least, long most) => (least, most) switch
    {
        (long.MinValue, long.MaxValue) => "below 2^63",
        (_, long.MaxValue) => $"from {least}",
        _ => $"from {least} to {most}",
    };
}
