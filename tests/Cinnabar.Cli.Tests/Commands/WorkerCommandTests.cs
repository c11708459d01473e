using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Cinnabar.Machines;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed partial class WorkerCommandTests(TinyModel tiny)
{
    private const string Key = "a-key-for-these-tests";

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("::")]
    public async Task OpenToOthers_WithoutAKey_DoesNotStart(string host)
    {
        (int exitCode, string output, string error) = await tiny.Run("worker", "--threads", "1", "--port", "0", "--host", host);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("error: Expected a key for a machine that others reach", error);
        Assert.Contains("--insecure-no-auth", error);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Fact]
    public async Task Host_NoAddress_IsAWrongCommandLine()
    {
        (int exitCode, _, string error) = await tiny.Run("worker", "--host", "example.com");

        Assert.Equal(2, exitCode);
        Assert.StartsWith("error: Expected --host to be an IP address or localhost, found 'example.com'.", error);
    }

    [Fact]
    public async Task Port_InUse_IsOneSentence()
    {
        using TcpListener other = new(IPAddress.Loopback, 0);
        other.Start();
        int port = ((IPEndPoint)other.LocalEndpoint).Port;

        (int exitCode, string output, string error) = await tiny.Run("worker", "--threads", "1", "--port", $"{port}");

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith($"error: Expected to listen on 127.0.0.1, port {port}, found: ", error);
        Assert.Single(error.Trim().Split('\n'));
    }

    [Theory]
    [InlineData("short")]
    [InlineData("with spaces in between")]
    [InlineData("")]
    public async Task KeyFile_WithoutAKey_IsRefusedAndNotShown(string key)
    {
        string file = tiny.Write("no-key.txt", key);

        (int exitCode, string output, string error) = await tiny.Run("worker", "--threads", "1", "--port", "0", "--key-file", file);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("expected a key of 16 … 512 printable ASCII characters", error);
        Assert.True(key.Length == 0 || !error.Contains(key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("no-such-file")]
    [InlineData("")]
    public async Task KeyFile_ThatCannotBe_IsNoDefect(string file)
    {
        (int exitCode, _, string error) = await tiny.Run("worker", "--threads", "1", "--port", "0", "--key-file", file);

        Assert.Equal(1, exitCode);
        Assert.DoesNotContain("defect in Cinnabar", error);
    }

    [Fact]
    public async Task Worker_ComputesLayersUntilItIsStopped()
    {
        (_, string expected, _) = await tiny.RunWithModel("generate", "int a", "-n", "8");
        await using Running worker = await Running.Start("--memory", "0.5");

        Assert.Matches(@"^Computes layers at 127\.0\.0\.1:\d+ \(1 thread, 0\.5 GB, no key\)\. Ctrl-C ends it\.$", worker.Banner);
        (int exitCode, string output, string error) = await tiny.RunWithModel(
            "generate", "int a", "-n", "8", "--machines", $"{worker.Address}=1", "--verbose");
        Assert.True(exitCode == 0, error);
        Assert.Equal(expected, output);
        Assert.Matches($@"tiny: layer 1 here, layer 2 on {Regex.Escape(worker.Address)} \(\w+ kernels\)\.", error);
        Assert.Equal(0, await worker.Stop());
        (exitCode, _, error) = await tiny.RunWithModel("generate", "int a", "--machines", worker.Address);
        Assert.Equal(1, exitCode);
        Assert.Contains($"Expected a machine that computes layers at {worker.Address}, found: ", error);
    }

    [Fact]
    public async Task Worker_WithAKey_ServesThoseThatHaveIt()
    {
        string key = tiny.Write("key.txt", Key + "\n"), other = tiny.Write("other-key.txt", Key + Key);
        (_, string expected, _) = await tiny.RunWithModel("generate", "int a", "-n", "8");
        await using Running worker = await Running.Start("--key-file", key);

        Assert.Contains(", with a key). ", worker.Banner);
        Assert.DoesNotContain(Key, worker.Banner);
        string[] generate = ["generate", "int a", "-n", "8", "--machines", worker.Address];
        foreach (string[] further in (string[][])[[], ["--machines-key-file", other]])
        {
            (int refused, _, string said) = await tiny.RunWithModel([.. generate, .. further]);
            Assert.Equal(1, refused);
            Assert.Contains($"error: {worker.Address}: Expected the key of this machine, found another or none.", said);
        }

        (int exitCode, string output, string error) = await tiny.RunWithModel([.. generate, "--machines-key-file", key]);
        Assert.True(exitCode == 0, error);
        Assert.Equal(expected, output);

        Environment.SetEnvironmentVariable(MachineKey.Variable, Key);
        try
        {
            (exitCode, output, error) = await tiny.RunWithModel(generate);
            Assert.True(exitCode == 0, error);
            Assert.Equal(expected, output);
        }
        finally
        {
            Environment.SetEnvironmentVariable(MachineKey.Variable, null);
        }
    }

    [GeneratedRegex(@"Computes layers at (\S+) ")]
    private static partial Regex AddressOf();

    // The command in this process, stopped as Ctrl-C does.
    private sealed class Running : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop;
        private readonly Task<int> _command;

        private Running(Task<int> command, CancellationTokenSource stop, string banner)
        {
            (_command, _stop, Banner) = (command, stop, banner);
            Address = AddressOf().Match(banner).Groups[1].Value;
        }

        public string Banner { get; }

        public string Address { get; }

        public static async Task<Running> Start(params string[] arguments)
        {
            TextWriter standardOut = Console.Out;
            using FirstLine output = new();
            Console.SetOut(output);
            try
            {
                CancellationTokenSource stop = new();
                InvocationConfiguration invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
                Task<int> command = Program.CreateRoot().Parse(["worker", "--port", "0", "--threads", "1", .. arguments])
                    .InvokeAsync(invocation, stop.Token);
                return new Running(command, stop, await output.Text.WaitAsync(TimeSpan.FromSeconds(10)));
            }
            finally
            {
                Console.SetOut(standardOut);
            }
        }

        public async Task<int> Stop()
        {
            await _stop.CancelAsync();
            return await _command.WaitAsync(TimeSpan.FromSeconds(10));
        }

        public async ValueTask DisposeAsync()
        {
            await Stop();
            _stop.Dispose();
        }
    }

    private sealed class FirstLine : StringWriter
    {
        private readonly TaskCompletionSource<string> _text = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> Text => _text.Task;

        public override void WriteLine(string? value) => _text.TrySetResult(value ?? "");
    }
}
