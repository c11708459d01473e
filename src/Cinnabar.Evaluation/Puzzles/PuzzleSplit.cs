// Which generated puzzles a split may hold. Every puzzle has a key, a stable hash of what makes it this puzzle and no other
// (SudokuKey, CountdownProblem.Key), and the key alone says which split it belongs to:
//
//   key mod 16 = 0: test;   1: validation;   2 … 15: train
//
// So the splits share no puzzle, whatever the seeds and however many are drawn. Test files that others made know nothing of these
// keys: the keys of their puzzles are given as excluded, and no split that is generated beside them holds one.
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Decides whether a generated puzzle belongs to a split.</summary>
/// <param name="split">The split.</param>
/// <param name="excluded">Keys that it must not hold, those of the puzzles in test files.</param>
internal sealed class PuzzleSplit(TaskSplit split, IReadOnlySet<ulong> excluded)
{
    private const int Parts = 16;

    /// <summary>Whether the puzzle with this key may be given out.</summary>
    public bool Holds(ulong key) => Of(key) == split && !excluded.Contains(key);

    /// <summary>The one split that puzzles with this key belong to.</summary>
    public static TaskSplit Of(ulong key) => (key % Parts) switch
    {
        0 => TaskSplit.Test,
        1 => TaskSplit.Validation,
        _ => TaskSplit.Train,
    };
}
