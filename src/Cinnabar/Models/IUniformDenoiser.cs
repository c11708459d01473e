using Cinnabar.Numerics;

namespace Cinnabar.Models;

/// <summary>
/// A network whose noise is random tokens: it reads known text once, then denoises one canvas after another behind it.
/// </summary>
public interface IUniformDenoiser : IDenoiser
{
    /// <inheritdoc/>
    NoiseKind IDenoiser.Noise => NoiseKind.Uniform;

    /// <summary>N: tokens of a canvas.</summary>
    int CanvasLength { get; }

    /// <summary>Starts a text with nothing known.</summary>
    IUniformContext Open();

    /// <summary>Checks that the network can read known text.</summary>
    /// <exception cref="CinnabarException">An id is not in the vocabulary, or stands for something else than text.</exception>
    void CheckText(ReadOnlySpan<int> ids);
}

/// <summary>
/// What a network of uniform noise keeps of one text: keys and values of what is known, and its last prediction of the canvas. Several may
/// be used in turn, not at once.
/// </summary>
public interface IUniformContext
{
    /// <summary>Reads known text, which stands behind what was read before; a new canvas begins.</summary>
    /// <param name="ids">Any number.</param>
    void Append(ReadOnlySpan<int> ids);

    /// <summary>One pass over the canvas behind the known text, with the prediction that <see cref="Condition"/> kept.</summary>
    /// <param name="canvas">1 … N token ids, as many as in the pass before on this canvas.</param>
    /// <returns>F32 [canvas.Length, V], same-position. Valid until the next call to any context of the network.</returns>
    Tensor Logits(ReadOnlySpan<int> canvas);

    /// <summary>
    /// Keeps softmax(logits / temperature) of the pass just made for the next pass on the canvas; the logits are lost.
    /// </summary>
    /// <param name="temperature">Greater than 0.</param>
    void Condition(double temperature);
}
