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
using Cinnabar.Models;

namespace Cinnabar.Server.Api;

/// <summary>Reads constraints.</summary>
internal static class ResponseFormat
{
    private const int LongestName = 64;
    private const int LongestDescription = 4096;
    private const string LatentRemedy =
        "The noise of this model is on latents, which stand for several tokens each. Leave it out, or choose another model.";

    /// <summary>The constraint of a whole request.</summary>
    /// <param name="fields">Those of the request.</param>
    /// <param name="model">Who answers.</param>
    /// <returns>Null: anything may be written.</returns>
    /// <exception cref="ApiException">
    /// 400: the format is unknown, its schema or pattern is wrong, or the model cannot follow it.
    /// </exception>
    public static Constraint? Read(JsonFields fields, ServedModel model)
    {
        if (HasLatents(model))
        {
            fields.Refuse("response_format", LatentRemedy, "{\"type\":\"text\"}");
        }

        ConstraintCache known = model.Constraints;
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
    public static Constraint? OfHole(JsonFields hole, ServedModel model)
    {
        if (HasLatents(model))
        {
            hole.Refuse("json_schema", LatentRemedy);
            hole.Refuse("regex", LatentRemedy);
        }

        ConstraintCache known = model.Constraints;
        (JsonField? schema, JsonField? pattern) = (hole.Get("json_schema"), hole.Get("regex"));
        return schema is not null && pattern is not null
            ? throw pattern.Wrong("absent beside json_schema", "both", "Leave one of the two out.")
            : schema is not null ? Schema(schema, known)
            : pattern is not null ? Pattern(pattern, known)
            : null;
    }

    private static bool HasLatents(ServedModel model) => model.Engine.Model.Denoiser.Noise == NoiseKind.Gaussian;

    private static Constraint Schema(JsonField schema, ConstraintCache known) =>
        ApiException.Naming(schema.Path, () => known.JsonSchema(schema.Json()));

    private static Constraint Pattern(JsonField pattern, ConstraintCache known) =>
        ApiException.Naming(pattern.Path, () => known.Regex(pattern.Text()));
}
