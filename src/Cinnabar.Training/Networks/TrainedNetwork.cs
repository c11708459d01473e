using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Training.Networks;

/// <summary>What a run trains: tensors, and a loss on the data of a step. Not thread-safe.</summary>
public abstract class TrainedNetwork
{
    /// <summary>The tensors that gradients move.</summary>
    public abstract IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Multiply-adds of forward and backward pass, for each token of a sequence.</summary>
    public abstract double FlopsPerToken { get; }

    /// <summary>Adds the gradients of a step to those of <see cref="Parameters"/>.</summary>
    /// <param name="step">From 1; decides data and noise.</param>
    /// <returns>The loss, and the tokens that went through the network.</returns>
    public abstract (double Loss, long Tokens) AddGradients(int step);

    /// <summary>Moves what gradients do not, after a step that was good.</summary>
    /// <param name="step">From 1.</param>
    public virtual void AfterUpdate(int step)
    {
    }
}

/// <summary>How well the averaged weights of a run do on held-out text.</summary>
internal interface IHeldOutMeasure
{
    /// <summary>Bits per byte; null where there is no such text, as in a corpus of few files.</summary>
    double? BitsPerByte();
}
