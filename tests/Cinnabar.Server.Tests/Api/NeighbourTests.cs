using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Cinnabar.Serving;

namespace Cinnabar.Server.Tests.Api;

/// <summary>What requests do to each other, and what is left of those whose clients went away.</summary>
[Collection(ApiTests.Name)]
public sealed class NeighbourTests(ApiServer server)
{
    private const string Path = "/v1/completions";

    private ModelEngine Engine => server.Models["tiny"].Engine;

    [Fact]
    public async Task SixteenRequestsAtOnce_AreWhatEachIsAlone()
    {
        JsonObject[] requests =
        [
            .. Enumerable.Range(0, 16).Select(i => new JsonObject
            {
                ["prompt"] = new string('a', i) + " = ", ["max_tokens"] = 5 + (3 * i), ["seed"] = i, ["temperature"] = i % 3,
                ["suffix"] = i % 4 == 1 ? ";" : null, ["threshold"] = i % 5 == 2 ? 0.02 : null, ["block_length"] = i % 6 == 3 ? 4 : null,
            }),
        ];
        string[] alone = new string[requests.Length];
        for (int i = 0; i < requests.Length; i++)
        {
            alone[i] = (string)(await server.AskAsync(Path, requests[i]))["choices"]![0]!["text"]!;
        }

        JsonNode[] together = await Task.WhenAll(requests.Select(request => server.AskAsync(Path, request)));

        Assert.Equal(alone, together.Select(answer => (string)answer["choices"]![0]!["text"]!));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ClientThatGoesAway_IsDroppedWithinAStep(bool streams)
    {
        using SemaphoreSlim gate = new(0);
        Task held = await server.HoldAsync(gate, times: 4);
        EngineStatus before = Engine.Status;
        int aborted = server.Aborted;
        using CancellationTokenSource leaves = new();
        JsonObject body = new() { ["prompt"] = "x", ["max_tokens"] = 60, ["threshold"] = null, ["stream"] = streams };
        using StringContent content = new(body.ToJsonString(), Encoding.UTF8, "application/json");
        using HttpRequestMessage request = new(HttpMethod.Post, Path) { Content = content };
        Task<HttpResponseMessage> answer = server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaves.Token);
        await UntilAsync(() => Engine.Status.Running + Engine.Status.Waiting == 1);

        gate.Release(2); // it is admitted, takes a step, and the engine is held again
        if (streams)
        {
            using HttpResponseMessage begun = await answer;
            using Stream events = await begun.Content.ReadAsStreamAsync();
            Assert.NotEqual(0, await events.ReadAsync(new byte[1]));
            Task all = events.CopyToAsync(Stream.Null, leaves.Token);
            await leaves.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => all);
        }
        else
        {
            await leaves.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        }

        await UntilAsync(() => server.Aborted > aborted); // Kestrel has noticed
        gate.Release(2);
        await held;
        await UntilAsync(() => Engine.Status.Running + Engine.Status.Waiting == 0);

