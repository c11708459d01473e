using System.Text.Json.Nodes;
using Cinnabar.Latents;
using Cinnabar.Sampling;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class LatentTests(ApiServer server)
{
    [Fact]
    public async Task Completion_IsWhatTheLibraryWrites()
    {
        JsonObject body = new()
        {
            ["model"] = "latent", ["prompt"] = "int a", ["max_tokens"] = 11, ["steps"] = 3, ["seed"] = 4, ["cfg_scale"] = 0.5,
            ["latent_method"] = "ddpm",
        };
        JsonNode answer = await server.AskAsync("/v1/completions", body);
        GenerationResult expected = await server.Models["latent"].Engine.RunAsync(model => model.Generate("int a", new SamplerOptions
        {
            MaxNewTokens = 11, Steps = 3, Seed = 4, CfgScale = 0.5, Latents = new LatentOptions { Method = LatentMethod.Ddpm },
        }));
        Assert.Equal(expected.Text, "int a" + (string)answer["choices"]![0]!["text"]!);
        Assert.Equal("latent", server.Models["latent"].Kind);

        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true };
        List<JsonNode> chunks = await server.ChunksAsync("/v1/completions", body);
        string text = string.Concat(chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Select(choice => (string?)choice!["text"]));
        Assert.Equal((string?)answer["choices"]![0]!["text"], text);
        Assert.Equal(3, chunks.Count(chunk => (string?)chunk["diffusion"]?["type"] == "step"));
    }

    [Theory]
    [InlineData("temperature", "0.7")]
    [InlineData("entropy_bound", "1")]
    [InlineData("pins", "[{\"position\": 5, \"token\": 9}]")]
    [InlineData("response_format", "{\"type\": \"regex\", \"pattern\": \"[a-z]+\"}")]
    [InlineData("latent_method", "\"euler\"")]
    [InlineData("steps", "385")]
    public async Task FieldOfOtherNoise_IsRefused(string field, string value)
    {
        JsonObject body = new() { ["model"] = "latent", ["prompt"] = "int a", ["max_tokens"] = 4, [field] = JsonNode.Parse(value) };
        await server.RefuseAsync("/v1/completions", body, field);
    }

    [Theory]
    [InlineData("[\"a\", {\"hole\": {}}, \"b\", {\"hole\": {}}]", "segments")]
    [InlineData("[\"a\", {\"hole\": {\"regex\": \"[a-z]+\"}}]", "segments[1].hole.regex")]
    [InlineData("[\"a\", {\"hole\": {\"json_schema\": {\"type\": \"integer\"}}}]", "segments[1].hole.json_schema")]
    public async Task SecondHoleOrConstraint_IsRefusedByItsField(string segments, string param) => await server.RefuseAsync(
        "/v1/infill", new JsonObject { ["model"] = "latent", ["segments"] = JsonNode.Parse(segments) }, param);

    [Fact]
    public async Task OpenAisDefaults_AreAcceptedWithoutEffect()
    {
        JsonObject body = new() { ["model"] = "latent", ["prompt"] = "int a", ["max_tokens"] = 4, ["steps"] = 2, ["seed"] = 4 };
        JsonNode without = await server.AskAsync("/v1/completions", body);
        (body["temperature"], body["top_p"], body["reasoning_effort"]) = (1, 1, "none");
        body["response_format"] = new JsonObject { ["type"] = "text" };
        JsonNode with = await server.AskAsync("/v1/completions", body);

        Assert.Equal((string?)without["choices"]![0]!["text"], (string?)with["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task Score_OfAModelWithLatents_IsRefused()
    {
        string message = await server.RefuseAsync("/v1/score", new JsonObject { ["model"] = "latent", ["text"] = "int a" }, "model");
        Assert.Contains("Gaussian", message, StringComparison.Ordinal);
    }
}
