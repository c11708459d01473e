using System.Net;
using System.Net.Sockets;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Server;
using Cinnabar.Server.Security;
using Cinnabar.Serving;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class ServeCommandTests(TinyModel tiny)
{
    [Fact]
    public async Task Port_InUse_IsOneSentence()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;
        string keys = tiny.Write("keys.txt", "the-key\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        }

        (int exitCode, string output, string error) = await tiny.RunWithModel("serve", "--port", $"{port}", "--api-key-file", keys);

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains($"port {port}", error);
        Assert.DoesNotContain("   at ", error);
        Assert.DoesNotContain("the-key", error);
        Assert.Equal(!OperatingSystem.IsWindows(), error.Contains("chmod 600", StringComparison.Ordinal));
    }

    [Fact]
    public async Task OpenToOthers_WithoutAKey_DoesNotStart()
    {
        (int exitCode, string output, string error) = await tiny.RunWithModel("serve", "--host", "0.0.0.0");

        Assert.Equal(1, exitCode);
        Assert.Equal("", output);
        Assert.Contains("--insecure-no-auth", error);
    }

    [Theory]
    [InlineData("--host", "example.com", "IP address")]
    [InlineData("--port", "65536", "0 … 65535")]
    [InlineData("--max-running", "0", "1 … 4096")]
    [InlineData("--max-waiting", "-1", "0 … 65536")]
    public async Task Option_OutOfRange_IsAWrongCommandLine(string option, string value, string said)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("serve", option, value);

        Assert.Equal(2, exitCode);
        Assert.Contains(option, error);
        Assert.Contains(said, error);
    }

    [Fact]
    public async Task Model_Twice_IsRefused()
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("serve", "--port", "0", "--model", tiny.Path);

        Assert.Equal(1, exitCode);
        Assert.Contains("different names, found 2: tiny, tiny", error);
    }

    [Fact]
    public async Task Banner_HasAtMostTenLinesAndACommandThatFits()
    {
        string path = Path.Combine(tiny.Folder, "left-to-right");
        TinyModelFolder.Write(path, config => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true });
        await using ModelEngine masked = new(DiffusionModel.Load(tiny.Path, KernelTable.Create(threads: 1)));
        await using ModelEngine twin = new(DiffusionModel.Load(path, KernelTable.Create(threads: 1)));
        ServedModel[] many = [.. Enumerable.Range(0, 9).Select(i => new ServedModel($"model-{i}", masked, 0))];

        string first = ServeBanner.Text(
            "http://127.0.0.1:5317", new ServerOptions(), new EngineOptions(), new ServedModels(many), keyFile: null);
        string second = ServeBanner.Text(
            "http://0.0.0.0:5317",
            new ServerOptions { Address = IPAddress.Any, Keys = ApiKeys.Of("secret-one") },
            new EngineOptions { MaxRunning = 3 },
            new ServedModels([new ServedModel("twin", twin, 0)]),
            keyFile: null);

        Assert.InRange(first.TrimEnd().Split('\n').Length, 5, 10);
        Assert.Contains("http://127.0.0.1:5317 ", first);
        Assert.Contains("model-0: masked, context 96, 0 M parameters, the default", first);
        Assert.Contains("and 5 more", first);
        Assert.Contains("curl http://127.0.0.1:5317/v1/infill ", first);
        Assert.Contains("http://localhost:5317 and all addresses", second);
        Assert.Contains("twin: autoregressive", second);
        Assert.Contains("3 texts at once", second);
        Assert.Contains("curl http://localhost:5317/v1/completions ", second);
        Assert.Contains("-H \"Authorization: Bearer $CINNABAR_API_KEY\"", second);
        Assert.DoesNotContain("secret-one", second);
    }
}
