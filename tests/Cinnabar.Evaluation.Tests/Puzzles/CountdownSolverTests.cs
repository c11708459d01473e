using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class CountdownSolverTests
{
    /// <summary>Counts and best solutions from an independent brute-force search.</summary>
    [Theory]
    [InlineData("86,28,13,31,96", 18, "31-28=3,13-3=10,86+10=96")]
    [InlineData("15,44,79,50", 3, "44-15=29,79-29=50")]
    [InlineData("50,36,82,44,31,51", 4, "44-36=8,82*31=2542,2542+8=2550,2550/50=51")]
    [InlineData("20,21,32,32,41", 33, "32-21=11,20-11=9,32+9=41")]
    [InlineData("5,5,5,5", 6, "5-5=0,5+0=5")]
    [InlineData("12,7,5,3,10", 10, "5-3=2,12-7=5,5*2=10")]
    [InlineData("1,2,3,99", 0, null)]
    [InlineData("3,3,8,8,24", 0, null)] // 8 / (3 − 8/3) needs a fraction.
    public void Best_KnownProblem_HasSmallestLargestIntermediate(string text, int count, string? best)
    {
        CountdownSolver solver = new();
        CountdownProblem problem = CountdownProblem.Parse(text);
        IReadOnlyList<CountdownSolution> all = solver.All(problem);
        Assert.Equal(best, solver.Best(problem)?.ToString());
        Assert.Equal(count, all.Count);
        Assert.Equal(best, all.Count > 0 ? all[0].ToString() : null);
        Assert.Equal(all.Count, all.Select(solution => solution.ToString()).Distinct().Count());
        Assert.All(all, solution => Assert.Equal(CountdownFault.None, problem.Check(solution.ToString())));
        Assert.All(all, solution => Assert.True(solution.LargestIntermediate >= all[0].LargestIntermediate));
    }

    [Fact]
    public void Best_OrderOfNumbers_DoesNotMatter()
    {
        CountdownSolver solver = new();
        DeterministicRandom random = new(2);
        for (int i = 0; i < 100; i++)
        {
            int[] numbers = [.. Enumerable.Range(0, 4).Select(_ => 1 + random.NextInt(12))];
            int target = 10 + random.NextInt(30);
            string? best = solver.Best(new CountdownProblem(numbers, target))?.ToString();
            Array.Reverse(numbers);
            Assert.Equal(best, solver.Best(new CountdownProblem(numbers, target))?.ToString());
        }
    }

    [Fact]
    public void Best_LargestNumbers_DoesNotOverflow()
    {
        CountdownProblem problem = new([999, 999, 999, 999, 999], 999);
        IReadOnlyList<CountdownSolution> all = new CountdownSolver().All(problem); // Visits 999⁴ and everything below it.
        Assert.NotEmpty(all);
        Assert.All(all, solution => Assert.Equal(CountdownFault.None, problem.Check(solution.ToString())));
        Assert.Null(new CountdownSolver().Best(new CountdownProblem([1, 1, 1, 1, 1], 7))); // (1 + 1) · (1 + 1 + 1) is the most.
    }

    [Theory]
    [InlineData(3, 400)]
    [InlineData(4, 200)]
    [InlineData(5, 50)]
    public void Next_EveryCount_IsInRangeAndSolved(int numbers, int count)
    {
        CountdownGenerator generator = new(numbers, new DeterministicRandom(1));
        CountdownGenerator same = new(numbers, new DeterministicRandom(1));
        for (int i = 0; i < count; i++)
        {
            (CountdownProblem problem, CountdownSolution solution) = generator.Next();
            Assert.Equal(numbers, problem.Numbers.Length);
            Assert.InRange(problem.Target, 10, 99);
            Assert.All(problem.Numbers.ToArray(), number => Assert.InRange(number, 1, 99));
            Assert.Equal(CountdownFault.None, problem.Check(solution.ToString()));
            Assert.Equal(solution.ToString(), same.Next().Solution.ToString());
        }
    }

    [Fact]
    public void Next_FilterThatLetsNothingPass_EndsWithMessage()
    {
        CountdownGenerator generator = new(3, new DeterministicRandom(1));
        Assert.Contains("found none in", Assert.Throws<CinnabarException>(() => generator.Next(_ => false)).Message);
        Assert.Throws<CinnabarException>(() => new CountdownGenerator(2, new DeterministicRandom(1)));
        Assert.Throws<CinnabarException>(() => new CountdownGenerator(6, new DeterministicRandom(1)));
    }
}
