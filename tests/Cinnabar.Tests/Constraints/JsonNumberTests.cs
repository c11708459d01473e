using System.Globalization;
using System.Numerics;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

public sealed class JsonNumberTests
{
    // All ranges with ends in −13 … 13 and around 99 … 101, every number from −130 to 130, spelled rightly and wrongly.
    [Fact]
    public void Integer_SmallRanges_AcceptExactlyTheNumbersInThem()
    {
        int[] ends = [-101, -100, -99, .. Enumerable.Range(-13, 27), 99, 100, 101];
        foreach (int least in ends)
        {
            foreach (int most in ends.Where(most => most >= least && (most + least) % 3 == 0))
            {
                Constraint constraint = Schema($$"""{"type":"integer","minimum":{{least}},"maximum":{{most}}}""");
                for (int number = -130; number <= 130; number++)
                {
                    Assert.True(constraint.Matches($"{number}") == (number >= least && number <= most), $"{number} in [{least}, {most}]");
                }

                string[] wrong = ["-0", "00", "01", "+1", "-01", "1.0", "1e1", "", "-", "--1"];
                Assert.All(wrong, text => Assert.False(constraint.Matches(text), text));
            }
        }
    }

    [Fact]
    public void Integer_BigRanges_AcceptExactlyTheNumbersInThem()
    {
        Random random = new(5);
        for (int i = 0; i < 100; i++)
        {
            (BigInteger least, BigInteger most) = (Big(random), Big(random));
            (least, most) = least <= most ? (least, most) : (most, least);
            bool strict = random.Next(2) == 0 && most - least > 2;
            Constraint constraint = Schema(strict
                ? $$"""{"type":"integer","exclusiveMinimum":{{least}},"exclusiveMaximum":{{most}}}"""
                : $$"""{"type":"integer","minimum":{{least}},"maximum":{{most}}}""");
            for (int j = 0; j < 40; j++)
            {
                BigInteger number = (j % 4) switch
                {
                    0 => least + random.Next(-2, 3),
                    1 => most + random.Next(-2, 3),
                    2 => Big(random),
                    _ => least + ((most - least) * random.Next(1000) / 1000),
                };
                bool expected = strict ? number > least && number < most : number >= least && number <= most;
                Assert.True(constraint.Matches($"{number}") == expected, $"{number} in {constraint.Source}");
            }

            AutomatonSamples samples = new(constraint.Automaton);
            BigInteger sample = BigInteger.Parse(samples.Next(random, random.Next(30)), CultureInfo.InvariantCulture);
            Assert.True(strict ? sample > least && sample < most : sample >= least && sample <= most, $"{sample} in {constraint.Source}");
        }
    }

    [Fact]
    public void Number_DecimalRanges_AcceptExactlyTheNumbersInThem()
    {
        Random random = new(6);
        int inside = 0;
        for (int i = 0; i < 300; i++)
        {
            decimal[] ends = [Decimal(random), Decimal(random)];
            (decimal least, decimal most) = (ends.Min(), ends.Max());
            string low = least == most || random.Next(2) == 0 ? "minimum" : "exclusiveMinimum";
            string high = least == most || random.Next(2) == 0 ? "maximum" : "exclusiveMaximum";

            Constraint constraint = Schema(
                $$"""{"type":"number","{{low}}":{{Text(least)}},"{{high}}":{{Text(most)}}}""");
            AutomatonSamples samples = new(constraint.Automaton);
            for (int j = 0; j < 40; j++)
            {
                string text = (j % 4) switch
                {
                    0 => samples.Next(random, random.Next(8)),
                    1 => Text(ends[random.Next(2)] + (random.Next(-2, 3) * 0.001m)),
                    2 => Text(ends[random.Next(2)]) + (random.Next(2) == 0 ? ".0" : "0"),
                    _ => Text(Decimal(random)),
                };
                bool valid = System.Text.RegularExpressions.Regex.IsMatch(text, "^-?(0|[1-9][0-9]*)([.][0-9]+)?$");
                decimal number = valid ? decimal.Parse(text, CultureInfo.InvariantCulture) : 0;
                bool expected = valid && (low == "minimum" ? number >= least : number > least)
                    && (high == "maximum" ? number <= most : number < most);
                Assert.True(constraint.Matches(text) == expected, $"{text} in {constraint.Source}");
                inside += expected ? 1 : 0;
            }
        }

        Assert.InRange(inside, 3500, 11_000);
    }

