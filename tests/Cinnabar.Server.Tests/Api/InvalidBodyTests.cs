using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace Cinnabar.Server.Tests.Api;

/// <summary>
/// Every field of every endpoint with every kind of wrong value: each is refused with status 400 and the field's name, and the server goes
/// on.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class InvalidBodyTests(ApiServer server, ITestOutputHelper output)
{
    private const string TwoToThe31 = "2147483648";
    private const string TwoToThe63 = "9223372036854775808";
    private static readonly string s_deep = new string('[', 65) + new string(']', 65);
    private static readonly string s_long = $"[{string.Join(',', Enumerable.Repeat("0", 10_000))}]";
    private static readonly string s_stops = $"[{string.Join(',', Enumerable.Repeat("\"a\"", 17))}]";

    // Wrong for a field of any kind.
    private static readonly string[] s_always =
        ["NaN", "1e999", TwoToThe63, "\"\\ud800\"", "\"\\u0000\"", "\"a\\udc00\"", s_deep, s_long, "Infinity", "'a'", "01", "tru"];

    private static readonly string[] s_notNumbers = ["\"1\"", "\"\"", "true", "[]", "[1]", "{}", "{\"a\":1}"];

    private static readonly (string Name, string[] Wrong)[] s_sampler =
    [
        Whole("steps", 1, 1 << 20), Whole("block_length", 1, 1 << 20), Number("threshold", 0, 1, isAboveLeast: true),
        ("remasking", ["0", "true", "[]", "{}", "\"\"", "\"lowest\"", "\"LowConfidence\""]),
        Number("temperature", 0, 2), Number("top_p", 0, 1, isAboveLeast: true), Whole("top_k", -1, 1 << 20),
        Whole("seed", -1, (1L << 53) - 1), Number("cfg_scale", 0, 100), Number("factor", 0, 1e6, isAboveLeast: true),
        Number("entropy_bound", 0, 1000), Number("stability", 0, 1000, isAboveLeast: true),
        Number("low_threshold", 0, 1, isAboveLeast: true), Number("verify_threshold", 0, 1, isAboveLeast: true), Flag("credit"),
        Whole("draft_tokens", 1, 256), Flag("left_to_right"),
        Number("early_exit", 0, 1000, isAboveLeast: true), Number("remask_below", 0, 1, isAboveLeast: true),
        Number("edit_threshold", 0, 1, isAboveLeast: true), ("remdm", ["0", "true", "[]", "\"\"", "\"x\""]), Number("remdm_eta", 0, 1),
        Whole("max_passes", 1, 1 << 20), Whole("deadline_ms", 1, 600_000), ("cache", ["0", "true", "{}", "\"\"", "\"x\""]),
        Whole("cache_refresh", 1, 1 << 20), Flag("stream"), Flag("diffusing"), Whole("alternatives", 0, 20),
        ("stream_options", ["1", "true", "\"x\"", "[]"]), ("stop", ["1", "true", "{}", "\"\"", s_stops]),
        ("canvas", ["1", "true", "\"\"", "[]"]), ("pins", ["1", "true", "\"\"", "{}"]), ("bans", ["1", "true", "\"\"", "{}"]),
        Text("model"), ("unknown", ["1", "null", "false", "\"\"", "{}"]), Text("user"),
        ("reasoning_effort", ["1", "\"\"", "\"extreme\"", "true"]),
    ];

    private static readonly (string Name, string[] Wrong)[] s_texts = [Whole("max_tokens", 1, 96), Whole("max_completion_tokens", 1, 96)];

    public static TheoryData<string, string> Endpoints => new()
    {
        { "/v1/completions", "{\"prompt\":\"x\"}" },
        { "/v1/fim/completions", "{\"prompt\":\"x\",\"suffix\":\"y\"}" },
        { "/v1/chat/completions", "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" },
        { "/v1/edit/completions", "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" },
        { "/v1/apply/completions", "{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}" },
        { "/infill", "{\"input_prefix\":\"x\",\"input_suffix\":\"y\"}" },
        { "/v1/infill", "{\"segments\":[\"x\",{\"hole\":{}}]}" },
        { "/v1/score", "{\"text\":\"x\"}" },
        { "/tokenize", "{\"content\":\"x\"}" },
        { "/detokenize", "{\"tokens\":[5]}" },
    };

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task EachFieldWithEachWrongValue_Is400WithItsName(string path, string valid)
    {
        int count = 0;
        Stopwatch time = Stopwatch.StartNew();
        foreach ((string field, string[] wrong) in FieldsOf(path))
        {
            JsonObject rest = JsonNode.Parse(valid)!.AsObject();
            rest.Remove(field);
            string others = rest.Count == 0 ? "" : rest.ToJsonString()[1..^1] + ",";
            string[] values = [.. wrong.Concat(s_always.Where(value => !(field is "prompt" or "tokens" && value == s_long)))];
            foreach (string value in values)
            {
                await RefuseAsync(path, $"{{{others}\"{field}\":{value}}}", field);
            }

            await RefuseAsync(path, $"{{{others}\"{field}\":null,\"{field}\":null}}", field);
            await RefuseAsync(path, $"{{{others}\"{field}\":null,\"\\u{(int)field[0]:x4}{field[1..]}\":null}}", field);
            count += values.Length + 2;
        }

        (int status, JsonNode answer) = await server.PostAsync(path, valid);
        Assert.True(status == 200, answer.ToJsonString());
        output.WriteLine($"{path}: {count} bodies in {time.Elapsed}");
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task WhatIsNoObjectOrLacksWhatIsNeeded_Is400(string path, string valid)
    {
        string[] broken =
            ["", " ", "null", "7", "[]", "\"x\"", "{", "{\"a\"", "{,}", valid[..^1], valid + "}", "\uFEFF" + valid];
        foreach (string body in broken)
        {
            await RefuseAsync(path, body, param: null);
        }

        using ByteArrayContent notUtf8 = new([.. "{\"model\":\""u8, 0xFF, .. "\"}"u8]);
        notUtf8.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using HttpResponseMessage answer = await server.Client.PostAsync(path, notUtf8);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);

        // Each field of the valid body but the model is needed.
        foreach (string field in JsonNode.Parse(valid)!.AsObject().Select(pair => pair.Key).Where(key => key is not ("model" or "suffix")))
        {
            JsonObject body = JsonNode.Parse(valid)!.AsObject();
            body.Remove(field);
            if (!path.StartsWith("/infill", StringComparison.Ordinal))
            {
                await RefuseAsync(path, body.ToJsonString(), field);
                body[field] = null;
                await RefuseAsync(path, body.ToJsonString(), field);
            }
        }

        Assert.Equal(200, (await server.PostAsync(path, valid)).Status);
    }

    [Fact]
    public async Task TenMegabytes_Are413()
    {
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent($"{{\"prompt\":\"{new string('x', 10_000_000)}\"}}", Encoding.UTF8, "application/json"),
        };
        request.Headers.ExpectContinue = true;
        using HttpResponseMessage answer = await server.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
        Assert.Equal(200, (await server.PostAsync("/tokenize", "{\"content\":\"x\"}")).Status);
    }

    [Theory]
    [InlineData("{\"NAME\":1}")]
    [InlineData("{\"NAME\":1,\"NAME\":1}")]
    [InlineData("{\"prompt\":\"x\",\"stream_options\":{\"NAME\":1},\"stream\":true}")]
    public async Task LongNames_AreCutInErrors(string body)
    {
        string name = string.Concat(Enumerable.Repeat("x🙂", 5000));
        (int status, JsonNode answer) = await server.PostAsync("/v1/completions", body.Replace("NAME", name, StringComparison.Ordinal));

        Assert.Equal(400, status);
        Assert.InRange(answer.ToJsonString().Length, 1, 2000);
    }

    private static IEnumerable<(string Name, string[] Wrong)> FieldsOf(string path) => path switch
    {
        "/v1/score" =>
        [
            Text("text"), Whole("samples", 1, 256), Whole("seed", 0, (1L << 53) - 1), Flag("surprise"), Whole("suggestions", 1, 100),
            Number("threshold", 0, 1000), Text("model"),
        ],
        "/tokenize" => [Text("content"), Flag("with_pieces"), Flag("add_special"), Text("model"), ("unknown", ["1"])],
        "/detokenize" => [("tokens", ["1", "\"\"", "true", "{}", "[-1]", "[1.5]", "[\"a\"]", "[null]"]), Text("model"), ("unknown", ["1"])],
        "/infill" =>
        [
            .. s_sampler.Where(field => field.Name is not ("stop" or "deadline_ms")),
            Text("input_prefix"), Text("input_suffix"), Text("prompt"),
            Whole("n_predict", -1, 96), Whole("t_max_predict_ms", -1, 600_000), ("input_extra", ["1", "\"\"", "true", "{}", "[1]"]),
        ],
        "/v1/infill" => [.. s_sampler, ("segments", ["1", "\"\"", "true", "{}", "[]", "[1]", "[null]"])],
        "/v1/completions" or "/v1/fim/completions" =>
        [
            .. s_sampler, .. s_texts, ("prompt", ["1", "true", "{}", "[]", "[1]", "[[1]]", "[\"a\",\"b\"]"]), Text("suffix"), Flag("echo"),
            Whole("n", 1, 8), ("logprobs", ["1", "true"]), ("best_of", ["2", "\"x\""]), ("metadata", ["1", "\"x\"", "[]"]),
        ],
        _ =>
        [
            .. s_sampler.Where(field => field.Name != "stream"), .. s_texts,
            ("messages", ["1", "\"\"", "true", "{}", "[]", "[1]", "[null]"]),
            ("tools", ["1", "\"x\"", "[{}]"]), ("response_format", ["1", "\"json\"", "{\"type\":\"json_schema\"}"]),
            ("chat_template_kwargs", ["1", "\"x\"", "[]", "{\"a\":true}"]),
        ],
    };

    private static (string, string[]) Whole(string name, long least, long most) =>
        (name, [.. s_notNumbers, Text(least - 1), Text(most + 1), "1.5", "-1e3", .. most < int.MaxValue ? (string[])[TwoToThe31] : []]);

    private static (string, string[]) Number(string name, double least, double most, bool isAboveLeast = false) =>
        (name, [.. s_notNumbers, Text(least - 1), Text(most + 0.5), "-0.001", TwoToThe31, .. isAboveLeast ? (string[])["0"] : []]);

    private static (string, string[]) Flag(string name) => (name, ["0", "1", "\"true\"", "\"\"", "[]", "{}", TwoToThe31]);

    private static (string, string[]) Text(string name) => (name, ["0", "1", "true", "[]", "[\"a\"]", "{}", TwoToThe31]);

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task RefuseAsync(string path, string body, string? param)
    {
        (int status, JsonNode answer) = await server.PostAsync(path, body);
        string shown = body.Length > 200 ? body[..200] : body;
        Assert.True(status == 400, $"{path} {shown}: {status} {answer.ToJsonString()}");
        Assert.Equal("invalid_request_error", (string?)answer["error"]!["type"]);
        string? found = (string?)answer["error"]!["param"];
        bool isInside = found?.StartsWith($"{param}[", StringComparison.Ordinal) == true
            || found?.StartsWith($"{param}.", StringComparison.Ordinal) == true;
        bool fits = param is null || found == param || isInside;
        Assert.True(fits, $"{path} {shown}: expected {param}, found {found}: {answer.ToJsonString()}");
    }
}
