using System.Runtime.InteropServices;

namespace Cinnabar.Cli.Tests;

public sealed class StopSignalsTests
{
    [Fact]
    public void Handle_FirstSignal_AsksAndTheSecondEndsTheProcess()
    {
        List<int> exitCodes = [];
        using StopSignals signals = new(exitCodes.Add);
        Assert.False(signals.Token.IsCancellationRequested);
        PosixSignalContext first = new(PosixSignal.SIGINT);
        signals.Handle(first);
        Assert.True(first.Cancel);
        Assert.True(signals.Token.IsCancellationRequested);
        Assert.Empty(exitCodes);
        signals.Handle(new PosixSignalContext(PosixSignal.SIGINT));
        Assert.Equal([CommandRunner.Cancelled], exitCodes);
    }
}
