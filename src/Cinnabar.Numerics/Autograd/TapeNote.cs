namespace Cinnabar.Numerics.Autograd;

/// <summary>What a tape remembers of one operation: its result, and how to carry the gradient of that back to the operands.</summary>
internal abstract class TapeNote(Variable output)
{
    public Variable Output => output;

    public abstract void Backward(Tape tape);
}

/// <inheritdoc/>
/// <param name="output">Result of the operation.</param>
/// <param name="operands">What <paramref name="backward"/> needs besides the result.</param>
/// <param name="backward">Adds to the gradients of the operands.</param>
internal sealed class TapeNote<TOperands>(Variable output, TOperands operands, Action<Tape, Variable, TOperands> backward)
    : TapeNote(output)
{
    public override void Backward(Tape tape) => backward(tape, Output, operands);
}
