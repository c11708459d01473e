using System.Text.Json;
using Cinnabar.Evaluation.Constrained;

namespace Cinnabar.Evaluation.Tests.Constrained;

public sealed class SchemaCheckTests
{
    [Theory]
    [InlineData("^(red|green)$", "red", true)]
    [InlineData("^(red|green)$", "red\n", false)]
    [InlineData("^(red|green)$", "redder", false)]
    [InlineData("red", "a red\n", true)] // anything may follow
    [InlineData(@"^a\$", "a$\n", true)] // a character
    [InlineData(@"^a\\$", @"a\", true)] // the end, behind a backslash
    [InlineData(@"^a\\$", "a\\\n", false)]
    public void Holds_DollarAtTheEndOfAPattern_IsTheEnd(string pattern, string value, bool expected)
    {
        string schema = $$"""{ "type": "string", "pattern": {{JsonSerializer.Serialize(pattern)}} }""";
        Assert.Equal(expected, SchemaCheck.Holds(JsonElement.Parse(schema), JsonSerializer.Serialize(value)));
    }
}
