using System.Diagnostics;
using System.Text.Json.Nodes;
using Cinnabar.Sampling;
using Cinnabar.Tests;

namespace Cinnabar.Server.Tests.Api;

[Collection(ApiTests.Name)]
public sealed class InfillTests(ApiServer server)
{
    [Fact]
    public async Task SeveralHoles_AreFilledAndTheRestIsUntouched()
    {
        JsonObject body = Body("if (<|mask|>", 5, ") {\r\n ", 7, "\r\n} // 🙂");
        JsonNode answer = await server.AskAsync("/v1/infill", body);

        GenerationResult expected = await server.Models["tiny"].Engine.RunAsync(model => model.Infill(
            new TextWithHoles(["if (<|mask|>", ") {\r\n ", "\r\n} // 🙂"], [5, 7]), new SamplerOptions { Seed = 2 }));
        Assert.Equal(expected.Text, (string?)answer["text"]);
        Assert.Equal(expected.Holes.Select(hole => hole.Text), answer["holes"]!.AsArray().Select(hole => (string)hole!["text"]!));
        Assert.Equal([0, 1], answer["holes"]!.AsArray().Select(hole => (int)hole!["index"]!));
        Assert.Equal(expected.NewTokens, answer["holes"]!.AsArray().Sum(hole => (int)hole!["tokens"]!));
        Assert.Equal("infill", (string?)answer["object"]);
    }

    [Fact]
    public async Task Stream_AppendsToEachHole()
    {
        JsonObject body = Body("if (", 9, ") {\r\n ", 9, "\r\n}");
        JsonNode whole = await server.AskAsync("/v1/infill", body);
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_steps"] = true, ["include_usage"] = true };
        List<JsonNode> chunks = await server.ChunksAsync("/v1/infill", body);

        for (int i = 0; i < 2; i++)
        {
            string text = string.Concat(chunks
                .SelectMany(chunk => chunk["holes"]!.AsArray())
                .Where(hole => (int)hole!["index"]! == i)
                .Select(hole => (string)hole!["delta"]!));
            Assert.Equal((string?)whole["holes"]![i]!["text"], text);
        }

        JsonNode last = chunks[^2];
        Assert.Equal((string?)whole["text"], (string?)last["text"]);
        Assert.Equal((string?)whole["finish_reason"], (string?)last["finish_reason"]);
        Assert.Equal("done", (string?)last["diffusion"]!["type"]);
        Assert.Equal(2, chunks[0]["diffusion"]!["holes"]!.AsArray().Count);
        Assert.Equal(whole["usage"]!.ToJsonString(), chunks[^1]["usage"]!.ToJsonString());
    }

