namespace Cinnabar.Numerics;

/// <summary>What a loop of a <see cref="WorkerPool"/> does: a struct of its operands, so that starting a loop allocates nothing.</summary>
public interface ILoopBody
{
    /// <summary>Does items <paramref name="from"/> … <paramref name="to"/> − 1, on whichever thread took them.</summary>
    void Run(int from, int to);
}
