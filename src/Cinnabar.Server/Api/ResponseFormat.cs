// What an answer must be, as requests say it:
//
//   "response_format": {"type": "text"}                                              anything
//                      {"type": "json_object"}                                       a JSON object
//                      {"type": "json_schema", "json_schema": {"schema": {…}, …}}    JSON that the schema allows   (OpenAI)
//                      {"type": "regex", "pattern": "…"}                             text that matches as a whole  (ours)
//   "json_schema": {…}, "regex": "…"                                                 the same for one hole of /v1/infill
//
// A schema that is not "strict" is followed all the same.
using Cinnabar.Constraints;

namespace Cinnabar.Server.Api;

/// <summary>Reads constraints.</summary>
internal static class ResponseFormat
{
    private const int LongestName = 64;
    private const int LongestDescription = 4096;

    /// <summary>The constraint of a whole request.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="known">Constraints that have been compiled.</param>
    /// <returns>Null: anything may be written.</returns>
    /// <exception cref="ApiException">400: the format is unknown, or its schema or pattern is wrong.</exception>
    public static Constraint? Read(JsonFields fields, ConstraintCache known)
    {
        JsonFields? format = fields.Get("response_format")?.Object();
        switch (format?.Require("type").Word("text", "json_object", "json_schema", "regex"))
        {
            case "json_object":
                return Constraint.AnyJsonObject;
            case "json_schema":
                JsonFields named = format.Require("json_schema").Object();
                named.Get("name")?.Text(LongestName);
                named.Get("description")?.Text(LongestDescription);
                named.Flag("strict");
                return Schema(named.Require("schema"), known);
            case "regex":
                return Pattern(format.Require("pattern"), known);
            default:
                return null;
        }
    }

    /// <summary>The constraint of a hole.</summary>
    /// <inheritdoc cref="Read"/>
    public static Constraint? OfHole(JsonFields hole, ConstraintCache known)
    {
        (JsonField? schema, JsonField? pattern) = (hole.Get("json_schema"), hole.Get("regex"));
        return schema is not null && pattern is not null
            ? throw pattern.Wrong("absent beside json_schema", "both", "Leave one of the two out.")
            : schema is not null ? Schema(schema, known)
            : pattern is not null ? Pattern(pattern, known)
            : null;
    }

    private static Constraint Schema(JsonField schema, ConstraintCache known) =>
        ApiException.Naming(schema.Path, () => known.JsonSchema(schema.Json()));

    private static Constraint Pattern(JsonField pattern, ConstraintCache known) =>
        ApiException.Naming(pattern.Path, () => known.Regex(pattern.Text()));
}
