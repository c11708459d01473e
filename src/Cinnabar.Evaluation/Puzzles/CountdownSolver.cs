// Solves Countdown by trying everything: join two of the numbers that are there by each operator, put the result in their place,
// go on with one number less; with two numbers left the last step must give the target. Of a + b and a × b only the order with the
// larger number first is tried (as a − b and a ÷ b need it), so every answer is found once but for the order of operands.
//
// Best is the solution whose largest intermediate result (all results but the last, the target) is smallest, since a network
// learns sums of small numbers sooner; any right one counts when answers are scored. Branches above the best bound so far are
// cut. Ties go to the solution with the smaller first step, then the second …: by left number, then right, then + − × ÷.
namespace Cinnabar.Evaluation.Puzzles;

/// <summary>A right answer to a <see cref="CountdownProblem"/>.</summary>
/// <param name="steps">One step fewer than the problem has numbers.</param>
public sealed class CountdownSolution(IReadOnlyList<CountdownStep> steps)
{
    /// <summary>In the order of the answer.</summary>
    public IReadOnlyList<CountdownStep> Steps { get; } = steps;

    /// <summary>The largest result but the last.</summary>
    public long LargestIntermediate => Steps.SkipLast(1).Max(step => step.Result);

    /// <summary>The answer: the steps with commas between them.</summary>
    public override string ToString() => string.Join(',', Steps);
}

/// <summary>Solves problems; keeps its working memory, so use one for each thread.</summary>
public sealed class CountdownSolver
{
    private const string Operators = "+-*/";
    private readonly long[][] _levels = [.. Enumerable.Range(0, CountdownProblem.MaxNumbers + 1).Select(count => new long[count])];
    private readonly CountdownStep[] _path = new CountdownStep[CountdownProblem.MaxNumbers - 1];
    private readonly CountdownStep[] _best = new CountdownStep[CountdownProblem.MaxNumbers - 1];
    private Dictionary<string, CountdownSolution>? _all; // By text, since equal numbers lead to one answer twice; null: only the best
    private long _bound; // Largest intermediate result of the best solution so far
    private bool _found;
    private int _steps;
    private int _target;

    /// <summary>The solution with the smallest largest intermediate result, always the same one; null if there is none.</summary>
    public CountdownSolution? Best(CountdownProblem problem)
    {
        Start(problem);
        return _found ? new CountdownSolution(_best[.._steps]) : null;
    }

    /// <summary>All solutions, <see cref="Best"/> first and the others in its order; empty if there is none.</summary>
    public IReadOnlyList<CountdownSolution> All(CountdownProblem problem)
    {
        _all = [];
        Start(problem);
        CountdownSolution[] solutions = [.. _all.Values];
        _all = null;
        Array.Sort(solutions, static (a, b) =>
        {
            int order = a.LargestIntermediate.CompareTo(b.LargestIntermediate);
            return order != 0 ? order : Compare([.. a.Steps], [.. b.Steps]);
        });
        return solutions;
    }

    private void Start(CountdownProblem problem)
    {
        int count = problem.Numbers.Length;
        for (int i = 0; i < count; i++)
        {
            _levels[count][i] = problem.Numbers[i];
        }

        (_steps, _target, _bound, _found) = (count - 1, problem.Target, long.MaxValue, false);
        Search(count, 0);
    }

    /// <summary>Joins two of the <paramref name="count"/> numbers that are there.</summary>
    /// <param name="count">Numbers left.</param>
    /// <param name="largest">Largest intermediate result so far.</param>
    private void Search(int count, long largest)
    {
        long[] there = _levels[count];
        long[] next = _levels[count - 1];
        for (int i = 0; i < count - 1; i++)
        {
            for (int j = i + 1; j < count; j++)
            {
                (long left, long right) = there[i] >= there[j] ? (there[i], there[j]) : (there[j], there[i]);
                int kept = 0;
                for (int k = 0; k < count; k++)
                {
                    if (k != i && k != j)
                    {
                        next[kept++] = there[k];
                    }
                }

                Join(count, largest, left, '+', right, left + right);
                Join(count, largest, left, '-', right, left - right);
                Join(count, largest, left, '*', right, left * right);
                if (right != 0 && left % right == 0)
                {
                    Join(count, largest, left, '/', right, left / right);
                }
            }
        }
    }

    private void Join(int count, long largest, long left, char sign, long right, long result)
    {
        if (count == 2)
        {
            if (result == _target)
            {
                _path[_steps - 1] = new CountdownStep(left, sign, right, result);
                Keep(largest);
            }

            return;
        }

        largest = Math.Max(largest, result);
        if (largest > _bound && _all is null)
        {
            return;
        }

        _path[_steps + 1 - count] = new CountdownStep(left, sign, right, result);
        _levels[count - 1][count - 2] = result;
        Search(count - 1, largest);
    }

    private void Keep(long largest)
    {
        ReadOnlySpan<CountdownStep> path = _path.AsSpan(0, _steps);
        if (_all is not null)
        {
            CountdownSolution solution = new(path.ToArray());
            _all.TryAdd(solution.ToString(), solution);
            return;
        }

        if (!_found || largest < _bound || (largest == _bound && Compare(path, _best.AsSpan(0, _steps)) < 0))
        {
            path.CopyTo(_best);
            (_bound, _found) = (largest, true);
        }
    }

    private static int Compare(ReadOnlySpan<CountdownStep> a, ReadOnlySpan<CountdownStep> b)
    {
        for (int i = 0; i < a.Length; i++)
        {
            int order = a[i].Left.CompareTo(b[i].Left);
            order = order != 0 ? order : a[i].Right.CompareTo(b[i].Right);
            order = order != 0 ? order : Operators.IndexOf(a[i].Operator).CompareTo(Operators.IndexOf(b[i].Operator));
            if (order != 0)
            {
                return order;
            }
        }

        return 0;
    }
}
