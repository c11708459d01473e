namespace Cinnabar.Evaluation.Tasks;

/// <summary>One question of a task and a right answer to it.</summary>
/// <param name="Group">What it is counted under, such as "forward" or "30 clues"; empty: the task has no groups.</param>
/// <param name="Prompt">The text before the answer, all of it: what separates them is its end.</param>
/// <param name="Reference">A right answer; where several are right, any of them.</param>
public sealed record TaskExample(string Group, string Prompt, string Reference)
{
    /// <summary>Stands for an unknown character in <see cref="Template"/>.</summary>
    public const char Unknown = '_';

    /// <summary>The text behind the answer. Default empty.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>Other right answers. Default empty.</summary>
    public IReadOnlyList<string> OtherReferences { get; init; } = [];

    /// <summary>What the file calls the example, such as the task_id of HumanEval. Default null.</summary>
    public string? Key { get; init; }

    /// <summary>
    /// Where question and answer are one text of known shape (a Sudoku): that text, <see cref="Unknown"/> for every character to be
    /// found. A network that sees both sides is shown this instead of prompt and answer. Default null.
    /// </summary>
    public string? Template { get; init; }

    /// <summary>The first of every list, then the second of every list …: where it is cut, each list has had its turn.</summary>
    public static IEnumerable<TaskExample> InTurn(IEnumerable<IEnumerable<TaskExample>> lists)
    {
        List<IEnumerator<TaskExample>> left = [.. lists.Select(list => list.GetEnumerator())];
        while (left.Count > 0)
        {
            for (int i = 0; i < left.Count;)
            {
                if (left[i].MoveNext())
                {
                    yield return left[i++].Current;
                }
                else
                {
                    left[i].Dispose();
                    left.RemoveAt(i);
                }
            }
        }
    }
}
