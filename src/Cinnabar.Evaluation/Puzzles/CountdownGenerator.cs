// Draws Countdown problems that have a solution, all equally likely: numbers uniform in 1 … 99 and target uniform in 10 … 99, drawn
// again until there is a solution (about 1 draw in 30 with 3 numbers, 1 in 8 with 4, 1 in 2 with 5). These are the ranges of the published
// test files cd3, cd4 and cd5, except that each of those files holds nine targets only, as if a tenth of the targets had been kept out
// of training. Here a split keeps out problems, not targets, so a result on those files need not compare with a published one.
//
// Of a problem's solutions the one with the smallest largest intermediate result is given (see CountdownSolver for the reason).
//
// Measured in CPU time of one core (AMD EPYC, beside other work): 168,000 problems with 3 numbers a second, 51,000 with 4, 11,000
// with 5; where only a sixteenth may pass, 22,000 with 3 numbers.
using Cinnabar.Diffusion;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Makes problems with a given count of numbers; not thread-safe.</summary>
public sealed class CountdownGenerator
{
    private const int LargestNumber = 99;
    private const int SmallestTarget = 10;
    private const int LargestTarget = 99;
    private const int MostDraws = 1_000_000; // A filter that lets a sixteenth pass needs about 500 draws with 3 numbers.
    private readonly CountdownSolver _solver = new();
    private readonly DeterministicRandom _random;
    private readonly int _count;

    /// <summary>Makes a generator.</summary>
    /// <param name="count">Numbers of a problem, 3 to 5.</param>
    /// <param name="random">Decides everything.</param>
    /// <exception cref="CinnabarException">The count is outside.</exception>
    public CountdownGenerator(int count, DeterministicRandom random)
    {
        _count = CountdownProblem.CheckCount(count);
        _random = random;
    }

    /// <summary>The next problem that has a solution and that <paramref name="accepts"/> lets pass, and its best solution.</summary>
    /// <param name="accepts">By default every problem passes.</param>
    /// <exception cref="CinnabarException">The filter let none of a million draws with a solution pass.</exception>
    public (CountdownProblem Problem, CountdownSolution Solution) Next(Func<CountdownProblem, bool>? accepts = null)
    {
        Span<int> numbers = stackalloc int[_count];
        for (int draw = 0; draw < MostDraws; draw++)
        {
            foreach (ref int number in numbers)
            {
                number = 1 + _random.NextInt(LargestNumber);
            }

            CountdownProblem problem = new(numbers, SmallestTarget + _random.NextInt(LargestTarget - SmallestTarget + 1));
            if (accepts?.Invoke(problem) != false && _solver.Best(problem) is CountdownSolution solution)
            {
                return (problem, solution);
            }
        }

        throw new CinnabarException(
            $"Expected Countdown problems with {_count} numbers that are not excluded, found none in {MostDraws} draws.",
            "Leave problems to draw: the files in the folder must not hold nearly all of them.");
    }
}
