// Elementwise sum, the residual connection: y = a + b. Backward: da += dY, db += dY.
namespace Cinnabar.Numerics.Kernels;

/// <summary>Elementwise sum.</summary>
public interface IAdd
{
    /// <summary>y = a + b; y may be a or b.</summary>
    void Forward(Tensor a, Tensor b, Tensor y);

    /// <summary>d += dY.</summary>
    void Backward(Tensor dY, Tensor d);
}
