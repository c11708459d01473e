using Cinnabar.Evaluation.Puzzles;

namespace Cinnabar.Evaluation.Tests.Puzzles;

public sealed class CountdownProblemTests
{
    [Theory]
    [InlineData("86+28=114,31-13=18,114-18=96", CountdownFault.None)]
    [InlineData("31-13=18,28-18=10,86+10=96", CountdownFault.None)]
    [InlineData("31-13=18,28-18=10,10+86=96", CountdownFault.None)]
    [InlineData("", CountdownFault.Empty)]
    [InlineData("96", CountdownFault.Form)]
    [InlineData("86+28=114,", CountdownFault.Form)]
    [InlineData(",", CountdownFault.Form)]
    [InlineData("86 + 28 = 114", CountdownFault.Form)]
    [InlineData("86+28", CountdownFault.Form)]
    [InlineData("86+28+13=127", CountdownFault.Form)]
    [InlineData("86+28=86+28", CountdownFault.Form)]
    [InlineData("86=86+0", CountdownFault.Form)]
    [InlineData("1/0=", CountdownFault.Form)]
    [InlineData("=+-*/", CountdownFault.Form)]
    [InlineData("-86+28=-58", CountdownFault.Form)]
    [InlineData("86x28=2408", CountdownFault.Form)]
    [InlineData("86+28=114\0", CountdownFault.Form)]
    [InlineData("٨٦+28=114", CountdownFault.Form)]
    [InlineData("86+99999999999999999999999999=1", CountdownFault.Form)]
    [InlineData("86+28=99999999999999999999999999", CountdownFault.Form)]
    [InlineData("999999999999999999*999999999999999999=1", CountdownFault.Unavailable)]
    [InlineData("86+29=115", CountdownFault.Unavailable)]
    [InlineData("86+86=172", CountdownFault.Unavailable)]
    [InlineData("86+28=114,86-31=55", CountdownFault.Unavailable)]
    [InlineData("1/0=0", CountdownFault.Unavailable)]
    [InlineData("86/28=3", CountdownFault.Inexact)]
    [InlineData("13-31=18", CountdownFault.Negative)]
    [InlineData("13-31=-18", CountdownFault.Negative)]
    [InlineData("86+28=115", CountdownFault.Arithmetic)]
    [InlineData("86+28=-114", CountdownFault.Arithmetic)]
    [InlineData("86*28=2407", CountdownFault.Arithmetic)]
    [InlineData("86+28=114,31-13=18", CountdownFault.Unfinished)]
    [InlineData("86+28=114,31-13=18,114+18=132", CountdownFault.WrongTarget)]
    [InlineData("86+28=114,31-13=18,114-18=96,96+0=96", CountdownFault.Unavailable)]
    public void Check_KnownAnswer_NamesTheFirstFault(string answer, CountdownFault expected) =>
        Assert.Equal(expected, CountdownProblem.Parse("86,28,13,31,96").Check(answer));

    [Theory]
    [InlineData("5,5,5,5", "5-5=0,5/0=0", CountdownFault.Inexact)]
    [InlineData("5,5,5,5", "5-5=0,0/5=0", CountdownFault.WrongTarget)]
    [InlineData("5,5,5,5", "5-5=0,5-0=5", CountdownFault.None)]
    [InlineData("5,5,5,5", "5*5=25,25/5=5", CountdownFault.None)]
    [InlineData("5,5,5,0", "5-5=0,0/5=0", CountdownFault.None)]
    [InlineData("5,5,5,0", "5-5=0,0*5=0", CountdownFault.None)]
    public void Check_ZeroAndEqualNumbers_FollowTheRules(string problem, string answer, CountdownFault expected) =>
        Assert.Equal(expected, CountdownProblem.Parse(problem).Check(answer));

    [Fact]
    public void Numbers_AnyOrder_AreAscending()
    {
        CountdownProblem problem = CountdownProblem.Parse("86,28,13,31,96");
        Assert.Equal([13, 28, 31, 86], problem.Numbers.ToArray());
        Assert.Equal("13,28,31,86,96", problem.ToString());
        Assert.Equal(CountdownProblem.Parse("13,31,86,28,96").Key, problem.Key);
    }

    [Fact]
    public void Check_EndlessAnswer_EndsAtItsFirstFault()
    {
        CountdownProblem problem = CountdownProblem.Parse("86,28,13,31,96");
        Assert.Equal(CountdownFault.Unavailable, problem.Check("86+28=114," + string.Concat(Enumerable.Repeat("0+0=0,", 100_000))));
        Assert.Equal(CountdownFault.Form, problem.Check(new string('9', 1_000_000)));
    }

    [Theory]
    [InlineData("", "place 1")]
    [InlineData("1,2,3", "3 to 5 numbers and a target, found 2 numbers")]
    [InlineData("1,2,3,4,5,6,7", "at most 5 numbers and a target, found more")]
    [InlineData("1,2,x,4", "place 3")]
    [InlineData("1,2,,4", "place 3")]
    [InlineData("1,2,-3,4", "place 3")]
    [InlineData("1, 2,3,4", "place 2")]
    [InlineData("1,2,3\0,4", "place 3")]
    [InlineData("1,2,99999999999,4", "place 3")]
    [InlineData("1,2,0,4", "numbers 1 to 999, found 0")]
    [InlineData("1,2,1000,4", "numbers 1 to 999, found 1000")]
    [InlineData("1,2,3,1000", "target 0 to 999, found 1000")]
    public void Parse_WrongText_SaysWhat(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<CinnabarException>(() => CountdownProblem.Parse(text)).Message);

    [Fact]
    public void Constructor_WrongNumbers_Throws()
    {
        Assert.Throws<CinnabarException>(() => new CountdownProblem([1, 2], 3));
        Assert.Throws<CinnabarException>(() => new CountdownProblem([1, 2, -3], 3));
        Assert.Throws<CinnabarException>(() => new CountdownProblem([1, 2, 3], -1));
        Assert.Equal("1,2,3,0", new CountdownProblem([1, 2, 3], 0).ToString());
    }

    [Fact]
    public void Key_OrderOfNumbers_DoesNotCount()
    {
        ulong key = CountdownProblem.Parse("86,28,13,31,96").Key;
        Assert.Equal(key, CountdownProblem.Parse("13,28,31,86,96").Key);
        Assert.NotEqual(key, CountdownProblem.Parse("86,28,13,31,95").Key);
        Assert.NotEqual(key, CountdownProblem.Parse("86,28,13,32,96").Key);
        Assert.NotEqual(key, CountdownProblem.Parse("96,28,13,31,86").Key);
        Assert.NotEqual(CountdownProblem.Parse("1,1,1,2,5").Key, CountdownProblem.Parse("1,2,2,2,5").Key);

        // Splits of published models depend on this number: never change it.
        Assert.Equal(4877702241186615292UL, key);
    }

    [Theory]
    [InlineData("7*8=56", true)]
    [InlineData("7*8=54", false)]
    [InlineData("8/4=2", true)]
    [InlineData("9/4=2", false)]
    [InlineData("0/0=0", false)]
    [InlineData("3-4=-1", false)]
    [InlineData("999999999999999999*999999999999999999=1", false)]
    [InlineData("999999999999999999+1=0", false)]
    public void IsRight_KnownStep_IsArithmetic(string text, bool right)
    {
        Assert.True(CountdownStep.TryParse(text, out CountdownStep step));
        Assert.Equal(text, step.ToString());
        Assert.Equal(right, step.IsRight);
        Assert.False(default(CountdownStep).IsRight);
    }
}
