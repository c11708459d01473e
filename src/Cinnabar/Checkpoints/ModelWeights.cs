// The weights of a checkpoint, read one after the other by the names of the network (LladaWeightNames), whatever the file calls them and
// however it holds them.
using Cinnabar.Checkpoints.Families;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Numerics;

namespace Cinnabar.Checkpoints;

/// <summary>The open weights of a model, read one tensor at a time.</summary>
public abstract class ModelWeights : IDisposable
{
    private readonly Dictionary<string, NetworkWeight> _weights;

    private protected ModelWeights(ModelConfig config)
    {
        Config = config;
        _weights = config.Family.Weights(config).ToDictionary(weight => weight.Name);
    }

    /// <summary>The network they belong to.</summary>
    protected ModelConfig Config { get; }

    /// <summary>Reads one weight of the network as the file holds it: F32, BF16, integers or blocks; others become F32.</summary>
    /// <param name="name">One of the family's weights.</param>
    /// <exception cref="CinnabarException">No such weight, it could not be read, or its values are not allowed.</exception>
    public Tensor Read(string name) => ReadStored(Find(name), form: null).Tensor;

    /// <summary>Reads one weight of the network in a form for inference.</summary>
    /// <inheritdoc cref="Read(string)"/>
    public Tensor Read(string name, WeightForm form)
    {
        NetworkWeight weight = Find(name);
        (Tensor tensor, StoredForm stored) = ReadStored(weight, form);
        return WeightForms.Apply(tensor, weight, form, stored);
    }

    /// <summary>
    /// What the file holds a weight as: F32, F16 or BF16, Q4_0 for its own blocks alone, and Q8_0 for all other integers and blocks.
    /// </summary>
    internal abstract GgmlType NearestType(NetworkWeight weight);

    /// <summary>Closes the files.</summary>
    public abstract void Dispose();

    /// <summary>Reads a weight as it lies in the file, its exact values, or these rounded to BF16.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="form">The form that it will be brought into; null: none, so that nothing may be rounded.</param>
    /// <returns>The tensor, and what the file holds.</returns>
    private protected abstract (Tensor Tensor, StoredForm Stored) ReadStored(NetworkWeight weight, WeightForm? form);

    /// <summary>
    /// Whether a weight becomes BF16 while it is read: where that is its form, and where it fits no other way and need not be exact.
    /// </summary>
    /// <param name="weight">The weight.</param>
    /// <param name="form">As for <see cref="ReadStored"/>.</param>
    /// <param name="fits">Whether it fits into memory as it would be read otherwise.</param>
    private protected static bool IsReadRounded(NetworkWeight weight, WeightForm? form, bool fits) => weight.MayRound
        && (form == WeightForm.BF16 || (!fits && form is not (null or WeightForm.Exact)));

    /// <summary>The rows of <paramref name="stored"/> that are the weight's.</summary>
    private protected static Tensor Chosen(Tensor stored, WeightPlace place) => place.Rows is null ? stored : stored.SelectRows(place.Rows);

    private NetworkWeight Find(string name) => _weights.TryGetValue(name, out NetworkWeight weight) ? weight : throw new CinnabarException(
        $"Expected one of the {_weights.Count} weights of the network, found {ErrorText.Quote(name)}.", "Check the name.");
}
