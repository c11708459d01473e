namespace Cinnabar.Training.Objectives;

/// <summary>Clean sequences that go through the network together.</summary>
/// <param name="Ids">B·L token ids, sequence after sequence.</param>
/// <param name="Batch">B.</param>
/// <param name="ValidLengths">Tokens of each sequence before its padding: [B].</param>
/// <param name="Wanted">Which tokens the network is to learn to say; the others it is shown as they are: [B·L].</param>
public sealed record SequenceBatch(int[] Ids, int Batch, int[] ValidLengths, bool[] Wanted)
{
    /// <summary>L.</summary>
    public int Length => Ids.Length / Batch;
}

/// <summary>The clean sequences of an optimiser step.</summary>
/// <param name="Batches">One for each pass.</param>
/// <param name="Counted">Tokens that the loss of the step is divided by.</param>
public sealed record SequenceDraw(IReadOnlyList<SequenceBatch> Batches, long Counted)
{
    /// <summary>What stands in for each of <see cref="Batches"/> where its pass reads left to right; default: the same sequences.</summary>
    public IReadOnlyList<SequenceBatch> LeftToRight { get; init; } = Batches;
}
