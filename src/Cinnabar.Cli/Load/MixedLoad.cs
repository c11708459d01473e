// Load of all kinds for a long time: texts streamed and not, holes, scores, wrong requests, clients that leave in the middle. A server that
// keeps something of each request shows it as memory, handles or threads that grow.
using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Cinnabar.Cli.Load;

/// <summary>What a process holds.</summary>
/// <param name="Memory">Resident, in bytes.</param>
/// <param name="Handles">Open files and sockets.</param>
/// <param name="Threads">Threads.</param>
internal sealed record ProcessSize(long Memory, int Handles, int Threads)
{
    /// <summary>That of this process, after what is garbage has been collected.</summary>
    public static ProcessSize Now()
    {
        GC.Collect();
        using Process own = Process.GetCurrentProcess();
        int handles = Directory.Exists("/proc/self/fd") ? Directory.GetFiles("/proc/self/fd").Length : own.HandleCount;
        return new ProcessSize(own.WorkingSet64, handles, own.Threads.Count);
    }
}

/// <summary>Several clients that each send a random request after the other.</summary>
internal sealed class MixedLoad(LoadClient client)
{
    private const int Clients = 12;
    private const int MaxTokens = 24;

    private long _requests;
    private long _errors;
    private long _left;

    /// <summary>Requests answered as they should be.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Requests answered otherwise.</summary>
    public long Errors => Interlocked.Read(ref _errors);

    /// <summary>Clients that left in the middle.</summary>
    public long Left => Interlocked.Read(ref _left);

    /// <summary>Sends requests until told to stop.</summary>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, Clients).Select(number => Task.Run(async () =>
    {
        Random random = new(number);
        while (!stop.IsCancellationRequested)
        {
            await OneAsync(random);
        }
    })));

    /// <summary>Clients that leave at random times, one after the other in groups.</summary>
    /// <param name="count">Their number.</param>
    /// <param name="cancellation">Stops.</param>
    public async Task LeaveAsync(int count, CancellationToken cancellation)
    {
        Random random = new(7);
        foreach (int[] group in Enumerable.Range(0, count).Chunk(32))
        {
            cancellation.ThrowIfCancellationRequested();
            await Task.WhenAll(group.Select(number => LeaveAsync(number, random.Next(0, 400))));
        }
    }

    private async Task OneAsync(Random random)
    {
        int number = random.Next(1000);
        switch (random.Next(6))
        {
            case 0:
                Count(await client.SendAsync("/v1/infill", Infill(number)), 200);
                break;
            case 1:
                Count(await client.SendAsync("/v1/score", new JsonObject { ["text"] = $"int x = {number};", ["samples"] = 2 }), 200);
                break;
            case 2:
                Count(await client.SendAsync("/v1/completions", new JsonObject { ["prompt"] = "x", ["max_tokens"] = -number - 1 }), 400);
                break;
            case 3:
                await LeaveAsync(number, random.Next(0, 300));
                break;
            default:
                LoadAnswer answer = await client.StreamAsync(client.Completion(number, MaxTokens));
                Count(answer.Error is null ? 200 : 0, 200);
                break;
        }
    }

    private static JsonObject Infill(int number) => new()
    {
        ["segments"] = new JsonArray("int F() { return ", new JsonObject { ["hole"] = new JsonObject { ["max_tokens"] = 8 } }, "; }"),
        ["seed"] = number,
    };

    private async Task LeaveAsync(int number, int afterMilliseconds)
    {
        using CancellationTokenSource leaves = new(afterMilliseconds);
        try
        {
            LoadAnswer answer = await client.StreamAsync(client.Completion(number, 200), leaves.Token);
            if (answer.Error is not null)
            {
                Interlocked.Increment(ref leaves.IsCancellationRequested ? ref _left : ref _errors);
            }
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _left);
        }
    }

    private void Count(int status, int expected) => Interlocked.Increment(ref status == expected ? ref _requests : ref _errors);
}
