using Cinnabar.Models;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Sampling;

/// <summary>A network of uniform noise that looks its logits up: logit(canvas, step, slot, token). Records what it was asked.</summary>
internal sealed class UniformTableNetwork(int vocabularySize, int canvasLength, Func<int, int, int, int, double> logit)
    : IUniformDenoiser, IUniformContext
{
    private readonly Tensor _logits = Tensor.Zeros(canvasLength, vocabularySize);
    private int _canvas = -1;
    private int _step;

    public int VocabularySize => vocabularySize;

    public int MaxLength => 100;

    public int MaskTokenId => 0;

    public int CanvasLength => canvasLength;

    public List<int[]> Appended { get; } = [];

    public List<int[]> Asked { get; } = [];

    /// <summary>Temperatures of what was kept, after each pass; null: nothing was.</summary>
    public List<double?> Conditions { get; } = [];

    public IUniformContext Open() => this;

    public void CheckText(ReadOnlySpan<int> ids)
    {
    }

    public void Append(ReadOnlySpan<int> ids)
    {
        Appended.Add(ids.ToArray());
        _canvas++;
        _step = 0;
    }

    public Tensor Logits(ReadOnlySpan<int> canvas)
    {
        Asked.Add(canvas.ToArray());
        Conditions.Add(null);
        _step++;
        for (int slot = 0; slot < canvasLength; slot++)
        {
            for (int token = 0; token < vocabularySize; token++)
            {
                _logits.Row(slot)[token] = (float)logit(_canvas, _step, slot, token);
            }
        }

        return _logits;
    }

    public void Condition(double temperature) => Conditions[^1] = temperature;

    public Tensor Logits(ReadOnlySpan<int> ids, ReadOnlySpan<int> rows) => throw new NotSupportedException();
}
