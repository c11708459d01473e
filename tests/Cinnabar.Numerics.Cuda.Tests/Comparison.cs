// What every kernel has to pass: on the device the same as the definition, and the same bits in a second run. All cases run before a test
// fails, so that one run shows everything that is wrong.
using System.Globalization;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>What a kernel wrote.</summary>
internal readonly record struct Output(string Name, Tensor Value);

/// <summary>A matrix.</summary>
internal readonly record struct Shape(int Rows, int Columns)
{
    public override string ToString() => $"[{Rows}, {Columns}]";
}

internal static class Comparison
{
    /// <summary>‖device − definition‖ / ‖definition‖ of results in F32.</summary>
    public const double Exact = 1e-5;

    /// <summary>The same of results, or operands, rounded to BF16.</summary>
    public const double Rounded = 1e-2;

    private const int Seed = 20_262;

    private static readonly Lazy<KernelTable> s_device = new(Open);

    // Around packs of four, warps, teams and blocks of threads; then more rows, and more elements, than all blocks that run at once take in
    // one go, on a GPU (1,100 rows) as on the emulator's six multiprocessors (48 rows, 98,304 elements), and for short rows and for those
    // of a whole block more chunks of rows, of 8 or of 32, than 32 threads add up in one go; then long rows.
    private static readonly Shape[] s_shapes =
    [
        .. from rows in (int[])[1, 3, 67]
           from columns in (int[])[1, 2, 3, 4, 5, 7, 8, 31, 64, 100, 129, 256, 257, 260, 515, 1028]
           select new Shape(rows, columns),
        new(0, 8),
        new(1_100, 128),
        new(300, 768),
        new(20, 4_096),
        new(9, 5_001),
    ];

    public static KernelTable Device => s_device.Value;

    public static KernelTable Definition { get; } = KernelTable.Create(threads: 1, KernelForm.Reference);

    /// <summary>Fails unless a kernel gives on the device what the definition gives, on all shapes.</summary>
    public static void OnAllShapes(string kernel, double bound, Func<KernelTable, Samples, Shape, Output[]> run) =>
        On(kernel, bound, s_shapes, run);

    /// <summary>Fails unless a kernel gives on the device what the definition gives, in all cases.</summary>
    public static void On<TCase>(string kernel, double bound, IEnumerable<TCase> cases, Func<KernelTable, Samples, TCase, Output[]> run)
    {
        List<string> failures = [];
        foreach (TCase each in cases)
        {
            try
            {
                Output[] expected = run(Definition, new Samples(Seed), each);
                Output[] actual = run(Device, new Samples(Seed), each);
                Output[] again = run(Device, new Samples(Seed), each);
                for (int i = 0; i < expected.Length; i++)
                {
                    string what = $"{kernel}, {each}, {expected[i].Name}";
                    float[] first = actual[i].Value.Floats.ToArray();
                    Add(failures, what, Difference(expected[i].Value.Floats, first, bound));
                    Add(failures, what, Repetition(first, again[i].Value.Floats));
                }
            }
            catch (CudaException e)
            {
                failures.Add($"{kernel}, {each}: {e.Message} {e.Details}");
            }
        }

        Assert.True(failures.Count == 0, $"{failures.Count} failures:\n{string.Join('\n', failures)}");
    }

    /// <summary>Null, or how two results differ.</summary>
    public static string? Difference(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double bound)
    {
        if (expected.Length != actual.Length)
        {
            return $"expected {expected.Length} elements, found {actual.Length}";
        }

        double square = 0, size = 0, worst = -1;
        int at = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            if (!float.IsFinite(expected[i]) || !float.IsFinite(actual[i]))
            {
                if (!expected[i].Equals(actual[i]))
                {
                    return Text($"expected {expected[i]:R} at {i}, found {actual[i]:R}");
                }

                continue;
            }

            double difference = Math.Abs((double)expected[i] - actual[i]);
            square += difference * difference;
            size += (double)expected[i] * expected[i];
            if (difference > worst)
            {
                (worst, at) = (difference, i);
            }
        }

        double error = square == 0 ? 0 : Math.Sqrt(square / size);
        return error <= bound
            ? null
            : Text($"error {error:E2} > {bound:E0}, worst at {at} of {expected.Length}: expected {expected[at]:R}, found {actual[at]:R}");
    }

    /// <summary>‖found − exact‖ / ‖exact‖.</summary>
    public static double Distance(ReadOnlySpan<float> exact, ReadOnlySpan<float> found)
    {
        double square = 0, size = 0;
        for (int i = 0; i < exact.Length; i++)
        {
            square += Math.Pow((double)found[i] - exact[i], 2);
            size += (double)exact[i] * exact[i];
        }

        return Math.Sqrt(square / size);
    }

    private static string? Repetition(ReadOnlySpan<float> first, ReadOnlySpan<float> again)
    {
        for (int i = 0; i < first.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(first[i]) != BitConverter.SingleToInt32Bits(again[i]))
            {
                return Text($"a second run gave {again[i]:R} at {i} where the first gave {first[i]:R}");
            }
        }

        return null;
    }

    private static void Add(List<string> failures, string what, string? difference)
    {
        if (difference is not null)
        {
            failures.Add($"{what}: {difference}");
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static KernelTable Open()
    {
        // The process that runs tests need not be the one that found them, and then has no emulator yet.
        Assert.SkipWhen(CudaFactAttribute.WhySkipped is not null, CudaFactAttribute.WhySkipped ?? "");
        Assert.True(EmulatedDevice.Failure is null, EmulatedDevice.Failure);
        KernelTable kernels = CudaKernels.Create();
        int[] widths = [32, 64, 96, 128, 256];
        ((CudaDevice)kernels.Device!).Prepare(
            widths.SelectMany(width => (string[])[$"attention_forward.cu WIDTH={width}", $"attention_backward.cu WIDTH={width}"]));
        return kernels;
    }
}