    // Holes that are written already, by the canvas that a request goes on from: what is left is to give out their texts.
    [Theory]
    [InlineData("{}", "1;|abc", "length", 5)]
    [InlineData("{\"stop\":[\"}\"]}", "1;|abc", "length", 5)]
    [InlineData("{\"stop\":[\"b\"]}", "1;|a", "stop", 4)]
    [InlineData("{\"stream\":true}", "1;|abc", "length", 5)]
    [InlineData("{\"stream\":true,\"stream_options\":{\"include_steps\":true}}", "1;\n}\nb|abc", "length", 9)]
    [InlineData("{\"stream\":true,\"stream_options\":{\"include_steps\":true},\"stop\":[\"bc\"]}", "1;\n}\nb|a", "length", 9)]
    public async Task TextThatRepeatsWhatStandsBehind_EndsBefore(string fields, string expected, string reason, int tokens)
    {
        TextCanvas canvas = server.Tiny.CanvasFor(new TextWithHoles(["z", "\n}\ny", ";"], [6, 3]));
        int[] ids = canvas.Canvas.Ids.ToArray();
        int[] written = [.. "1;\n}\nbabc".Select(character => TinyModelFolder.ByteToken(server.Tiny.Tokenizer, (byte)character))];
        written[..6].CopyTo(ids, canvas.Canvas.Holes[0].Start);
        written[6..].CopyTo(ids, canvas.Canvas.Holes[1].Start);
        JsonObject body = Body("z", 6, "\n}\ny", 3, ";");
        body["canvas"] = new JsonObject { ["ids"] = new JsonArray([.. ids.Select(id => (JsonNode)id)]) };
        foreach ((string name, JsonNode? value) in JsonNode.Parse(fields)!.AsObject())
        {
            body[name] = value!.DeepClone();
        }

        bool streams = body["stream"] is not null;
        JsonNode[] answers = streams ? [.. await server.ChunksAsync("/v1/infill", body)] : [await server.AskAsync("/v1/infill", body)];
        string text = string.Join('|', Enumerable.Range(0, 2).Select(i => string.Concat(answers
            .SelectMany(answer => answer["holes"]!.AsArray())
            .Where(hole => (int)hole!["index"]! == i)
            .Select(hole => (string)hole![streams ? "delta" : "text"]!))));
        Assert.Equal(expected, text);
        Assert.Equal(reason, (string?)answers[^1]["finish_reason"]);
        if (!streams)
        {
            Assert.Equal(tokens, (int)answers[0]["usage"]!["completion_tokens"]!);
            Assert.Equal($"z{expected.Replace("|", "\n}\ny", StringComparison.Ordinal)};", (string?)answers[0]["text"]);
        }
    }

    [Fact]
    public async Task ExactHole_HasItsLengthAndStops()
    {
        JsonObject body = Body("a", 6, "b");
        body["segments"]![1]!["hole"]!["exact"] = true;
        JsonNode answer = await server.AskAsync("/v1/infill", body);

        Assert.Equal(6, (int)answer["holes"]![0]!["tokens"]!);
        Assert.Equal("stop", (string?)answer["finish_reason"]);
    }

    [Fact]
    public async Task Length_Policies_DecideHowLongHolesBecome()
    {
        JsonObject body = Body("a", 6, "b", 5, "c");
        body["length"] = "fixed";
        JsonNode full = await server.AskAsync("/v1/infill", body);
        Assert.Equal([6, 5], full["holes"]!.AsArray().Select(hole => (int)hole!["tokens"]!));
        Assert.Equal("stop", (string?)full["finish_reason"]);
        Assert.Null(full["diffusion"]!["length_passes"]);

        body["length"] = "probe";
        body["model"] = "chat";
        JsonNode probed = await server.AskAsync("/v1/infill", body);
        TextWithHoles text = new(["a", "b", "c"], [6, 5]) { Length = LengthPolicy.Probe };
        GenerationResult expected = await server.Models["chat"].Engine.RunAsync(
            model => model.Infill(text, new SamplerOptions { Seed = 2 }));
        Assert.Equal(expected.Text, (string?)probed["text"]);
        Assert.Equal(expected.LengthPasses, (int)probed["diffusion"]!["length_passes"]!);
        Assert.Equal(expected.ForwardPasses, (int)probed["diffusion"]!["passes"]!);

        body["stream"] = true;
        List<JsonNode> chunks = await server.ChunksAsync("/v1/infill", body);
        Assert.Equal((string?)probed["text"], (string?)chunks[^1]["text"]);

        // Steps go by the tokens asked for, whatever length was found.
        body["stream"] = false;
        body["steps"] = 44;
        await server.AskAsync("/v1/infill", body);

        // Where all is constrained there is nothing to search for.
        body["response_format"] = JsonNode.Parse("{\"type\":\"regex\",\"pattern\":\"[a-z]{3}\"}");
        Assert.Null((await server.AskAsync("/v1/infill", body))["diffusion"]!["length_passes"]);
    }

    [Theory]
    [InlineData("{\"length\":\"long\"}", "length", "fixed, trim, grow, probe")]
    [InlineData("{\"grow_from\":2}", "grow_from", "set length to grow")]
    [InlineData("{\"length\":\"grow\",\"grow_from\":0}", "grow_from", "1 … 96")]
    [InlineData("{\"length\":\"grow\",\"grow_from\":2}", "grow_from", "<|expand|>")]
    [InlineData("{\"length\":\"grow\"}", "length", "<|expand|>")]
    [InlineData("{\"length\":\"probe\"}", "length", "length_bias.json")]
    [InlineData("{\"length\":\"probe\",\"model\":\"left\"}", "length", "left to right")]
    [InlineData("{\"length\":\"probe\",\"model\":\"chat\",\"deadline_ms\":50}", "deadline_ms", "search")]
    [InlineData("{\"length\":\"probe\",\"block_length\":0}", "block_length", "1 …")]
    public async Task WrongLength_IsRefusedWithItsField(string fields, string param, string says)
    {
        JsonObject body = Body("a", 6, "b");
        foreach ((string name, JsonNode? value) in JsonNode.Parse(fields)!.AsObject())
        {
            body[name] = value?.DeepClone();
        }

        Assert.Contains(says, await server.RefuseAsync("/v1/infill", body, param), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Length_HolesThatDoNotFit_AreTheFaultOfTheSegments()
    {
        JsonObject body = Body("a", 95, "b");
        body["length"] = "probe";
        await server.RefuseAsync("/v1/infill", body, "segments");
    }

    [Fact]
    public async Task SpecialTokensInTexts_StayText()
    {
        const string Special = "<|mask|><|endoftext|><|pad|><|begin|>";
        (string Path, JsonObject Body)[] requests =
        [
            ("/v1/completions", new() { ["prompt"] = Special, ["max_tokens"] = 4 }),
            ("/v1/completions", new() { ["prompt"] = "a", ["suffix"] = Special, ["max_tokens"] = 4 }),
            ("/v1/fim/completions", new() { ["prompt"] = Special, ["suffix"] = "b", ["max_tokens"] = 4 }),
            ("/v1/infill", Body(Special, 4, "<|pad|>")),
            ("/infill", new() { ["input_prefix"] = Special, ["input_suffix"] = "<|pad|>", ["prompt"] = "<|mask|>", ["n_predict"] = 4 }),
        ];
        foreach ((string path, JsonObject body) in requests)
        {
            body["stream"] = true;
            body["stream_options"] = new JsonObject { ["include_steps"] = true };
            List<string> events = await server.StreamAsync(path, body);
            JsonNode canvas = JsonNode.Parse(events[0])!["diffusion"]!;
            int noisy = canvas["holes"]!.AsArray().Sum(hole => (int)hole!["length"]!);
            int[] ids = [.. canvas["ids"]!.AsArray().Select(id => (int)id!)];

            Assert.Equal(noisy, ids.Count(id => id == server.Tiny.Tokenizer.MaskTokenId));
            int[] special = [.. ids.Where(id => id != server.Tiny.Tokenizer.MaskTokenId && server.Tiny.Tokenizer.IsSpecial(id))];
            Assert.Equal([server.Tiny.Tokenizer.BeginOfTextTokenId], special);
        }
    }

    [Theory]
    [InlineData("[]", "segments")]
    [InlineData("[\"a\"]", "segments")]
    [InlineData("\"a\"", "segments")]
    [InlineData("[7]", "segments[0]")]
    [InlineData("[{}]", "segments[0].hole")]
    [InlineData("[{\"hole\":{\"max_tokens\":4,\"min_tokens\":5}}]", "segments[0].hole.min_tokens")]
    [InlineData("[{\"hole\":{\"max_tokens\":97}}]", "segments[0].hole.max_tokens")]
    [InlineData("[{\"hole\":{\"max_tokens\":60}},{\"hole\":{\"max_tokens\":60}}]", "segments")]
    [InlineData("[{\"hole\":{\"other\":1}}]", "segments[0].hole.other")]
    [InlineData("[{\"hole\":{},\"other\":1}]", "segments[0].other")]
    public async Task WrongSegments_AreRefusedWithTheirPath(string segments, string param) =>
        await server.RefuseAsync("/v1/infill", new JsonObject { ["segments"] = JsonNode.Parse(segments) }, param);

    [Fact]
    public async Task Autoregressive_FillsOneHoleOnly()
    {
        JsonObject two = Body("a", 3, "b", 3, "c");
        two["model"] = "left";

        await server.RefuseAsync("/v1/infill", two, "segments");
        two["segments"]!.AsArray().RemoveAt(3);
        await server.AskAsync("/v1/infill", two);
    }

    [Fact]
    public async Task LlamaInfill_HasItsShape()
    {
        JsonNode answer = await server.AskAsync("/infill", new JsonObject
        {
            ["input_prefix"] = "int a;\n", ["input_suffix"] = "\n}", ["prompt"] = "int b", ["n_predict"] = 6, ["seed"] = 3,
            ["input_extra"] = JsonNode.Parse("[{\"text\":\"int c;\",\"filename\":\"c.cs\"}]"), ["top_k"] = 40, ["top_p"] = 0.99,
            ["stream"] = false, ["samplers"] = new JsonArray("top_k", "top_p", "infill"), ["cache_prompt"] = true,
            ["t_max_prompt_ms"] = 500, ["t_max_predict_ms"] = 2500, ["n_indent"] = 4,
            ["response_fields"] = new JsonArray("content"), ["id_slot"] = 0,
        });

        GenerationResult expected = await server.Models["tiny"].Engine.RunAsync(model => model.Infill(
            new TextWithHoles(["int c;\nint a;\nint b", "\n}"], [6]), new SamplerOptions { Seed = 3, TopK = 40, TopP = 0.99 }));
        Assert.Equal(expected.Holes[0].Text, (string?)answer["content"]);
        Assert.True((bool)answer["stop"]!);
        Assert.Contains((string)answer["stop_type"]!, (string[])["eos", "limit"]);
        Assert.Equal(expected.NewTokens, (int)answer["tokens_predicted"]!);
        Assert.Equal(expected.NewTokens, (int)answer["timings"]!["predicted_n"]!);
        Assert.False((bool)answer["truncated"]!);
    }

    [Fact]
    public async Task LlamaInfill_NetworkThatFillsLeftToRight_DoesSoUnlessTheRequestNamesAnOrder()
    {
        SamplerOptions options = new() { Seed = 3, Temperature = 0.5 };
        await Gives(new(), options with { LeftToRight = true });
        await Gives(new() { ["draft_tokens"] = 4 }, options with { LeftToRight = true, DraftTokens = 4 });
        await Gives(new() { ["left_to_right"] = false }, options);
        await Gives(new() { ["steps"] = 4 }, options with { Steps = 4 });
        Assert.NotEqual(await TextOf(options), await TextOf(options with { LeftToRight = true }));

        async Task<string> TextOf(SamplerOptions expected) => (await server.Models["filling"].Engine.RunAsync(
            model => model.Infill(new TextWithHoles(["int a = 1;\nint b", "\n}"], [8]), expected))).Holes[0].Text;

        async Task Gives(JsonObject body, SamplerOptions expected)
        {
            body["model"] = "filling";
            (body["input_prefix"], body["input_suffix"], body["n_predict"]) = ("int a = 1;\nint b", "\n}", 8);
            (body["seed"], body["temperature"]) = (3, 0.5);
            Assert.Equal(await TextOf(expected), (string?)(await server.AskAsync("/infill", body))["content"]);
        }
    }

    [Fact]
    public async Task LlamaInfill_StreamsAsLlamaDoes()
    {
        JsonObject body = new() { ["input_prefix"] = "a", ["input_suffix"] = "b", ["n_predict"] = 20, ["seed"] = 3 };
        JsonNode whole = await server.AskAsync("/infill", body);
        body["stream"] = true;
        List<JsonNode> chunks = [.. (await server.StreamAsync("/infill", body)).Select(line => JsonNode.Parse(line)!)];

        Assert.Equal((string?)whole["content"], string.Concat(chunks.Select(chunk => (string)chunk["content"]!)));
        Assert.True((bool)chunks[^1]["stop"]!);
        Assert.All(chunks.SkipLast(1), chunk => Assert.False((bool)chunk["stop"]!));
    }

    [Fact]
    public async Task LlamaInfill_TellsOfStopTextsLongFilesAndPreparation()
    {
        JsonObject body = new() { ["input_prefix"] = new string('q', 900), ["input_suffix"] = "b", ["n_predict"] = 20, ["seed"] = 3 };
        JsonNode cut = await server.AskAsync("/infill", body);
        Assert.True((bool)cut["truncated"]!);

        string text = (string)cut["content"]!;
        string stop = text[(text.Length / 2)..(text.Length / 2 + 1)];
        body["stop"] = new JsonArray(stop);
        JsonNode stopped = await server.AskAsync("/infill", body);
        Assert.Equal("word", (string?)stopped["stop_type"]);
        Assert.Equal(stop, (string?)stopped["stopping_word"]);

        body["n_predict"] = 0;
        body["t_max_predict_ms"] = 1;
        Assert.Equal("", (string?)(await server.AskAsync("/infill", body))["content"]);
        body["stream"] = true;
        JsonNode only = JsonNode.Parse((await server.StreamAsync("/infill", body)).Single())!;
        Assert.Equal(("", true), ((string?)only["content"], (bool)only["stop"]!));
        body["stream"] = false;
        body["n_predict"] = -1;
        await server.AskAsync("/infill", body);
    }

    [Fact]
    public async Task LlamaInfill_AnswersInTheEditorsTimeBesideOthers()
    {
        // Long texts of others, one token per pass, take far longer than the editor waits.
        JsonObject others = new() { ["prompt"] = "x", ["max_tokens"] = 90, ["n"] = 8, ["threshold"] = null, ["cfg_scale"] = 1 };
        Task<JsonNode>[] busy = [.. Enumerable.Range(0, 2).Select(_ => server.AskAsync("/v1/completions", others))];
        Stopwatch time = Stopwatch.StartNew();
        JsonNode answer = await server.AskAsync("/infill", new JsonObject
        {
            ["input_prefix"] = "a", ["input_suffix"] = "b", ["n_predict"] = 60, ["threshold"] = null, ["t_max_predict_ms"] = 40,
        });

        Assert.True(time.Elapsed < TimeSpan.FromSeconds(1.5), $"{time.Elapsed}");
        Assert.InRange((int)answer["tokens_predicted"]!, 1, 60);
        await Task.WhenAll(busy);
    }

    private static JsonObject Body(params object[] segments) => new()
    {
        ["segments"] = new JsonArray([.. segments.Select(segment => segment is int tokens
            ? (JsonNode)new JsonObject { ["hole"] = new JsonObject { ["max_tokens"] = tokens } }
            : (string)segment)]),
        ["seed"] = 2,
    };
}