        EngineStatus after = Engine.Status;
        Assert.Equal(before.Cancelled + 1, after.Cancelled);
        Assert.InRange(after.Steps - before.Steps, 0, 3);
    }

    [Fact]
    public async Task ClientThatGoesAwayWhileWaiting_TakesNoStep()
    {
        using SemaphoreSlim gate = new(0);
        Task held = await server.HoldAsync(gate);
        EngineStatus before = Engine.Status;
        int aborted = server.Aborted;
        using CancellationTokenSource leaves = new();
        Task<(int, JsonNode)> answer = server.PostAsync(Path, "{\"prompt\":\"x\",\"n\":4,\"max_tokens\":60}", leaves.Token);
        await UntilAsync(() => Engine.Status.Waiting == 4);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => answer);
        await UntilAsync(() => server.Aborted > aborted);
        gate.Release();
        await held;
        await UntilAsync(() => Engine.Status.Running + Engine.Status.Waiting == 0);

        Assert.Equal(before.Cancelled + 4, Engine.Status.Cancelled);
        Assert.Equal(before.Steps, Engine.Status.Steps);
    }

    [Fact]
    public async Task ClientsThatGoAwayAtRandom_LeaveNothingBehind()
    {
        Random random = new(5);
        EngineStatus before = Engine.Status;
        int[] delays = [.. Enumerable.Range(0, 200).Select(_ => random.Next(12))];
        await Parallel.ForEachAsync(Enumerable.Range(0, delays.Length), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
        {
            using CancellationTokenSource leaves = new(TimeSpan.FromMilliseconds(delays[i]));
            JsonObject body = new()
            {
                ["prompt"] = "x", ["max_tokens"] = 60, ["threshold"] = null, ["stream"] = i % 2 == 0, ["n"] = 1 + (i % 3),
            };
            try
            {
                await server.PostAsync(Path, body.ToJsonString(), leaves.Token);
            }
            catch (Exception error) when (error is OperationCanceledException or System.Text.Json.JsonException or HttpRequestException)
            {
                // Gone, or a stream that is no JSON.
            }
        });
        await UntilAsync(() => Engine.Status.Running + Engine.Status.Waiting == 0);

        Assert.Equal(before.Failed, Engine.Status.Failed);
        await server.AskAsync(Path, new JsonObject { ["prompt"] = "x", ["max_tokens"] = 3 });
    }

    [Fact]
    public async Task ClientThatNeverReads_DoesNotHoldTheEngineAndIsDropped()
    {
        server.Limits = new ServerOptions { WriteTimeout = TimeSpan.FromMilliseconds(200) };
        EngineStatus before = Engine.Status;
        int aborted = server.Aborted;
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, server.Port));
        string body = new JsonObject
        {
            ["prompt"] = "x", ["max_tokens"] = 90, ["n"] = 8, ["threshold"] = null, ["stream"] = true, ["alternatives"] = 20,
            ["stream_options"] = new JsonObject { ["include_steps"] = true },
        }.ToJsonString();
        string head = $"POST {Path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}";
        await socket.SendAsync(Encoding.ASCII.GetBytes($"{head}\r\n\r\n{body}"));
        await UntilAsync(() => Engine.Status.Finished + Engine.Status.Cancelled == before.Finished + before.Cancelled + 8);
        JsonNode other = await server.AskAsync(Path, new JsonObject { ["prompt"] = "x", ["max_tokens"] = 3 });
        await UntilAsync(() => server.Aborted > aborted);
        server.Limits = new ServerOptions();

        Assert.NotNull(other["choices"]);
        Assert.False(await EndsWithDoneAsync(socket));
    }

    [Fact]
    public async Task FullQueue_IsRefusedAtOnce()
    {
        using SemaphoreSlim gate = new(0);
        Task held = await server.HoldAsync(gate);
        string body = new JsonObject { ["prompt"] = "x", ["max_tokens"] = 1, ["n"] = 8 }.ToJsonString();
        Task<(int Status, JsonNode Body)>[] all = [.. Enumerable.Range(0, 20).Select(_ => server.PostAsync(Path, body))];
        await UntilAsync(() => all.Count(task => task.IsCompleted) >= 4); // 128 texts fit: at most 16 requests
        gate.Release();
        await held;
        await Task.WhenAll(all);

        int refused = all.Count(task => task.Result.Status == 429);
        Assert.InRange(refused, 4, 10);
        Assert.Equal(20 - refused, all.Count(task => task.Result.Status == 200));
    }

    private static async Task<bool> EndsWithDoneAsync(Socket socket)
    {
        byte[] bytes = new byte[1 << 16];
        string tail = "";
        try
        {
            while (await socket.ReceiveAsync(bytes) is int read and > 0)
            {
                tail = (tail + Encoding.Latin1.GetString(bytes, 0, read))[^Math.Min(64, tail.Length + read)..];
            }
        }
        catch (SocketException)
        {
            return false;
        }

        return tail.Contains("[DONE]", StringComparison.Ordinal);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (int i = 0; i < 2000 && !holds(); i++)
        {
            await Task.Delay(5);
        }

        Assert.True(holds());
    }
}
