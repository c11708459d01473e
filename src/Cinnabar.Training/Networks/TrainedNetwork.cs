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

    /// <summary>Records the weighted cross-entropy of tokens.</summary>
    /// <param name="tape">Gets its gradient.</param>
    /// <param name="logits">[R, E].</param>
    /// <param name="targets">The tokens, R.</param>
    /// <param name="weights">Of the rows, R.</param>
    /// <param name="focalGamma">γ of the focal weight; 0: none.</param>
    /// <returns>Σ weight · loss.</returns>
    protected static double CrossEntropy(
        Tape tape, Variable logits, int[] targets, float[] weights, float focalGamma = 0)
    {
        ReadOnlySpan<float> losses = tape.CrossEntropy(logits, targets, weights, focalGamma).Floats;
        double sum = 0;
        for (int row = 0; row < weights.Length; row++)
        {
            sum += (double)weights[row] * losses[row];
        }

        return sum;
    }
}

/// <summary>How well the averaged weights of a run do on held-out text.</summary>
internal interface IHeldOutMeasure
{
    /// <summary>Whether there is such text; in a corpus of few files there may be none.</summary>
    bool HasText { get; }

    /// <summary>Bits per byte; null where there is no such text.</summary>
    double? BitsPerByte();
}
