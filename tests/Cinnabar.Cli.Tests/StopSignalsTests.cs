using System.Runtime.InteropServices;

namespace Cinnabar.Cli.Tests;

public sealed class StopSignalsTests
{
    [Fact]
    public void Handle_FirstSignal_AsksAndTheSecondEndsTheProcess()
    {
        List<int> exitCodes = [];
        Clock clock = new();
        using StopSignals signals = new(exitCodes.Add, clock);
        Assert.False(signals.Token.IsCancellationRequested);
        PosixSignalContext first = new(PosixSignal.SIGINT);
        signals.Handle(first);
        Assert.True(first.Cancel);
        Assert.True(signals.Token.IsCancellationRequested);
        Assert.Empty(exitCodes);

        // The same one again, as from a program that sends it to the process and to its group.
        signals.Handle(new PosixSignalContext(PosixSignal.SIGINT));
        Assert.Empty(exitCodes);
        clock.Seconds += 2;
        signals.Handle(new PosixSignalContext(PosixSignal.SIGINT));
        Assert.Equal([CommandRunner.Cancelled], exitCodes);
    }

    private sealed class Clock : TimeProvider
    {
        public long Seconds { get; set; } = 5;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Seconds;
    }
}
