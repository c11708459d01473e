using System.Net.Sockets;
using System.Text;
using Cinnabar.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cinnabar.Server.Tests.Hosting;

public sealed class TimedResponseTests
{
    [Fact]
    public async Task ClientThatNeverReads_IsDropped()
    {
        TaskCompletionSource<Exception> ended = new();
        await using TestServer server = await Writing(TimeSpan.FromMilliseconds(300), pieces: int.MaxValue, ended);
        using TcpClient connection = await server.ConnectAsync();
        NetworkStream stream = connection.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(RequestOf(server)));

        Exception error = await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.IsType<OperationCanceledException>(error);
        // What the buffers hold can still be read; then the connection is gone, without the end of the answer.
        await Assert.ThrowsAsync<IOException>(async () =>
        {
            byte[] buffer = new byte[1 << 16];
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20)) > 0)
            {
            }

            throw new IOException("closed");
        });
        Assert.DoesNotContain("defect", server.Log);
    }

    [Fact]
    public async Task ClientThatReads_GetsEverything()
    {
        TaskCompletionSource<Exception> ended = new();
        await using TestServer server = await Writing(TimeSpan.FromSeconds(30), pieces: 100, ended);

        byte[] answer = await server.Client.GetByteArrayAsync("/write");

        Assert.Equal(100 * 65_536, answer.Length);
    }

    [Fact]
    public async Task ClientThatLeaves_IsNoDefect()
    {
        TaskCompletionSource<Exception> ended = new();
        await using TestServer server = await Writing(TimeSpan.FromSeconds(30), pieces: int.MaxValue, ended);
        using (TcpClient connection = await server.ConnectAsync())
        {
            await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes(RequestOf(server)));
            await TestServer.ReadStatusLineAsync(connection.GetStream());
        }

        Assert.IsAssignableFrom<OperationCanceledException>(await ended.Task.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.DoesNotContain("defect", server.Log);
    }

    private static string RequestOf(TestServer server) => $"GET /write HTTP/1.1\r\nHost: localhost:{server.Port}\r\n\r\n";

    private static Task<TestServer> Writing(TimeSpan timeout, int pieces, TaskCompletionSource<Exception> ended)
    {
        ServerOptions options = new() { WriteTimeout = timeout };
        return TestServer.StartAsync(options, (application, _) => application.MapGet("/write", AnswerAsync));

        async Task AnswerAsync(HttpContext context)
        {
            try
            {
                byte[] piece = new byte[65_536];
                for (int i = 0; i < pieces; i++)
                {
                    context.RequestAborted.ThrowIfCancellationRequested();
                    await TimedResponse.WriteAsync(context, piece, context.RequestAborted);
                }
            }
            catch (Exception error)
            {
                ended.SetResult(error);
                throw;
            }
        }
    }
}
