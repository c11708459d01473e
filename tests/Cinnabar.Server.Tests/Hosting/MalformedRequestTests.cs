// What the server of the runtime makes of requests that two parsers could read differently (request smuggling). The list records what it
// does, so that a change of the runtime is seen: a refusal that became leniency is a fault to look into.
namespace Cinnabar.Server.Tests.Hosting;

public sealed class MalformedRequestTests(SharedServer shared) : IClassFixture<SharedServer>
{
    private const string Twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n";
    private const string Start = "POST /read HTTP/1.1\r\nHost: localhost:PORT\r\nContent-Type: application/json\r\n";

    [Theory]
    [InlineData("two lengths", Start + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400)]
    [InlineData("two different lengths", Start + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400)]
    [InlineData("negative length", Start + "Content-Length: -2\r\n\r\n{}", 400)]
    [InlineData("length that is no number", Start + "Content-Length: 0x2\r\n\r\n{}", 400)]
    [InlineData("length above 64 bits", Start + "Content-Length: 99999999999999999999\r\n\r\n{}", 400)]
    [InlineData("unknown transfer coding", Start + "Transfer-Encoding: gzip\r\n\r\n{}", 400)]
    [InlineData("chunked before another coding", Start + "Transfer-Encoding: chunked, gzip\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("chunk extension with a bare line feed", Start + "Transfer-Encoding: chunked\r\n\r\n2;a\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("negative chunk", Start + "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("chunk that is too short", Start + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n", 400)]
    [InlineData("folded header", Start + "X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", 400)]
    [InlineData("space before the colon", Start + "Content-Length : 2\r\n\r\n{}", 400)]
    [InlineData("NUL in a header", Start + "X: a\0b\r\nContent-Length: 2\r\n\r\n{}", 400)]
    [InlineData("header without a colon", Start + "X\r\nContent-Length: 2\r\n\r\n{}", 400)]
    [InlineData("two hosts", "GET /health HTTP/1.1\r\nHost: localhost:PORT\r\nHost: localhost:PORT\r\n\r\n", 400)]
    [InlineData("no host", "GET /health HTTP/1.1\r\n\r\n", 400)]
    [InlineData("user in the host", "GET /health HTTP/1.1\r\nHost: localhost:PORT@evil.example\r\n\r\n", 400)]
    [InlineData("another authority in the target", "GET http://evil.example/health HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", 400)]
    [InlineData("TLS", "\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003\r\n\r\n", 400)]
    [InlineData("HTTP/0.9", "GET /health\r\n\r\n", 400)]
    [InlineData("unknown version", "GET /health HTTP/1.2\r\nHost: localhost:PORT\r\n\r\n", 505)]
    [InlineData("CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 403)]
    [InlineData("own authority in the target", "GET http://localhost:PORT/health HTTP/1.1\r\nHost: localhost:PORT\r\n\r\n", 200)]
    [InlineData("chunks beside a length", Start + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{ }\r\n0\r\n\r\n", 200)]
    [InlineData("lenient: bare line feeds", "GET /health HTTP/1.1\nHost: localhost:PORT\n\n", 200)]
    [InlineData("lenient: chunked twice", Start + Twice + "2\r\n{}\r\n0\r\n\r\n", 200)]
    [InlineData("lenient: length with a sign", Start + "Content-Length: +2\r\n\r\n{}", 200)]
    public async Task Request_Malformed_IsAnsweredAsRecorded(string what, string request, int status)
    {
        string line = await shared.Server.StatusLineOfAsync(request.Replace("PORT", $"{shared.Server.Port}", StringComparison.Ordinal));

        Assert.True(line.StartsWith($"HTTP/1.1 {status} ", StringComparison.Ordinal), $"{what}: expected {status}, found {line}");
        Assert.Equal("""{"status":"ok"}""", await shared.Server.Client.GetStringAsync("/health"));
    }

    [Fact]
    public async Task Http2_WithoutTls_IsSentAway()
    {
        string answer = await shared.Server.StatusLineOfAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

        // A GOAWAY frame (type 7) that asks for HTTP/1.1, in the language of HTTP/2.
        Assert.DoesNotContain("HTTP/1.1 2", answer);
        Assert.Equal('\u0007', answer[3]);
    }
}
