namespace Cinnabar.Checkpoints.Families;

/// <summary>Where a weight of the network lies in a file.</summary>
/// <param name="Tensor">Name of the tensor in the file.</param>
public readonly record struct WeightPlace(string Tensor)
{
    /// <summary>Which matrix of a stack [n, out, in] it is; null: the tensor is the weight.</summary>
    public int? Slice { get; init; }

    /// <summary>n, where <see cref="Slice"/> takes one.</summary>
    public int StoredSlices { get; init; }

    /// <summary>The rows of the tensor that are the weight's, in order; null: all.</summary>
    public int[]? Rows { get; init; }

    /// <summary>Rows of the tensor as it lies in the file, where <see cref="Rows"/> takes some.</summary>
    public int StoredRows { get; init; }
}
