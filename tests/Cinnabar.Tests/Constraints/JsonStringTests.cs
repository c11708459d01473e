using System.Globalization;
using System.Text;
using System.Text.Json;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

public sealed class JsonStringTests
{
    // Every text of the automaton parses; texts near them are accepted exactly if they parse.
    [Fact]
    public void String_TextsOfTheAutomatonAndNearThem_AreAcceptedExactlyIfTheyParse()
    {
        Constraint constraint = Constraint.FromJsonSchema("""{"type":"string"}""");
        AutomatonSamples samples = new(constraint.Automaton);
        Random random = new(8);
        const string Alphabet = "\"\\ubnfrt/dD8cC09aé\n\u001f\u007f ";
        int parsed = 0;
        for (int i = 0; i < 20_000; i++)
        {
            string text = samples.Next(random, random.Next(30));
            if (i % 5 > 0)
            {
                int at = random.Next(1, text.Length);
                text = text[..at] + Alphabet[random.Next(Alphabet.Length)] + text[(at + random.Next(2))..];
            }

            if (text.Any(char.IsSurrogate) && !IsWellFormed(text))
            {
                continue;
            }

            bool expected = Parses(text);
            Assert.True(constraint.Matches(text) == expected, text);
            parsed += expected ? 1 : 0;
        }

        Assert.InRange(parsed, 8000, 18_000);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(2, 2)]
    [InlineData(1, 200)]
    public void String_Lengths_CountCodePointsOfTheValue(int least, int most)
    {
        Constraint constraint = Constraint.FromJsonSchema($$"""{"type":"string","minLength":{{least}},"maxLength":{{most}}}""");
        Assert.InRange(constraint.Automaton.StateCount, most, (20 * most) + 10);
        string[] forms = ["a", "é", "😀", "\\n", "\\u00e9", "\\uD83D\\uDE00", "\\\\", "\\/"];
        Random random = new(9);
        for (int length = 0; length <= most + 2; length++)
        {
            string text = $"\"{string.Concat(Enumerable.Range(0, length).Select(_ => forms[random.Next(forms.Length)]))}\"";
            Assert.Equal(length, JsonSerializer.Deserialize<string>(text)!.EnumerateRunes().Count());
            Assert.True(constraint.Matches(text) == (length >= least && length <= most), text);
        }
    }

    [Theory]
    [InlineData("""{"pattern":"^[^a]{2}$"}""",
        new[] { "\"bé\"", "\"\\\"\\\\\"", "\"\\u0000\\u001F\"", "\"\\n\\t\"" }, new[] { "\"ab\"", "\"\"\"\"", "\"\\u0062b\"" })]
    [InlineData("""{"pattern":"\"\\\\x"}""", new[] { "\"\\\"\\\\x\"" }, new[] { "\"\"\\x\"" })]
    [InlineData("""{"pattern":"[a-z]+","minLength":2,"maxLength":3}""",
        new[] { "\"ab\"", "\"abc\"" }, new[] { "\"a\"", "\"abcd\"", "\"AB\"" })]
    [InlineData("""{"pattern":".*0.*","format":"date"}""", new[] { "\"2024-02-29\"" }, new[] { "\"2111-11-11\"" })]
    public void Pattern_AppliesToTheValue(string schema, string[] accepted, string[] refused)
    {
        Constraint constraint = Constraint.FromJsonSchema(schema);
        Assert.All(accepted, text => Assert.True(constraint.Matches(text), text));
        Assert.All(refused, text => Assert.False(constraint.Matches(text), text));
    }

    // Every day of 400 years and some that do not exist.
    [Fact]
    public void Date_IsADayOfTheGregorianCalendar()
    {
        Constraint constraint = Constraint.FromJsonSchema("""{"format":"date"}""");
        for (int year = 1899; year < 2110; year++)
        {
            for (int day = 100; day < 1332; day++)
            {
                string text = string.Create(CultureInfo.InvariantCulture, $"{year}-{day / 100:00}-{day % 100:00}");
                bool expected = DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
                if (expected != constraint.Matches($"\"{text}\""))
                {
                    Assert.Fail($"{text} {expected}");
                }
            }
        }
    }

    [Theory]
    [InlineData("time", new[] { "00:00:00Z", "23:59:59.123+05:30" }, new[] { "24:00:00Z", "12:60:00Z", "12:00:00" })]
    [InlineData("date-time",
        new[] { "2024-02-29T12:00:00Z", "2000-12-31T23:59:59.5-08:00" }, new[] { "2023-02-29T12:00:00Z", "2024-02-29 12:00:00Z" })]
    [InlineData("uuid", new[] { "123e4567-e89b-12d3-A456-426614174000" }, new[] { "123e4567e89b12d3a456426614174000" })]
    [InlineData("email", new[] { "a.b+c@x-y.org" }, new[] { "a@b", "a..b@c.de", "@c.de", "a@-c.de", "a b@c.de" })]
    [InlineData("ipv4", new[] { "0.0.0.0", "255.199.20.1" }, new[] { "256.0.0.1", "1.2.3", "01.2.3.4" })]
    [InlineData("uri",
        new[] { "https://example.org", "http://a.b:80/c/d%20e?f=g&h#i" }, new[] { "example.org", "http://", "http://a b", "http://a/%2" })]
    public void Format_HasItsForm(string format, string[] accepted, string[] refused)
    {
        Constraint constraint = Constraint.FromJsonSchema($$"""{"type":"string","format":"{{format}}"}""");
        Assert.All(accepted, text => Assert.True(constraint.Matches($"\"{text}\""), text));
        Assert.All(refused, text => Assert.False(constraint.Matches($"\"{text}\""), text));
        Random random = new(10);
        AutomatonSamples samples = new(constraint.Automaton);
        for (int i = 0; i < 100; i++)
        {
            string value = JsonSerializer.Deserialize<string>(samples.Next(random, random.Next(60)))!;
            Assert.True(
                format switch
                {
                    "date-time" => value.StartsWith("0000", StringComparison.Ordinal) || IsTime(value),
                    "time" => IsTime($"2000-01-02T{value}"),
                    "uuid" => Guid.TryParseExact(value, "D", out _),
                    "email" => System.Net.Mail.MailAddress.TryCreate(value, out _),
                    "ipv4" => System.Net.IPAddress.TryParse(value, out System.Net.IPAddress? address) && address.ToString() == value,
                    _ => Uri.TryCreate(value, UriKind.Absolute, out _) || value.Length > 40,
                },
                value);
        }
    }

    // DateTimeOffset knows offsets up to 14 hours and 7 digits of a second.
    private static bool IsTime(string value)
    {
        int offset = value.LastIndexOfAny(['+', '-', 'Z']);
        int dot = value.IndexOf('.', StringComparison.Ordinal);
        return DateTime.TryParse(
            value[..Math.Min(offset, dot < 0 ? offset : dot)], CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
            && (value[offset] == 'Z' || TimeOnly.TryParse(value[(offset + 1)..], CultureInfo.InvariantCulture, out _));
    }

    private static bool IsWellFormed(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) == text;

    private static bool Parses(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<string>(text) is not null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