    [Theory]
    [InlineData("""{"type":"number"}""", new[] { "0", "-0", "1.5e-7", "12E+3", "-0.0" }, new[] { "01", ".5", "1.", "+1", "1e", "NaN", "" })]
    [InlineData("""{"type":"integer"}""", new[] { "0", "-7", "123456789012345678901234567890" }, new[] { "-0", "1.0", "1e3", "007" })]
    [InlineData("""{"type":"number","minimum":0}""", new[] { "0", "-0", "-0.00", "0.001" }, new[] { "-0.001", "-1" })]
    [InlineData("""{"type":"number","exclusiveMinimum":0}""", new[] { "0.001", "1" }, new[] { "0", "-0", "0.000" })]
    [InlineData("""{"type":"number","exclusiveMaximum":-1.50}""",
        new[] { "-1.51", "-2", "-1.500001" }, new[] { "-1.5", "-1.50", "-1.49", "0", "2" })]
    [InlineData("""{"type":"number","minimum":1.5e1,"maximum":0.16e2}""", new[] { "15", "15.999", "16.0" }, new[] { "14.99", "16.01" })]
    [InlineData("""{"type":"integer","minimum":0.5,"maximum":2.5}""", new[] { "1", "2" }, new[] { "0", "3", "0.5", "-0" })]
    [InlineData("""{"type":"integer","exclusiveMaximum":-0.0}""", new[] { "-1" }, new[] { "0", "1" })]
    [InlineData("""{"type":"number","multipleOf":0.01,"minimum":0}""", new[] { "0", "1.2", "19.99" }, new[] { "0.001", "1e1", "1.234" })]
    [InlineData("""{"type":"number","multipleOf":5}""", new[] { "0", "5", "-10", "1005" }, new[] { "4", "5.0", "11" })]
    [InlineData("""{"type":"integer","multipleOf":0.01,"minimum":3}""", new[] { "3" }, new[] { "2", "3.01" })]
    [InlineData("""{"type":"number","maximum":1e308,"minimum":-1e308}""", new[] { "0", "1000000000000000000000" }, new[] { "1e5" })]
    public void Number_Keywords_Hold(string schema, string[] accepted, string[] refused)
    {
        Constraint constraint = Schema(schema);
        Assert.All(accepted, text => Assert.True(constraint.Matches(text), text));
        Assert.All(refused, text => Assert.False(constraint.Matches(text), text));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(12)]
    [InlineData(250)]
    [InlineData(997)]
    public void Integer_MultipleOf_AcceptsExactlyTheMultiples(int divisor)
    {
        Constraint constraint = Schema($$"""{"type":"integer","multipleOf":{{divisor}},"minimum":-1200}""");
        for (int number = -1300; number <= 3000; number++)
        {
            Assert.True(constraint.Matches($"{number}") == (number >= -1200 && number % divisor == 0), $"{number} by {divisor}");
        }
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0.00e7", "0")]
    [InlineData("-1.50", "-1.5")]
    [InlineData("1.50e1", "15")]
    [InlineData("12E-3", "0.012")]
    [InlineData("1e+3", "1000")]
    [InlineData("100.001", "100.001")]
    public void Spelling_Number_IsOneForEachValue(string written, string spelling) =>
        Assert.Equal(spelling, DecimalNumber.Parse(written)!.Spelling);

    private static Constraint Schema(string schema) => Constraint.FromJsonSchema(schema);

    private static string Text(decimal number) => number.ToString(CultureInfo.InvariantCulture);

    private static BigInteger Big(Random random)
    {
        BigInteger number = BigInteger.Zero;
        for (int digits = random.Next(1, 26); digits > 0; digits--)
        {
            number = (number * 10) + random.Next(10);
        }

        return random.Next(2) == 0 ? number : -number;
    }

    private static decimal Decimal(Random random) =>
        Math.Round((decimal)(random.NextDouble() - 0.5) * (decimal)Math.Pow(10, random.Next(0, 4)), random.Next(4));
}
