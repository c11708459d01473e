using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// References that lead back to themselves without an object or a list around.
public sealed class JsonSchemaReferenceTests
{
    // A reference that comes back to itself through a branch is inside of itself. What it refers to was added once, but without the keyword
    // that the branch stands for.
    [Theory]
    [InlineData("""{"$ref":"#/$defs/A","$defs":{"A":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/A"}]}}}""")]
    [InlineData("""{"anyOf":[{"type":"string"},{"$ref":"#"}]}""")]
    [InlineData("""{"anyOf":[{"$ref":"#"},{"type":"string"}],"title":"t"}""")]
    [InlineData(
        """
        {"$ref":"#/$defs/A","$defs":{"A":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/B"}]},"B":{"anyOf":[{"$ref":"#/$defs/A"},false]}}}
        """)]
    [InlineData(
        """
        {"allOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"}],
          "$defs":{"A":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/B"}]},"B":{"$ref":"#/$defs/A"}}}
        """)]
    [InlineData(
        """
        {"allOf":[{"$ref":"#/$defs/A"},{"$ref":"#/$defs/B"}],
          "$defs":{"A":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/B"}]},"B":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/B"}]}}}
        """)]
    [InlineData("""{"oneOf":[{"type":"string"},{"allOf":[{"$ref":"#"},false]}]}""")]
    [InlineData("""{"oneOf":[{"$ref":"#/$defs/A"}],"$defs":{"A":{"anyOf":[{"type":"string"},{"oneOf":[{"$ref":"#/$defs/A"}]}]}}}""")]
    public void FromJsonSchema_ReferenceBackThroughABranch_AddsNothing(string schema)
    {
        Constraint strings = Constraint.FromJsonSchema(schema);
        Assert.All((string[])["\"\"", "\"x\""], text => Assert.True(strings.Matches(text), text));
        Assert.All((string[])["1", "null", "true", "[]", "{}", "[\"x\"]"], text => Assert.False(strings.Matches(text), text));
    }

    [Fact]
    public void FromJsonSchema_TwoThatReferToEachOtherThroughBranches_AllowTheirOwn()
    {
        Constraint values = Constraint.FromJsonSchema(
            """
            {"$ref":"#/$defs/value","$defs":{"value":{"anyOf":[{"type":"string"},{"$ref":"#/$defs/list"}]},
              "list":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/value"}},{"$ref":"#/$defs/value"}]}}}
            """);
        Assert.All((string[])["\"x\"", "[]", "[\"x\"]", "[[\"x\"],\"y\"]"], text => Assert.True(values.Matches(text), text));
        Assert.All((string[])["1", "null", "{}", "[true]", "[[\"x\"],{}]"], text => Assert.False(values.Matches(text), text));
    }
}
