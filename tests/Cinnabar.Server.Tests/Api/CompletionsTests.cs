using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class CompletionsTests(ApiServer server)
{
    private const string Path = "/v1/completions";

    [Fact]
    public async Task Completion_HasOpenAisShapeAndTheLibrarysText()
    {
        JsonNode answer = await server.AskAsync(Path, new JsonObject
        {
            ["model"] = "tiny", ["prompt"] = "int Max(", ["max_tokens"] = 10, ["seed"] = 7, ["temperature"] = 1,
        });

        GenerationResult expected = await server.Models["tiny"].Engine.RunAsync(
            model => model.Generate("int Max(", new SamplerOptions { MaxNewTokens = 10, Seed = 7, Temperature = 1 }));
        JsonNode choice = Assert.Single(answer["choices"]!.AsArray())!;
        Assert.Equal(expected.Holes[0].Text, (string?)choice["text"]);
        Assert.Equal(0, (int)choice["index"]!);
        Assert.True(choice.AsObject().ContainsKey("logprobs") && choice["logprobs"] is null);
        Assert.Equal(expected.NewTokens < 10 ? "stop" : "length", (string?)choice["finish_reason"]);
        Assert.StartsWith("cmpl-", (string)answer["id"]!);
        Assert.Equal("text_completion", (string?)answer["object"]);
        Assert.Equal("tiny", (string?)answer["model"]);
        int prompt = server.Tiny.Tokenizer.Encode("int Max(").Length + 1; // begin of text
        Assert.Equal(prompt, (int)answer["usage"]!["prompt_tokens"]!);
        Assert.Equal(expected.NewTokens, (int)answer["usage"]!["completion_tokens"]!);
        Assert.Equal(prompt + expected.NewTokens, (int)answer["usage"]!["total_tokens"]!);
        Assert.Equal(7, (int)answer["diffusion"]!["seed"]!);
        Assert.Equal(expected.Steps, (int)answer["diffusion"]!["steps"]!);
        Assert.Equal(expected.NewTokens, (int)answer["diffusion"]!["new_tokens"]!);
    }

    [Fact]
    public async Task Echo_RepeatsThePromptAndAListOfOneIsAPrompt()
    {
        JsonNode plain = await server.AskAsync(Path, new JsonObject { ["prompt"] = "a = ", ["max_tokens"] = 5, ["seed"] = 1 });
        JsonNode echo = await server.AskAsync(Path, new JsonObject
        {
            ["prompt"] = new JsonArray("a = "), ["max_tokens"] = 5, ["seed"] = 1, ["echo"] = true,
        });

        Assert.Equal($"a = {plain["choices"]![0]!["text"]}", (string?)echo["choices"]![0]!["text"]);
    }

    [Theory]
    [InlineData("/v1/completions")]
    [InlineData("/v1/fim/completions")]
    public async Task Suffix_FillsTheHoleBetween(string path)
    {
        JsonNode answer = await server.AskAsync(path, new JsonObject
        {
            ["prompt"] = "int Max(", ["suffix"] = ") { }", ["max_tokens"] = 6, ["seed"] = 3,
        });

        GenerationResult expected = await server.Models["tiny"].Engine.RunAsync(
            model => model.Infill(new TextWithHoles(["int Max(", ") { }"], [6]), new SamplerOptions { Seed = 3 }));
        Assert.Equal(expected.Holes[0].Text, (string?)answer["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task SeveralTexts_HaveSeedsOneAfterTheOther()
    {
        JsonNode three = await server.AskAsync(Path, new JsonObject
        {
            ["prompt"] = "x", ["max_tokens"] = 8, ["seed"] = 20, ["n"] = 3, ["temperature"] = 2,
        });
        JsonNode third = await server.AskAsync(Path, new JsonObject
        {
            ["prompt"] = "x", ["max_tokens"] = 8, ["seed"] = 22, ["temperature"] = 2,
        });

        string[] texts = [.. three["choices"]!.AsArray().Select(choice => (string)choice!["text"]!)];
        Assert.Equal([0, 1, 2], three["choices"]!.AsArray().Select(choice => (int)choice!["index"]!));
        Assert.Equal(3, texts.Distinct().Count());
        Assert.Equal((string?)third["choices"]![0]!["text"], texts[2]);
    }

    [Fact]
    public async Task NoSeed_IsAnotherOneEachTimeAndReported()
    {
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 8, ["temperature"] = 2 };
        JsonNode first = await server.AskAsync(Path, body);
        JsonNode second = await server.AskAsync(Path, body);
        ulong seed = (ulong)first["diffusion"]!["seed"]!;

        Assert.NotEqual(seed, (ulong)second["diffusion"]!["seed"]!);
        body["seed"] = seed;
        Assert.Equal((string?)first["choices"]![0]!["text"], (string?)(await server.AskAsync(Path, body))["choices"]![0]!["text"]);
    }

    [Fact]
    public async Task StopText_EndsTheAnswerAndIsNotPartOfIt()
    {
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 40, ["seed"] = 5, ["temperature"] = 1.5 };
        JsonNode whole = await server.AskAsync(Path, body);
        string text = (string)whole["choices"]![0]!["text"]!;
        string stop = text[(text.Length / 2)..(text.Length / 2 + 1)];
        body["stop"] = new JsonArray([.. Enumerable.Range(0, 15).Select(i => (JsonNode)$"never there {i}"), (JsonNode)stop]);
        JsonNode cut = await server.AskAsync(Path, body);

        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], (string?)cut["choices"]![0]!["text"]);
        Assert.Equal("stop", (string?)cut["choices"]![0]!["finish_reason"]);
        Assert.True((int)cut["usage"]!["completion_tokens"]! < (int)whole["usage"]!["completion_tokens"]!);
    }

    // Read and not sampled: a network of random weights is so unsure that no threshold would change a step of it.
    [Theory]
    [InlineData("instant", 0.5)]
    [InlineData("minimal", 0.5)]
    [InlineData("low", 0.7)]
    [InlineData("medium", 0.9)]
    [InlineData("high", null)]
    [InlineData("xhigh", null)]
    public void ReasoningEffort_IsAThreshold(string effort, double? threshold)
    {
        Assert.Equal(threshold, Read(""));
        Assert.Equal(threshold, Read(",\"remasking\":null,\"factor\":null,\"entropy_bound\":null"));
        Assert.Equal(0.6, Read(",\"threshold\":0.6"));
        Assert.Null(Read(",\"threshold\":null"));
        Assert.Null(Read(",\"remasking\":\"random\""));

        double? Read(string more)
        {
            byte[] body = Encoding.UTF8.GetBytes($"{{\"reasoning_effort\":\"{effort}\"{more}}}");
            return GenerationRequest.Read(JsonBody.Parse(body), server.Models["tiny"]).Options.Threshold;
        }
    }

    [Fact]
    public async Task ReasoningEffort_None_IsAsAbsent()
    {
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 16, ["seed"] = 1, ["steps"] = 4 };
        JsonNode absent = await server.AskAsync(Path, body);
        body["reasoning_effort"] = "none";
        JsonNode none = await server.AskAsync(Path, body);

        Assert.Equal((string?)absent["choices"]![0]!["text"], (string?)none["choices"]![0]!["text"]);
        Assert.Equal((int)absent["diffusion"]!["passes"]!, (int)none["diffusion"]!["passes"]!);
    }

    [Theory]
    [InlineData("{\"tools\":[],\"tool_choice\":\"none\",\"response_format\":{\"type\":\"text\"},\"logit_bias\":{},\"logprobs\":null}")]
    [InlineData("{\"reasoning_effort\":\"low\",\"remasking\":\"random\"}")]
    [InlineData("{\"reasoning_effort\":\"medium\",\"factor\":1}")]
    [InlineData("{\"best_of\":1,\"n\":1,\"user\":\"u\",\"metadata\":{\"a\":\"b\"},\"store\":false,\"service_tier\":\"auto\"}")]
    [InlineData("{\"realtime\":true,\"reasoning_summary\":true,\"reasoning_summary_wait\":false,\"mode\":\"chat\"}")]
    [InlineData("{\"frequency_penalty\":0,\"presence_penalty\":0.0,\"top_k\":-1,\"top_p\":1,\"repetition_penalty\":1,\"stop\":null}")]
    [InlineData("{\"threshold\":0.7,\"remasking\":\"low_confidence\",\"steps\":4,\"block_length\":4,\"cache\":\"none\"}")]
    [InlineData("{\"deadline_ms\":600000,\"cache\":\"prefix\",\"cache_refresh\":4,\"block_length\":4}")]
    [InlineData("{\"remasking\":\"entropy\",\"entropy_bound\":0.1,\"credit\":false,\"max_passes\":3,\"cfg_scale\":0.5}")]
    [InlineData("{\"remasking\":\"origin\",\"remdm\":\"cap\",\"remdm_eta\":0.1,\"steps\":8,\"seed\":-1,\"model\":\"\"}")]
    [InlineData("{\"verbosity\":null,\"prompt_cache_retention\":null}")]
    [InlineData("{\"verbosity\":\"medium\",\"parallel_tool_calls\":false}")]
    public async Task FieldsThatAskForNothingAndAllSamplerFields_AreAccepted(string extra)
    {
        JsonObject body = JsonNode.Parse(extra)!.AsObject();
        body["prompt"] = "x";
        body["max_tokens"] = 8;

        await server.AskAsync(Path, body);
    }

    [Fact]
    public async Task WholeNumbers_WrittenWithAPointOrAnExponent_AreTaken()
    {
        JsonNode plain = await server.AskAsync(Path, new JsonObject { ["prompt"] = "x", ["max_tokens"] = 8, ["seed"] = 5, ["steps"] = 4 });
        (int status, JsonNode other) = await server.PostAsync(Path, "{\"prompt\":\"x\",\"max_tokens\":8.0,\"seed\":5e0,\"steps\":0.4e1}");

        Assert.Equal(200, status);
        Assert.Equal(plain["choices"]!.ToJsonString(), other["choices"]!.ToJsonString());
        Assert.Equal((int)plain["diffusion"]!["steps"]!, (int)other["diffusion"]!["steps"]!);
        Assert.Equal(5, (int)other["diffusion"]!["seed"]!);
    }

    [Fact]
    public async Task InceptionsDefaults_AreAcceptedWhereItsClientsSendThem()
    {
        JsonObject fim = new() { ["prompt"] = "x", ["suffix"] = "y", ["max_tokens"] = 4, ["presence_penalty"] = 1.5 };

        await server.AskAsync("/v1/fim/completions", fim);
        await server.RefuseAsync(Path, fim, "presence_penalty");
        fim["presence_penalty"] = 1.2;
        await server.RefuseAsync("/v1/fim/completions", fim, "presence_penalty");
    }

    [Theory]
    [InlineData("tools", "[{\"type\":\"function\"}]")]
    [InlineData("logprobs", "2")]
    [InlineData("best_of", "2")]
    [InlineData("logit_bias", "{\"50\":1}")]
    [InlineData("frequency_penalty", "0.5")]
    [InlineData("foo", "1")]
    [InlineData("stream_options.foo", "1")]
    [InlineData("alternatives", "3")]
    [InlineData("verbosity", "\"low\"")]
    [InlineData("prompt_cache_retention", "\"24h\"")]
    public async Task WhatCannotBeHonoured_IsRefusedByName(string field, string value)
    {
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 4 };
        if (field.StartsWith("stream_options.", StringComparison.Ordinal))
        {
            body["stream_options"] = new JsonObject { [field["stream_options.".Length..]] = JsonNode.Parse(value) };
        }
        else
        {
            body[field] = JsonNode.Parse(value);
        }

        Assert.Contains(field, await server.RefuseAsync(Path, body, field));
    }

    [Fact]
    public async Task FieldsThatContradictEachOther_AreRefusedInTheWordsOfTheWire()
    {
        string message = await server.RefuseAsync(
            Path, new JsonObject { ["prompt"] = "x", ["threshold"] = 0.5, ["remasking"] = "entropy" }, "remasking");
        Assert.Contains("low_confidence or margin beside threshold", message);
        Assert.DoesNotContain("LowConfidence", message);

        message = await server.RefuseAsync(
            Path, new JsonObject { ["prompt"] = "x", ["max_tokens"] = 40, ["block_length"] = 2, ["steps"] = 3 }, "steps");
        Assert.Contains("block_length", message);
    }

    [Fact]
    public async Task StepsBeyondFourATokenAndPromptsBeyondTheContext_AreRefusedWithBothNumbers()
    {
        string message = await server.RefuseAsync(Path, new JsonObject { ["prompt"] = "x", ["max_tokens"] = 5, ["steps"] = 21 }, "steps");
        Assert.Contains("20", message);
        Assert.Contains("21", message);

        message = await server.RefuseAsync(Path, new JsonObject { ["prompt"] = new string('q', 500) }, "prompt");
        Assert.Contains(" 96 ", message);
        Assert.Contains($" {server.Tiny.Tokenizer.Encode(new string('q', 500)).Length + 1} ", message);
    }

    [Fact]
    public async Task UnknownModel_Is404()
    {
        JsonObject body = new() { ["prompt"] = "x", ["model"] = "gpt-9" };
        (int status, JsonNode answer) = await server.PostAsync(Path, body.ToJsonString());

        Assert.Equal(404, status);
        Assert.Equal("model_not_found", (string?)answer["error"]!["code"]);
    }

    [Fact]
    public async Task AutoregressiveModel_CompletesAndFills()
    {
        JsonNode plain = await server.AskAsync(Path, new JsonObject { ["model"] = "left", ["prompt"] = "x", ["max_tokens"] = 6 });
        JsonNode filled = await server.AskAsync(Path, new JsonObject
        {
            ["model"] = "left", ["prompt"] = "x", ["suffix"] = "y", ["max_tokens"] = 6, ["seed"] = 1,
        });

        Assert.True((int)plain["usage"]!["completion_tokens"]! <= 6);
        Assert.True((int)filled["usage"]!["completion_tokens"]! <= 6);
    }

    [Fact]
    public async Task Deadline_IsKeptWithFewerPasses()
    {
        JsonNode answer = await server.AskAsync(Path, new JsonObject
        {
            ["prompt"] = "x", ["max_tokens"] = 90, ["seed"] = 1, ["deadline_ms"] = 1, ["threshold"] = null,
        });

        Assert.InRange((int)answer["diffusion"]!["passes"]!, 1, 45);
    }
}
