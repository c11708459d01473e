// B(L) of a network (LengthProbe): how sure it is of holes of L tokens whose true length is another, fitted on pieces of text whose length
// is known. In a model folder it is the file length_bias.json,
//
//   {"bias": [B(1), B(2), … B(n)]}          each above 0, at most 1; 1 ≤ n ≤ 65,536
//
// which `cinnabar eval infill --probe N --save-bias` writes.
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Checkpoints;

namespace Cinnabar.Sampling;

/// <summary>How sure a network is of holes of a wrong length.</summary>
public sealed class LengthBias
{
    /// <summary>Its name in a model folder.</summary>
    public const string FileName = "length_bias.json";

    private const string Key = "bias";
    private const int MostLengths = 1 << 16;

    // Lengths so near to the true one are nearly right.
    private const int Near = 4;

    private readonly double[] _values;

    private LengthBias(double[] values) => _values = values;

    /// <summary>The longest length.</summary>
    public int Most => _values.Length;

    /// <summary>B(L), 1 ≤ L ≤ <see cref="Most"/>.</summary>
    public double Of(int length) => _values[length - 1];

    /// <summary>Fits B on holes: of each length the mean over the holes whose true length is not near it.</summary>
    /// <param name="probe">Of the network.</param>
    /// <param name="holes">Known tokens before and after each hole, and its true length; together of many lengths.</param>
    /// <param name="most">The longest length, which with what is known fits into the network's context.</param>
    /// <param name="done">Told after every hole.</param>
    /// <exception cref="CinnabarException">No hole tells of some length.</exception>
    public static LengthBias Fit(
        LengthProbe probe, IReadOnlyList<(int[] Before, int Length, int[] After)> holes, int most, Action<int>? done = null)
    {
        double[] sums = new double[most];
        int[] counts = new int[most];
        for (int i = 0; i < holes.Count; i++)
        {
            (int[] before, int trueLength, int[] after) = holes[i];
            for (int length = 1; length <= most; length++)
            {
                if (Math.Abs(length - trueLength) > Near)
                {
                    sums[length - 1] += probe.Sureness([before, after], [length], hole: 0);
                    counts[length - 1]++;
                }
            }

            done?.Invoke(i + 1);
        }

        int untold = Array.IndexOf(counts, 0);
        return untold < 0
            ? new LengthBias([.. sums.Select((sum, i) => sum / counts[i])])
            : throw new CinnabarException(
                $"Expected holes of many lengths to fit the bias of lengths on, found none of {holes.Count} that tells how sure "
                + $"the network is of {untold + 1} tokens.",
                "Take more holes.");
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CinnabarException">It cannot be read, or is not such a list.</exception>
    public static LengthBias Load(string path)
    {
        JsonSettings json = JsonSettings.Load(path, "bias of lengths");
        JsonElement list = json.Value(Key) ?? throw Wrong("none");
        list = list.ValueKind == JsonValueKind.Array ? list : throw Wrong("something else");
        int count = list.GetArrayLength();
        double[] values = count is >= 1 and <= MostLengths ? new double[count] : throw Wrong($"a list of {count}");
        foreach ((int i, JsonElement item) in list.EnumerateArray().Index())
        {
            bool fits = item.ValueKind == JsonValueKind.Number && item.TryGetDouble(out values[i]) && values[i] is > 0 and <= 1;
            if (!fits)
            {
                throw Wrong($"{ErrorText.Quote(item.GetRawText())} as number {i + 1}");
            }
        }

        return new LengthBias(values);

        CinnabarException Wrong(string what) => json.Wrong(Key, $"a list of 1 … {MostLengths} numbers above 0, at most 1", what);
    }

    /// <summary>Writes a file.</summary>
    /// <exception cref="CinnabarException">It could not be written.</exception>
    public void Save(string path)
    {
        string values = string.Join(", ", _values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
        AtomicFile.Write(path, Encoding.UTF8.GetBytes($"{{\"{Key}\": [{values}]}}\n"));
    }
}
