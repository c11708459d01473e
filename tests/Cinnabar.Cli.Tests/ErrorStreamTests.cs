using System.Text;

namespace Cinnabar.Cli.Tests;

public sealed class ErrorStreamTests
{
    [Fact]
    public async Task Write_WhatCannotBeTaken_IsLost()
    {
        using Full full = new();
        using ErrorStream error = new(full);
        error.WriteLine("step 1");
        error.Write("step 2");
        error.Write('3');
        error.WriteLine();
        await error.WriteLineAsync("step 4");
        error.Flush();
        Assert.True(full.Attempts >= 5);
    }

    [Fact]
    public void Write_Lines_ArePassedOn()
    {
        using StringWriter written = new();
        using ErrorStream error = new(written);
        error.Write("a");
        error.WriteLine("1");
        Assert.Equal("a1" + Environment.NewLine, written.ToString());
    }

    private sealed class Full : TextWriter
    {
        public int Attempts { get; private set; }

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            Attempts++;
            throw new IOException("No space left on device");
        }

        public override void Flush() => Write(' ');
    }
}
