namespace Cinnabar.Server.Tests.Hosting;

/// <summary>What variables of the environment do. No other server may start meanwhile: it would read them too.</summary>
[CollectionDefinition(nameof(ServerEnvironmentTests), DisableParallelization = true)]
[Collection(nameof(ServerEnvironmentTests))]
public sealed class ServerEnvironmentTests
{
    private static readonly string[] s_names = ["ASPNETCORE_URLS", "DOTNET_URLS", "URLS", "Kestrel__Endpoints__Http__Url"];

    [Fact]
    public async Task Environment_DoesNotMoveTheServer()
    {
        string?[] before = [.. s_names.Select(Environment.GetEnvironmentVariable)];
        Array.ForEach(s_names, name => Environment.SetEnvironmentVariable(name, "http://0.0.0.0:9"));
        try
        {
            await using TestServer server = await TestServer.StartAsync();

            Assert.StartsWith("http://127.0.0.1:", Assert.Single(server.Application.Urls));
            Assert.NotEqual(9, server.Port);
            Assert.Equal("Production", server.Application.Environment.EnvironmentName);
        }
        finally
        {
            foreach ((string name, string? value) in s_names.Zip(before))
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
    }
}
