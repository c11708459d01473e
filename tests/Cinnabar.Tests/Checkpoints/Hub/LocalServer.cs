using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Cinnabar.Tests.Checkpoints.Hub;

/// <summary>A request that arrived: method and path with query as sent, headers by lower-case name.</summary>
internal sealed record LocalRequest(string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>First byte of the range asked for; null: the whole.</summary>
    public long? RangeStart => Headers.TryGetValue("range", out string? range)
        ? long.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture)
        : null;

    public string? Header(string name) => Headers.GetValueOrDefault(name.ToLowerInvariant());
}

/// <summary>What to answer: Content-Length is that of the body unless Headers say otherwise.</summary>
internal sealed record LocalAnswer(int Status, byte[] Body, params (string Name, string Value)[] Headers)
{
    /// <summary>Cut the connection after so many bytes of the body; null: never.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Whether the length of the body is told; without it the body ends with the connection.</summary>
    public bool HasLength { get; init; } = true;

    /// <summary>Say nothing for so long behind the body.</summary>
    public TimeSpan Stall { get; init; }

    /// <summary>Whether a cut throws away what is on its way, as a crash does.</summary>
    public bool CutHard { get; init; }
}

/// <summary>A small HTTP/1.1 server on this machine; one request a connection.</summary>
internal sealed class LocalServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<LocalRequest, LocalAnswer> _answer;
    private readonly CancellationTokenSource _over = new();

    public LocalServer(Func<LocalRequest, LocalAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Everything that was asked for, in order.</summary>
    public ConcurrentQueue<LocalRequest> Requests { get; } = new();

    public void Dispose()
    {
        _over.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptSocketAsync();
                _ = Task.Run(() => ServeAsync(socket));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using NetworkStream stream = new(socket, ownsSocket: true);
        try
        {
            LocalRequest request = await ReadAsync(stream);
            Requests.Enqueue(request);
            LocalAnswer answer = _answer(request);
            await stream.WriteAsync(Head(answer));
            int count = Math.Min(answer.Body.Length, answer.CutAfter ?? int.MaxValue);
            await stream.WriteAsync(answer.Body.AsMemory(0, count));
            await Task.Delay(answer.Stall, _over.Token);
            if (answer is { CutAfter: not null, CutHard: true })
            {
                socket.LingerState = new LingerOption(true, 0);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client went away, or the test is over.
        }
    }

    private static async Task<LocalRequest> ReadAsync(NetworkStream stream)
    {
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        int end = -1;
        while (end < 0)
        {
            await ReadMoreAsync();
            end = text.ToString().IndexOf("\r\n\r\n", StringComparison.Ordinal);
        }

        string[] lines = text.ToString()[..end].Split("\r\n");
        LocalRequest request = new(
            lines[0].Split(' ')[1],
            lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1]));

        // A connection closed with bytes that nobody has read loses the answer.
        int whole = end + 4 + int.Parse(request.Header("Content-Length") ?? "0", CultureInfo.InvariantCulture);
        while (text.Length < whole)
        {
            await ReadMoreAsync();
        }

        return request;

        async Task ReadMoreAsync()
        {
            int read = await stream.ReadAsync(buffer);
            text.Append(read == 0 ? throw new IOException() : Encoding.Latin1.GetString(buffer, 0, read));
        }
    }

    private static byte[] Head(LocalAnswer answer)
    {
        StringBuilder head = new($"HTTP/1.1 {answer.Status} x\r\nConnection: close\r\n");
        if (answer.HasLength && answer.Headers.All(header => header.Name != "Content-Length"))
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.Body.Length}\r\n");
        }

        foreach ((string name, string value) in answer.Headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        return Encoding.Latin1.GetBytes(head.Append("\r\n").ToString());
    }
}
