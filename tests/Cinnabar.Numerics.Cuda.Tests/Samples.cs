namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Makes the operands of one run: the same for the same seed, whoever runs.</summary>
internal sealed class Samples(int seed)
{
    // Normal values, of which one is drawn at a time: to compute each anew takes longer than many a kernel.
    private static readonly float[] s_normal = MakeNormal(count: 1 << 16);

    private readonly Random _random = new(seed);

    /// <summary>Standard normal values times <paramref name="scale"/>.</summary>
    public Tensor Normal(double scale, params int[] shape)
    {
        Tensor tensor = Tensor.Zeros(shape);
        foreach (ref float value in tensor.Floats)
        {
            value = (float)(scale * s_normal[_random.Next(s_normal.Length)]);
        }

        return tensor;
    }

    /// <summary>Zeros that the device knows of, with other numbers left in its memory.</summary>
    public Tensor Cleared(KernelTable table, params int[] shape)
    {
        Tensor tensor = Normal(1, shape);
        table.Scaling.Forward(tensor, 1);
        tensor.Clear();
        Assert.True(table.Device is not CudaDevice device || device.IsZero(tensor));
        return tensor;
    }

    /// <summary>[rows, columns] of integers with scales of groups of 32, or of the blocks Q8_0: a scale in F16 and 32 bytes.</summary>
    public Tensor Stored(DType type, int rows, int columns)
    {
        if (type != DType.Q8_0)
        {
            return Normal(1, rows, columns).Quantize(type, 32);
        }

        const int Bytes = 34;
        Tensor tensor = Tensor.Zeros(type, rows, columns);
        _random.NextBytes(tensor.Bytes);
        for (int at = 0; at < tensor.Bytes.Length; at += Bytes)
        {
            BitConverter.TryWriteBytes(tensor.Bytes[at..], (Half)(0.01 * (1 + _random.NextDouble())));
        }

        tensor.FitScales(0, rows);
        return tensor;
    }

    /// <summary>Numbers below <paramref name="limit"/>; half of them are the last one, as of a mask token.</summary>
    public int[] Ids(int count, int limit) =>
        [.. Enumerable.Range(0, count).Select(_ => _random.Next(2) == 0 ? limit - 1 : _random.Next(limit))];

    /// <summary>A choice of <paramref name="count"/> different numbers below <paramref name="limit"/>, in any order.</summary>
    public int[] Choice(int count, int limit)
    {
        int[] numbers = [.. Enumerable.Range(0, limit)];
        _random.Shuffle(numbers);
        return numbers[..count];
    }

    private static float[] MakeNormal(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
