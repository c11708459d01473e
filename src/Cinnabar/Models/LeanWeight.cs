using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Models;

/// <summary>
/// A weight of the transformer as inference holds it: a matrix is packed at once, and of all but the embedding table, which is looked up
/// in, only the packed form is kept.
/// </summary>
internal static class LeanWeight
{
    /// <summary>Packs a weight.</summary>
    /// <param name="weight">Which it is.</param>
    /// <param name="value">Its values, which nobody else should keep.</param>
    /// <param name="config">Of the network.</param>
    /// <param name="tape">Where it is multiplied.</param>
    /// <param name="precision">Rounding of matrix-product operands; Int8 matrices stay Int8.</param>
    public static Parameter Of(NetworkWeight weight, Tensor value, ModelConfig config, Tape tape, MatMulPrecision precision)
    {
        if (weight.Shape.Length == 1 || weight.Name == LladaWeightNames.Positions)
        {
            return new Parameter(weight.Name, value.To(DType.F32)); // what the kernels of norms and biases read
        }

        Parameter parameter = new(weight.Name, value);
        bool isTable = weight.Name == LladaWeightNames.Embedding;
        if (!isTable || config.WeightTying)
        {
            tape.Pack(parameter, keepValues: isTable, PrecisionOf(weight, value.Type, precision));
        }

        return parameter;
    }

    // Rounding could make the router choose another expert. Values finer than BF16 (F16 files) lose less as integers of 12 bits.
    private static MatMulPrecision? PrecisionOf(NetworkWeight weight, DType type, MatMulPrecision precision) =>
        weight.Part == "router" ? MatMulPrecision.F32
        : type == DType.F32 && precision == MatMulPrecision.BF16 ? MatMulPrecision.Int16
        : null;
}
