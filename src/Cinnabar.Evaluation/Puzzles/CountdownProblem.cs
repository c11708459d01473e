// Countdown: reach a target from given numbers, as in the television game, but with all of them.
//
//   problem   86,28,13,31,96                       the last number is the target
//   answer    86+28=114,31-13=18,114-18=96         a step for each pair that is joined
//
// A step takes two numbers that are there, given ones or results, and puts its result in their place. Results are whole and not
// negative, divisions leave no rest. After all steps one number is left, the target: so K numbers take K − 1 steps, in any order
// that works. This is the form of the test files of arXiv 2410.14157 (Countdown 3, 4 and 5). The order of the given numbers says
// nothing, so they are put in ascending order: a network need not learn that it says nothing.
using System.Globalization;

namespace Cinnabar.Evaluation.Puzzles;

/// <summary>Why an answer to a <see cref="CountdownProblem"/> is wrong: the first fault of its first faulty step.</summary>
public enum CountdownFault
{
    /// <summary>It is right.</summary>
    None,

    /// <summary>There is no answer.</summary>
    Empty,

    /// <summary>A step is not of the form 86+28=114, or a number has more than 18 digits.</summary>
    Form,

    /// <summary>A step uses a number that is not there, or no longer.</summary>
    Unavailable,

    /// <summary>A division leaves a rest, or divides by zero.</summary>
    Inexact,

    /// <summary>A difference is negative.</summary>
    Negative,

    /// <summary>A result is miscalculated.</summary>
    Arithmetic,

    /// <summary>Numbers are left over.</summary>
    Unfinished,

    /// <summary>What comes out is not the target.</summary>
    WrongTarget,
}

/// <summary>The numbers of a Countdown problem and its target; it never changes.</summary>
public sealed class CountdownProblem
{
    /// <summary>Fewest numbers.</summary>
    public const int MinNumbers = 3;

    /// <summary>Most numbers.</summary>
    public const int MaxNumbers = 5;

    /// <summary>Largest number and target; 999⁵ fits 64 bits.</summary>
    public const int Largest = 999;

    private readonly int[] _numbers;

    /// <summary>Makes a problem.</summary>
    /// <param name="numbers">3 to 5 numbers, each 1 … 999.</param>
    /// <param name="target">0 … 999.</param>
    /// <exception cref="CinnabarException">A number or their count is outside these.</exception>
    public CountdownProblem(ReadOnlySpan<int> numbers, int target)
        : this(numbers, target, FindProblem(numbers, target))
    {
    }

    private CountdownProblem(ReadOnlySpan<int> numbers, int target, string? problem)
    {
        _numbers = problem is null ? numbers.ToArray() : throw Fault(problem);
        Array.Sort(_numbers);
        Target = target;
    }

    /// <summary>What is given, in ascending order whatever order it was given in.</summary>
    public ReadOnlySpan<int> Numbers => _numbers;

    /// <summary>What is to come out.</summary>
    public int Target { get; }

    /// <summary>A stable hash of the target and the numbers.</summary>
    public ulong Key
    {
        get
        {
            ulong key = (ulong)Target;
            foreach (int number in _numbers)
            {
                key = StableHash.Then(key, (ulong)number);
            }

            return key;
        }
    }

    /// <summary>Reads "86,28,13,31,96": numbers and target with commas between them.</summary>
    /// <exception cref="CinnabarException">The text has another form, or a number is out of range.</exception>
    public static CountdownProblem Parse(string text) => Parse(text, out string problem) ?? throw Fault(problem);

    /// <summary>What is wrong with an answer of the form 86+28=114,31-13=18,114-18=96.</summary>
    public CountdownFault Check(string answer)
    {
        if (answer.Length == 0)
        {
            return CountdownFault.Empty;
        }

        List<long> there = [.. _numbers];
        foreach (Range range in answer.AsSpan().Split(','))
        {
            CountdownFault fault = CountdownStep.TryParse(answer.AsSpan(range), out CountdownStep step)
                ? Take(step, there)
                : CountdownFault.Form;
            if (fault != CountdownFault.None)
            {
                return fault;
            }
        }

        return there.Count > 1 ? CountdownFault.Unfinished
            : there[0] != Target ? CountdownFault.WrongTarget
            : CountdownFault.None;
    }

    /// <summary>The numbers in ascending order and the target, with commas between them.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{string.Join(',', _numbers)},{Target}");

    private static CountdownFault Take(CountdownStep step, List<long> there)
    {
        if (!there.Remove(step.Left) || !there.Remove(step.Right))
        {
            return CountdownFault.Unavailable;
        }

        there.Add(step.Result);
        return step.IsInexact ? CountdownFault.Inexact
            : step.Operator == '-' && step.Left < step.Right ? CountdownFault.Negative
            : step.IsRight ? CountdownFault.None
            : CountdownFault.Arithmetic;
    }

    /// <summary>The count itself.</summary>
    /// <exception cref="CinnabarException">Problems do not have so many numbers.</exception>
    internal static int CheckCount(int count) => count is >= MinNumbers and <= MaxNumbers ? count : throw new CinnabarException(
        $"Expected Countdown with {MinNumbers} to {MaxNumbers} numbers, found {count}.", "Choose one of these.");

    /// <summary>Reads a problem, or says what was expected and found.</summary>
    internal static CountdownProblem? Parse(string text, out string problem)
    {
        Span<int> numbers = stackalloc int[MaxNumbers + 1];
        int count = 0;
        foreach (Range range in text.AsSpan().Split(','))
        {
            ReadOnlySpan<char> number = text.AsSpan(range);
            if (count == numbers.Length)
            {
                problem = $"expected at most {MaxNumbers} numbers and a target, found more";
                return null;
            }

            if (number.ContainsAnyExceptInRange('0', '9')
                || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out numbers[count]))
            {
                problem = $"expected a number of digits in place {count + 1}, found something else";
                return null;
            }

            count++;
        }

        ReadOnlySpan<int> given = numbers[..(count - 1)];
        int target = numbers[count - 1];
        problem = FindProblem(given, target) ?? "";
        return problem.Length == 0 ? new CountdownProblem(given, target, null) : null;
    }

    private static string? FindProblem(ReadOnlySpan<int> numbers, int target)
    {
        if (numbers.Length is < MinNumbers or > MaxNumbers)
        {
            return $"expected {MinNumbers} to {MaxNumbers} numbers and a target, found {numbers.Length} numbers before the last";
        }

        foreach (int number in numbers)
        {
            if (number is < 1 or > Largest)
            {
                return $"expected numbers 1 to {Largest}, found {number}";
            }
        }

        return target is < 0 or > Largest ? $"expected a target 0 to {Largest}, found {target}" : null;
    }

    private static CinnabarException Fault(string problem) =>
        new($"A Countdown problem: {problem}.", "Write it as 86,28,13,31,96: the numbers, then the target.");
}
