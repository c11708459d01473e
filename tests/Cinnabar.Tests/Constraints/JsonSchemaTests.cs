using System.Text.Json;
using Cinnabar.Constraints;

namespace Cinnabar.Tests.Constraints;

// What each keyword allows, by hand.
public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("""{"type":"boolean"}""", new[] { "true", "false" }, new[] { "null", "\"true\"", " true", "true " })]
    [InlineData("""{"type":["null","integer"]}""", new[] { "null", "3" }, new[] { "true", "3.5" })]
    [InlineData("""{"type":"string","nullable":true,"maxLength":1}""", new[] { "null", "\"a\"" }, new[] { "\"ab\"" })]
    [InlineData("""{"const":{"b":[1.0,"é\n"],"a":null}}""",
        new[] { "{\"b\":[1.0,\"é\\n\"],\"a\":null}", "{\"b\": [1.0, \"é\\n\"], \"a\": null}" },
        new[] { "{\"a\":null,\"b\":[1.0,\"é\\n\"]}", "{\"b\":[1,\"é\\n\"],\"a\":null}", "{\"b\":  [1.0,\"é\\n\"],\"a\":null}" })]
    [InlineData("""{"enum":["a",1,null,{},[]]}""", new[] { "\"a\"", "1", "null", "{}", "[]" }, new[] { "\"b\"", "2" })]
    [InlineData("""{"type":"string","enum":["a",1,"b"]}""", new[] { "\"a\"", "\"b\"" }, new[] { "1" })]
    [InlineData("""{"type":["integer","null"],"enum":[1,1.5,2.0,null,"x"]}""", new[] { "1", "2.0", "null" }, new[] { "1.5", "\"x\"" })]
    [InlineData("""{"enum":[1,5,9,"x"],"minimum":4,"type":["number","string"]}""", new[] { "5", "9", "\"x\"" }, new[] { "1" })]
    [InlineData("""{"const":"\u0000\u001f\"\\"}""",
        new[] { "\"\\u0000\\u001f\\\"\\\\\"", "\"\\u0000\\u001F\\\"\\\\\"" }, new[] { "\"\\u0000\"" })]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"required":["a","b"]}""",
        new[] { "{\"a\":null,\"b\":null}", "{\"a\": null, \"b\": null}", "{\"a\": null,\"b\":null}" },
        new[] { "{\"b\":null,\"a\":null}", "{\"a\":null}", "{}", "{\"a\":null,\"b\":null,}", "{ \"a\":null,\"b\":null}" })]
    [InlineData("""{"properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}},"required":["b"]}""",
        new[] { "{\"b\":null}", "{\"a\":null,\"b\":null}", "{\"b\":null,\"c\":null}", "{\"a\":null,\"b\":null,\"c\":null}" },
        new[] { "{}", "{\"a\":null}", "{\"a\":null,\"c\":null}", "{,\"b\":null}", "{\"b\":null,\"b\":null}" })]
    [InlineData("""{"properties":{"a":{"type":"null"},"b":{"type":"null"}},"additionalProperties":false}""",
        new[] { "{}", "{\"a\":null}", "{\"b\":null}", "{\"a\":null,\"b\":null}" }, new[] { "{\"c\":null}", "{,}" })]
    [InlineData("""{"type":"object","properties":{}}""", new[] { "{}" }, new[] { "{\"a\":1}", "[]" })]
    [InlineData("""{"type":"object","additionalProperties":false}""", new[] { "{}" }, new[] { "{\"a\":1}" })]
    [InlineData("""{"type":"object"}""", new[] { "{}", "{\"a\":{\"b\":[[1]]}}" }, new[] { "[]", "{\"a\":{\"b\":[[[1]]]}}" })]
    [InlineData("""{"type":"object","additionalProperties":{"type":"integer"},"minProperties":1,"maxProperties":2}""",
        new[] { "{\"x\":1}", "{\"x\":1, \"y\":2}" }, new[] { "{}", "{\"x\":\"\"}", "{\"x\":1,\"y\":2,\"z\":3}" })]
    [InlineData("""{"const":{"a":1,"b":2},"minProperties":2}""", new[] { "{\"a\":1,\"b\":2}" }, new[] { "{\"a\":1}", "{\"a\":1,\"c\":2}" })]
    [InlineData("""{"enum":[{},{"a":1},{"a":1,"b":2}],"minProperties":2}""", new[] { "{\"a\":1,\"b\":2}" }, new[] { "{}", "{\"a\":1}" })]
    [InlineData("""{"required":["x"],"properties":{"y":{"type":"null"}}}""",
        new[] { "{\"x\":[1]}", "{\"y\":null,\"x\":{}}" }, new[] { "{\"y\":null}" })]
    [InlineData("""{"properties":{"q\"\\\té":{"const":1}},"required":["q\"\\\té"]}""",
        new[] { "{\"q\\\"\\\\\\té\":1}" }, new[] { "{\"q\"\\\té\":1}" })]
    [InlineData("""{"type":"array","items":{"type":"null"}}""",
        new[] { "[]", "[null]", "[null, null,null]" }, new[] { "[null,]", "[,null]", "[ ]" })]
    [InlineData("""{"items":{"type":"null"},"minItems":2,"maxItems":3}""",
        new[] { "[null,null]", "[null,null,null]" }, new[] { "[]", "[null]", "[null,null,null,null]" })]
    [InlineData("""{"items":{"type":"null"},"minItems":2}""", new[] { "[null,null]", "[null,null,null,null]" }, new[] { "[]", "[null]" })]
    [InlineData("""{"prefixItems":[{"const":1},{"const":2}]}""", new[] { "[]", "[1]", "[1,2]" }, new[] { "[2]", "[1,2,3]", "[1,1]" })]
    [InlineData("""{"prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":1,"maxItems":4}""",
        new[] { "[1]", "[1,2]", "[1,2,3]", "[1,2,3,3]" }, new[] { "[]", "[1,3]", "[1,2,3,3,3]" })]
    [InlineData("""{"prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":3}""",
        new[] { "[1,2,3]", "[1,2,3,3]" }, new[] { "[1,2]" })]
    [InlineData("""{"prefixItems":[{"const":1},{"const":2}],"maxItems":1}""", new[] { "[]", "[1]" }, new[] { "[1,2]" })]
    [InlineData("""{"type":"array","items":false}""", new[] { "[]" }, new[] { "[1]" })]
    [InlineData("""{"type":"array","uniqueItems":false}""", new[] { "[]", "[1,\"a\",[[{}]]]" }, new[] { "[[[[[]]]]]" })]
    [InlineData("""{"anyOf":[{"type":"null"},{"type":"string","maxLength":0}]}""", new[] { "null", "\"\"" }, new[] { "\"a\"" })]
    [InlineData("""{"type":"string","oneOf":[{"minLength":3},{"maxLength":1}]}""",
        new[] { "\"\"", "\"a\"", "\"abc\"" }, new[] { "\"ab\"", "1" })]
    [InlineData(
        """{"required":["t"],"oneOf":[{"properties":{"t":{"const":"a"},"n":{}}},{"properties":{"t":{"const":"b"}}}]}""",
        new[] { "{\"t\":\"a\"}", "{\"t\":\"b\"}", "{\"t\":\"a\",\"n\":[1]}" }, new[] { "{}", "{\"t\":\"b\",\"n\":1}" })]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2}},"anyOf":[{"required":["a"]},{"required":["b"]}]}""",
        new[] { "{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}" }, new[] { "{}" })]
    [InlineData(
        """{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"const":2},"a":{"maxLength":1}}}]}""",
        new[] { "{\"a\":\"x\"}", "{\"a\":\"\",\"b\":2}" }, new[] { "{\"a\":\"xy\"}", "{\"b\":2}" })]
    [InlineData(
        """{"allOf":[{"properties":{"a":{"const":1}},"additionalProperties":false},{"properties":{"b":{"const":2}}}]}""",
        new[] { "{}", "{\"a\":1}" }, new[] { "{\"b\":2}", "{\"a\":1,\"b\":2}" })]
    [InlineData(
        """{"allOf":[{"properties":{"a":{"const":1}},"additionalProperties":{"type":"string"}},{"properties":{"b":{"enum":[2,"x"]}}}]}""",
        new[] { "{\"a\":1,\"b\":\"x\"}", "{\"b\":\"x\"}" }, new[] { "{\"b\":2}" })]
    [InlineData("""{"allOf":[{"type":"number"},{"type":["integer","string"]}]}""", new[] { "1" }, new[] { "1.5", "\"\"" })]
    [InlineData("""{"oneOf":[{"type":"integer"},{"const":1.50}]}""", new[] { "3", "1.50" }, new[] { "1.5" })]
    [InlineData("""{"oneOf":[{"const":1.0},{"const":"1"},{"const":{"b":2e0,"a":1}},{"const":{"b":2,"a":2}}]}""",
        new[] { "1.0", "\"1\"", "{\"b\":2e0,\"a\":1}" }, new[] { "1", "{\"a\":1,\"b\":2e0}", "{\"b\":2,\"a\":1}" })]
    [InlineData("""{"oneOf":[{"type":"null"},{"items":{"oneOf":[{"const":1.0},{"properties":{"b":{},"a":{}},"required":["a","b"]}]}}]}""",
        new[] { "[1.0,{\"b\":1,\"a\":2}]" }, new[] { "[1]", "[{\"a\":2,\"b\":1}]" })]
    [InlineData("""{"type":["null","integer","null"],"nullable":true}""", new[] { "null", "3" }, new[] { "true" })]
    [InlineData("""{"const":-2.5E+999999}""", new[] { "-2.5E+999999" }, new[] { "-2.5" })]
    [InlineData("""{"$defs":{"a/b":{"type":"null"}},"$ref":"#/$defs/a~1b"}""", new[] { "null" }, new[] { "1" })]
    [InlineData("""{"definitions":{"é":{"type":"integer"}},"$ref":"#/definitions/%C3%A9","minimum":3}""",
        new[] { "3" }, new[] { "2", "null" })]
    [InlineData("""{"prefixItems":[{"const":1},{"$ref":"#/prefixItems/0"}],"minItems":2}""", new[] { "[1,1]" }, new[] { "[1]" })]
    [InlineData("true", new[] { "1", "\"x\"", "[[[[]]]]", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}" }, new[] { "[[[[[]]]]]", "" })]
    [InlineData("{}", new[] { "null", "[{}]" }, new[] { "nul" })]
    [InlineData("""{"title":"t","description":"d","default":1,"examples":[2],"$id":"i","$comment":"c","x-y":3,"type":"null"}""",
        new[] { "null" }, new[] { "1" })]
    public void FromJsonSchema_Keyword_AllowsWhatItSays(string schema, string[] accepted, string[] refused)
    {
        Constraint constraint = Constraint.FromJsonSchema(schema);
        Assert.Equal((ConstraintKind.JsonSchema, schema), (constraint.Kind, constraint.Source));
        Assert.All(accepted, text => Assert.True(constraint.Matches(text), text));
        Assert.All(refused, text => Assert.False(constraint.Matches(text), text));
        Assert.All(accepted, text => JsonDocument.Parse(text).Dispose());
        AutomatonSamples.AssertTrimmed(constraint.Automaton);
    }

    [Fact]
    public void FromJsonSchema_Recursion_EndsAtTheBound()
    {
        Constraint list = Constraint.FromJsonSchema("""{"type":"array","items":{"$ref":"#"}}""");
        Assert.True(list.Matches("[[[[[[]]]],[]]]"));
        Assert.False(list.Matches("[[[[[[[]]]]]]]"));

        Constraint tree = Constraint.FromJsonSchema(
            """
            {"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["v"],"properties":{
              "v":{"type":"integer"},"left":{"$ref":"#/$defs/node"},"right":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}}}}}
            """);
        Assert.True(tree.Matches("""{"v":1,"left":{"v":2,"right":null},"right":{"v":3,"left":{"v":4,"left":{"v":5}}}}"""));
        Assert.False(tree.Matches("""{"v":1,"left":{"v":2,"left":{"v":3,"left":{"v":4,"left":{"v":5,"left":{"v":6}}}}}}"""));
    }

    // Six objects that build on one, inside one another and beside one another: it is never inside of itself.
    [Fact]
    public void FromJsonSchema_ReferenceBesideItself_IsNoRecursion()
    {
        string chain = string.Join(',', ((string[])["AB", "BC", "CD", "DE", "EF"]).Select(pair =>
            $$$$"""
            "{{{{pair[0]}}}}":{"allOf":[{"$ref":"#/$defs/base"}],"properties":{"{{{{pair[1]}}}}":{"$ref":"#/$defs/{{{{pair[1]}}}}"}}}
            """));
        string mixins = string.Join(',', Enumerable.Range(1, 6).Select(i =>
            $$$$"""{"allOf":[{"$ref":"#/$defs/base"},{"properties":{"m{{{{i}}}}":{"type":"null"}}}]}"""));
        string definitions = $$$$"""
            "$defs":{"base":{"type":"object","properties":{"id":{"type":"integer"}}},"F":{"$ref":"#/$defs/base"},{{{{chain}}}}}
            """;

        Constraint inside = Constraint.FromJsonSchema($$$"""{"$ref":"#/$defs/A",{{{definitions}}}}""");
        Assert.True(inside.Matches("""{"id":1,"B":{"C":{"D":{"E":{"id":5,"F":{"id":6}}}}}}"""));

        Constraint beside = Constraint.FromJsonSchema($$$"""{"allOf":[{{{mixins}}}],{{{definitions}}}}""");
        Assert.True(beside.Matches("""{"id":1,"m1":null,"m6":null}"""));
        Assert.False(beside.Matches("""{"id":1,"id":1}"""));
    }

    // A node is merged from two schemas that build on the one with the reference to the node.
    [Fact]
    public void FromJsonSchema_RecursionThroughTwoReferences_EndsAtTheBound()
    {
        Constraint nodes = Constraint.FromJsonSchema(
            """
            {"$ref":"#/$defs/node","$defs":{"node":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/b"}]},
              "a":{"allOf":[{"$ref":"#/$defs/base"}]},"b":{"allOf":[{"$ref":"#/$defs/base"}]},
              "base":{"type":"object","properties":{"n":{"$ref":"#/$defs/node"}}}}}
            """);
        Assert.True(nodes.Matches("""{"n":{"n":{"n":{"n":{}}}}}"""));
        Assert.False(nodes.Matches("""{"n":{"n":{"n":{"n":{"n":{}}}}}}"""));
    }

    [Fact]
    public void AnyJsonObject_IsAnObjectUpToFourDeep()
    {
        Constraint any = Constraint.AnyJsonObject;
        Assert.Same(any, Constraint.AnyJsonObject);
        Assert.Equal(ConstraintKind.JsonObject, any.Kind);
        Assert.True(any.Matches("""{"a": [1, {"b":null}], "é\u00e9": "x", "n":-1.5e+3}"""));
        Assert.False(any.Matches("[]"));
        Assert.False(any.Matches("{\"a\":[[[[]]]]}"));
        Assert.InRange(any.Automaton.StateCount, 100, 1500);
        Random random = new(7);
        AutomatonSamples samples = new(any.Automaton);
        for (int i = 0; i < 300; i++)
        {
            using JsonDocument document = JsonDocument.Parse(samples.Next(random, random.Next(120)));
            Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
        }
    }

    [Fact]
    public void FromJsonSchema_HalfASurrogatePair_IsRefused() => Assert.StartsWith(
        "JSON schema, #: expected a valid JSON text, found ",
        Assert.Throws<CinnabarException>(() => Constraint.FromJsonSchema("{\"const\":\"\ud800\"}")).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("{", "#", "a valid JSON text")]
    [InlineData("", "#", "a valid JSON text")]
    [InlineData("{\"const\":\"\\ud800\"}", "#", "a valid JSON text")]
    [InlineData("3", "#", "a schema: an object, true or false")]
    [InlineData("false", "#", "a value that satisfies it")]
    [InlineData("""{"properties":{"a":{},"b":{},"a":{}}}""", "#/properties/a", "each name once in an object")]
    [InlineData("""{"enum":[1,{"x":[{"y":1},{"y":1,"y":2}]}]}""", "#/enum/-/x/-/y", "each name once in an object")]
    [InlineData("""{"properties":{"a":{"type":"strin"}}}""",
        "#/properties/a/type", "object, array, string, number, integer, boolean, null")]
    [InlineData("""{"type":["string",1]}""", "#/type/1", "object, array, string")]
    [InlineData("""{"type":[]}""", "#/type", "a list that is not empty")]
    [InlineData("""{"properties":{"a":{"not":{}}}}""", "#/properties/a/not", "a keyword that is supported, found 'not'")]
    [InlineData("""{"items":{"if":{}}}""", "#/items/if", "a keyword that is supported, found 'if'")]
    [InlineData("""{"patternProperties":{}}""", "#/patternProperties", "a keyword that is supported")]
    [InlineData("""{"properties":{"a/b~c":{"contains":{}}}}""", "#/properties/a~1b~0c/contains", "a keyword that is supported")]
    [InlineData("""{"properties":[]}""", "#/properties", "an object of schemas")]
    [InlineData("""{"properties":{"a":3}}""", "#/properties/a", "a schema: an object, true or false, found '3'")]
    [InlineData("""{"required":"a"}""", "#/required", "a list of names")]
    [InlineData("""{"required":[1]}""", "#/required/0", "a name")]
    [InlineData("""{"properties":{},"required":["z"],"additionalProperties":false}""",
        "#", "required properties among the properties, found 'z'")]
    [InlineData("""{"properties":{"a":{}},"minProperties":1}""", "#", "minProperties and maxProperties that properties and required imply")]
    [InlineData("""{"uniqueItems":true}""", "#/uniqueItems", "false or nothing")]
    [InlineData("""{"items":[{}]}""", "#/items", "a schema, found a list of schemas")]
    [InlineData("""{"minItems":-1}""", "#/minItems", "a whole number from 0")]
    [InlineData("""{"minItems":3,"maxItems":2}""", "#", "an array that satisfies all keywords at once")]
    [InlineData("""{"items":false,"minItems":1}""", "#", "an array that satisfies all keywords at once")]
    [InlineData("""{"prefixItems":[{}],"minItems":2}""", "#", "an array that satisfies all keywords at once")]
    [InlineData("""{"minLength":3,"maxLength":2}""", "#", "a text that satisfies all keywords at once")]
    [InlineData("""{"items":{"pattern":"^a{3}$","maxLength":2}}""", "#/items", "a text that satisfies all keywords at once")]
    [InlineData("""{"pattern":"a(b"}""", "#/pattern: regular expression 'a(b', offset 1", "a ')' that closes this group")]
    [InlineData("""{"pattern":"[^\\s\\S]"}""", "#/pattern", "a pattern that matches a text")]
    [InlineData("""{"format":"hostname"}""", "#/format", "one of date, time, date-time, uuid, email, ipv4, uri, found 'hostname'")]
    [InlineData("""{"type":"integer","minimum":2,"maximum":1}""", "#", "a whole number that satisfies all keywords at once")]
    [InlineData("""{"type":"integer","exclusiveMinimum":1,"exclusiveMaximum":2}""",
        "#", "a whole number that satisfies all keywords at once")]
    [InlineData("""{"minimum":"1"}""", "#/minimum", "a number of at most 400 digits")]
    [InlineData("""{"minimum":1e999}""", "#/minimum", "a number of at most 400 digits")]
    [InlineData("""{"exclusiveMinimum":true}""", "#/exclusiveMinimum", "a number")]
    [InlineData("""{"multipleOf":0}""", "#/multipleOf", "a number above 0")]
    [InlineData("""{"multipleOf":0.25}""", "#/multipleOf", "a whole number up to 10000, or 0.1, 0.01")]
    [InlineData("""{"anyOf":[]}""", "#/anyOf", "a list that is not empty")]
    [InlineData("""{"oneOf":[]}""", "#/oneOf", "a list that is not empty")]
    [InlineData("""{"oneOf":[{"type":"null"},{"type":"integer","minimum":7},{"type":"number","maximum":7}]}""",
        "#/oneOf/2", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, #/oneOf/1 allows '7'")]
    [InlineData("""{"items":{"oneOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}}""",
        "#/items/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, "
            + "#/items/oneOf/0 allows '{}' as well. Write anyOf")]
    [InlineData("""{"oneOf":[{"type":"integer"},{"const":1.0}]}""",
        "#/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, #/oneOf/0 allows '1'")]
    [InlineData("""{"oneOf":[{"const":{"b":1,"a":20e-1}},{"properties":{"a":{"type":"integer"},"b":{"enum":[1]}},"required":["a","b"]}]}""",
        "#/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, #/oneOf/0 allows "
            + "'{\"a\":2,\"b\":1}'")]
    [InlineData("""{"oneOf":[{"required":["a","b"]},{"required":["b","a"]}],"additionalProperties":{"type":"null"}}""",
        "#/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, #/oneOf/0 allows "
            + "'{\"a\":null,\"b\":null}'")]
    [InlineData("""{"allOf":[{"minimum":1},{"minimum":1e99999999999}]}""",
        "#/allOf/-/minimum", "an exponent from -1000000000 to 1000000000, found '1e99999999999'")]
    [InlineData("""{"enum":[1,{"a":-2.5E-1000000001}]}""", "#/enum/-/a", "an exponent from -1000000000 to 1000000000")]
    [InlineData("""{"type":"object","minProperties":2}""", "#/minProperties", "0 or 1 where names are free")]
    [InlineData("""{"minProperties":2,"properties":{}}""", "#", "an object that satisfies all keywords at once")]
    [InlineData("""{"enum":[]}""", "#/enum", "a list that is not empty")]
    [InlineData("""{"type":"string","enum":[1,2]}""", "#", "a given value that has the type")]
    [InlineData("""{"allOf":[{"type":"string"},{"type":"null"}]}""", "#", "a type that all of its parts allow, string, found null")]
    [InlineData(
        """{"properties":{"a":{}},"additionalProperties":false,"allOf":[{"properties":{"b":{}},"required":["b"]}]}""",
        "#/additionalProperties",
        "additionalProperties that allow the required property 'b'")]
    [InlineData(
        """{"allOf":[{"prefixItems":[{"type":"integer"}]},{"items":{"type":"string"}}]}""",
        "#/allOf/1/items",
        "items and prefixItems in one schema")]
    [InlineData(
        """{"allOf":[{"items":{"type":"integer"}},{"prefixItems":[{"type":"string"}],"items":{"type":"integer"}}]}""",
        "#/allOf/0/items",
        "items and prefixItems in one schema")]
    [InlineData("""{"allOf":[{"minimum":1},{"minimum":2}]}""", "#/allOf/1/minimum", "the same value as at JSON schema, #/allOf/0/minimum")]
    [InlineData("""{"$ref":"other.json"}""", "#/$ref", "a reference into this schema")]
    [InlineData("""{"$ref":"#/$defs/x"}""", "#/$ref", "a reference to a part that exists, found '#/$defs/x' without '$defs'")]
    [InlineData("""{"$ref":"#"}""", "#", "a value that satisfies it within 5 levels of recursion")]
    [InlineData("""{"anyOf":[{"$ref":"#"}]}""", "#", "a value that satisfies it within 5 levels of recursion")]
    [InlineData("""{"oneOf":[{"$ref":"#"}]}""", "#", "a value that satisfies it within 5 levels of recursion")]
    [InlineData("""{"oneOf":[{"type":"string"},{"$ref":"#"}]}""",
        "#/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold, found that JSON schema, #/oneOf/0 allows")]
    [InlineData("""{"$ref":"#/$defs/A","$defs":{"A":{"oneOf":[{"type":"string"},{"$ref":"#/$defs/A"}]}}}""",
        "#/$defs/A/oneOf/1", "a branch of oneOf that no other branch overlaps, as only one may hold")]
    [InlineData("""{"properties":{"a":{"$ref":"#"}},"required":["a"]}""", "#", "a value that satisfies it within 5 levels of recursion")]
    [InlineData("""{"nullable":true,"$ref":"#"}""", "#/nullable", "a type beside nullable")]
    public void FromJsonSchema_Mistake_NamesPlaceAndExpected(string schema, string place, string expected)
    {
        string message = Assert.Throws<CinnabarException>(() => Constraint.FromJsonSchema(schema)).Message;
        Assert.StartsWith($"JSON schema, {place}: expected {expected}", message, StringComparison.Ordinal);
        Assert.Contains(", found ", message, StringComparison.Ordinal);
    }
}
