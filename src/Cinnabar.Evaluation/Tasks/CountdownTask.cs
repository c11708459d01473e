// Countdown as a task: "countdown3", "countdown4", "countdown5", by the count of numbers.
//
//   prompt      13,28,31,86,96 and a line break: the numbers in ascending order, then the target
//   reference   86+28=114,31-13=18,114-18=96
//
// Test examples are read where a folder is given: cdK_test.jsonl (group "cdK"; the reference is the file's), and for K = 3 d1's file
// (group "d1"; it has targets only, so the reference is the solver's). Train and validation ones are always made. Which split a made
// problem belongs to follows from a hash of its numbers and its target. The published sets ask for targets that their training
// problems do not have (nine of them for each count): problems with a target of cdK_test.jsonl, and those of d1's file, are excluded
// from train and validation, so give the folder there too.
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>Reach a target from 3, 4 or 5 numbers.</summary>
/// <param name="count">How many numbers.</param>
/// <exception cref="CinnabarException">The count is outside.</exception>
public sealed class CountdownTask(int count) : EvaluationTask
{
    private const string Origin = "DreamLM/Dream, eval/data";
    private const string OtherOrigin = "dllm-reasoning/d1, dataset";
    private const string OtherGroup = "d1";
    private readonly int _count = CountdownProblem.CheckCount(count);

    /// <inheritdoc/>
    public override string Name => $"countdown{_count}";

    /// <inheritdoc/>
    public override string Description =>
        $"Reach a target from {_count} numbers, all used once, by + - * /: right is every answer whose steps are right and end there.";

    /// <summary>Numbers have at most 3 digits, their product of two 5, of three 7, of four 9.</summary>
    public override int MaxAnswerCharacters => _count switch
    {
        3 => "100*100=10000,10000/100=100".Length,
        4 => "100*100=10000,10000*100=1000000,1000000-1000000=0".Length,
        _ => "100*100=10000,10000*100=1000000,1000000*100=100000000,100000000/1000000=100".Length,
    };

    /// <inheritdoc/>
    public override bool IsGenerated => true;

    /// <summary>
    /// Each number more takes two tokens in the question and six in the answer, where a number is a token; two to spare.
    /// </summary>
    public override int AnswerTokens(int promptTokens, int suffixTokens, int most) => Math.Min(most, (3 * promptTokens) - 10);

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TaskMeasure.Share("solved", answers.Select(IsSolved)),
        TaskMeasure.Share("arithmetic", answers.Select(answer => IsArithmetic(answer.Text.Trim()))),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        if (source.Split == TaskSplit.Test && source.Folder is string folder)
        {
            return TaskExample.InTurn(Files(source, folder).Select(file => file.Select(line => line.Example))).Take(source.Count);
        }

        return Generate(source).Take(source.Count);
    }

    private static bool IsSolved(TaskAnswer answer) =>
        CountdownProblem.Parse(answer.Example.Prompt.TrimEnd()).Check(answer.Text.Trim()) == CountdownFault.None;

    private static bool IsArithmetic(string answer)
    {
        foreach (Range range in answer.AsSpan().Split(','))
        {
            if (!CountdownStep.TryParse(answer.AsSpan(range), out CountdownStep step) || !step.IsRight)
            {
                return false;
            }
        }

        return true;
    }

    private IEnumerable<TaskExample> Generate(TaskSource source)
    {
        (TaskExample Example, CountdownProblem Problem)[] held = source.Folder is string folder
            ? [.. Files(source, folder).SelectMany(file => file)]
            : [];
        PuzzleSplit split = new(source.Split, held.Select(line => line.Problem.Key).ToHashSet());
        HashSet<int> targets = [.. held.Where(line => line.Example.Group != OtherGroup).Select(line => line.Problem.Target)];
        CountdownGenerator generator = new(_count, new DeterministicRandom(source.Seed));
        while (true)
        {
            (CountdownProblem problem, CountdownSolution solution) =
                generator.Next(drawn => split.Holds(drawn.Key) && !targets.Contains(drawn.Target));
            yield return Example("", problem, solution.ToString());
        }
    }

    /// <summary>The files of the folder, each read line by line.</summary>
    private IReadOnlyList<IEnumerable<(TaskExample Example, CountdownProblem Problem)>> Files(TaskSource source, string folder)
    {
        string whole = $"cd{_count}_test.jsonl";
        string name = PuzzleLine.FirstPresent(folder, whole, $"cd{_count}_test_half_a.jsonl") ?? whole;
        List<IEnumerable<(TaskExample, CountdownProblem)>> files = [PuzzleLine.OfJson(source, name, Origin).Select(Read)];
        if (_count == 3
            && PuzzleLine.FirstPresent(folder, "d1_countdown_cd3_test.jsonl", "d1_countdown_cd3_test_half_a.jsonl") is string other)
        {
            CountdownSolver solver = new();
            files.Add(PuzzleLine.OfJson(source, other, OtherOrigin).Select(line => ReadTargetOnly(line, solver)));
        }

        return files;
    }

    private (TaskExample Example, CountdownProblem Problem) Read(PuzzleLine line)
    {
        CountdownProblem problem = Problem(line, line.Input);
        CountdownFault fault = problem.Check(line.Output);
        return fault == CountdownFault.None
            ? (Example($"cd{_count}", problem, line.Output), problem)
            : throw line.Fault($"expected a right answer as \"output\", found one that is wrong ({fault})");
    }

    private (TaskExample Example, CountdownProblem Problem) ReadTargetOnly(PuzzleLine line, CountdownSolver solver)
    {
        CountdownProblem problem = Problem(line, $"{line.Input},{line.Output}");
        return solver.Best(problem) is CountdownSolution solution
            ? (Example(OtherGroup, problem, solution.ToString()), problem)
            : throw line.Fault("expected a problem with a solution, found none");
    }

    private CountdownProblem Problem(PuzzleLine line, string text)
    {
        CountdownProblem problem = CountdownProblem.Parse(text, out string found) ?? throw line.Fault(found);
        return problem.Numbers.Length == _count
            ? problem
            : throw line.Fault($"expected {_count} numbers and a target, found {problem.Numbers.Length} numbers");
    }

    private static TaskExample Example(string group, CountdownProblem problem, string solution) =>
        new(group, $"{problem}\n", solution);
}
