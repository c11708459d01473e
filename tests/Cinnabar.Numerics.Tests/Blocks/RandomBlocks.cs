using Cinnabar.Numerics.Blocks;

namespace Cinnabar.Numerics.Tests.Blocks;

/// <summary>Weights of random blocks.</summary>
internal static class RandomBlocks
{
    /// <summary>Every type of blocks.</summary>
    public static TheoryData<DType> Types => [.. Enum.GetValues<DType>().Where(type => type.IsBlocks())];

    /// <summary>[rows, columns] of any bits, with F16 scales of both signs from 1 down to the smallest there are.</summary>
    public static Tensor Of(DType type, int rows, int columns, int seed = 1)
    {
        Tensor tensor = Tensor.Zeros(type, rows, columns);
        Random random = new(seed);
        random.NextBytes(tensor.Bytes);
        for (int block = 0; block < tensor.Count / type.BlockSize(); block++)
        {
            foreach (int offset in ScalesOf(type))
            {
                double scale = Math.Pow(2, -20 * random.NextDouble()) * (random.Next(2) == 0 ? 1 : -1);
                BitConverter.TryWriteBytes(tensor.Bytes[((block * type.BlockBytes()) + offset)..], (Half)scale);
            }
        }

        tensor.FitScales(0, rows);
        return tensor;
    }

    private static int[] ScalesOf(DType type) => type switch
    {
        DType.Q4_0 or DType.Q5_0 or DType.Q8_0 => [0],
        DType.Q2_K => [80, 82],
        DType.Q3_K => [108],
        DType.Q6_K => [208],
        _ => [0, 2],
    };
}
