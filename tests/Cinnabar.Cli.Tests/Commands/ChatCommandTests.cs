using System.Diagnostics;
using Cinnabar.Chat;
using Cinnabar.Numerics;
using Cinnabar.Tests;

namespace Cinnabar.Cli.Tests.Commands;

/// <summary>Conversations: one line of standard input a message.</summary>
[Collection(ConsoleTests.Name)]
public sealed class ChatCommandTests(TinyModel tiny)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Conversation_MessageThatDoesNotFit_IsDroppedAndTheOthersAreAnswered()
    {
        string tooLong = string.Concat(Enumerable.Repeat("x 9 ", 200));
        (int exitCode, string output, string error) = await Converse($"hi\n{tooLong}\nhi\n", "--regex", "yes|no", "-n", "8");

        // Who types has seen the message; a script learns of it by the exit code.
        Assert.Equal(Console.IsInputRedirected ? CommandRunner.Failed : 0, exitCode);
        string[] answers = output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, answers.Length);
        Assert.All(answers, answer => Assert.Contains(answer, (string[])["yes", "no"]));
        Assert.Contains($"context of {TinyModel.Context} tokens", error, StringComparison.Ordinal);
        Assert.Contains("/clear", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Conversation_AnswerThatEndsWithTheContext_IsSaidToBeCutShort()
    {
        DiffusionModel model = DiffusionModel.Load(ChatModel(), KernelTable.Create(threads: 1));
        string message = "x";
        while (model.CanvasFor([new ChatMessage("user", message)], 500).Canvas.Holes[0].Length > 3)
        {
            message += " x";
        }

        // A network of random weights ends one answer in a hundred by itself before its third token.
        List<string> errors = [];
        foreach (string seed in (string[])["1", "2", "3", "4"])
        {
            (_, _, string said) = await Converse(message + "\n", "-n", "12", "--temperature", "1", "--seed", seed);
            errors.Add(said);
        }

        Assert.Contains(errors, said => said.Contains("The answer was cut short", StringComparison.Ordinal));
        (_, _, string error) = await Converse("hi\n", "-n", "3");
        Assert.DoesNotContain("cut short", error, StringComparison.Ordinal);
    }

    [UnixFact]
    public async Task Conversation_AskedToStopAtThePrompt_Ends()
    {
        bool dotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        ProcessStartInfo start = new(dotnet ? Environment.ProcessPath! : "dotnet")
        {
            RedirectStandardError = true, RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        string[] arguments = [typeof(Program).Assembly.Location, "chat", "--model", ChatModel(), "-n", "4", "--threads", "1"];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        try
        {
            await process.StandardInput.WriteLineAsync("hi");
            await process.StandardInput.FlushAsync();
            Assert.NotNull(await process.StandardOutput.ReadLineAsync().WaitAsync(s_patience)); // next it waits for a line
            using Process kill = Process.Start("sh", ["-c", $"kill -TERM {process.Id}"]);
            await process.WaitForExitAsync().WaitAsync(s_patience);
            Assert.Equal(CommandRunner.Cancelled, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private async Task<(int ExitCode, string Out, string Error)> Converse(string lines, params string[] options)
    {
        TextReader standardIn = Console.In;
        Console.SetIn(new StringReader(lines));
        try
        {
            return await tiny.Run(["chat", "--model", ChatModel(), "--threads", "1", .. options]);
        }
        finally
        {
            Console.SetIn(standardIn);
        }
    }

    private string ChatModel()
    {
        string path = Path.Combine(tiny.Folder, "tiny-conversation");
        if (!Directory.Exists(path))
        {
            TinyModelFolder.Write(path);
            File.WriteAllText(Path.Combine(path, "chat_template.jinja"), "{% for m in messages %}{{ m.content }}\n{% endfor %}");
        }

        return path;
    }
}
