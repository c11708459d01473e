using Cinnabar.Training;

namespace Cinnabar.Cli.Tests;

public sealed class TrainingDisplayTests
{
    private const int Width = 80;

    private static readonly TrainingProgress s_step = new(
        12_345, 100_000, 2.5, 2.5, 3e-4, 1.25, 123_456_789, 45_678, 1.2e11, null, false, TimeSpan.FromHours(30));

    [Fact]
    public void Show_LineWiderThanTheTerminal_IsCutUnlessItStays()
    {
        StringWriter writer = new();
        TrainingDisplay display = new(writer, live: true, peakGigaflops: 200, () => Width);
        display.Show(s_step);
        display.Show(s_step);
        string[] drawn = writer.ToString().Split('\r', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([Width - 1, Width - 1], drawn.Select(line => line.Length));
        Assert.All(drawn, line => Assert.StartsWith("step 12345/100000  30 h 0 min left  loss 2.500", line, StringComparison.Ordinal));

        display.Show(s_step with { HeldOutBitsPerByte = 1.5 });
        Assert.EndsWith($"123.46 M tokens  held-out 1.500 bits/byte{Environment.NewLine}", writer.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void End_InTheMiddleOfALine_LeavesItOnce()
    {
        StringWriter writer = new();
        TrainingDisplay display = new(writer, live: true, peakGigaflops: null, () => Width);
        display.End();
        Assert.Equal("", writer.ToString());
        display.Show(s_step);
        string before = writer.ToString();
        display.End();
        display.End();
        Assert.Equal(before + Environment.NewLine, writer.ToString());
    }
}
