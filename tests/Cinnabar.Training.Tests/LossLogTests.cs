using System.Xml.Linq;

namespace Cinnabar.Training.Tests;

public sealed class LossLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-test-").FullName;

    private string File => Path.Combine(_folder, "loss.csv");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Append_ReadBack_IsTheSame()
    {
        LossEntry[] entries =
        [
            new(1, 512, 5.703125, double.NaN, 1e-5, 2.5),
            new(2, 1024, 123456.789, 4.25, 0.0015, 1e-9),
            new(3, long.MaxValue >> 20, 1e-7, double.NaN, 0.125, 123456),
        ];
        using LossLog log = new(File, 0);
        Array.ForEach(entries, log.Append);
        log.Flush();
        Assert.Equal(entries, LossLog.Read(File)); // while it is open, as a run does for its curve
        string[] lines = System.IO.File.ReadAllLines(File);
        Assert.Equal("step,tokens,loss,held_out_bits_per_byte,learning_rate,gradient_norm", lines[0]);
        Assert.Equal("1,512,5.703125,,1E-05,2.5", lines[1]);
    }

    [Fact]
    public void Read_HalfALastLine_IsLeftOut()
    {
        const string Text = "step,tokens,loss,held_out_bits_per_byte,learning_rate,gradient_norm\n1,8,2.5,,0.1,1.25\n2,16,2.25,,0.1,1.75\n";
        for (int length = 0; length <= Text.Length; length++)
        {
            System.IO.File.WriteAllText(File, Text[..length]);
            Assert.Equal(Math.Max(0, Text[..length].Count(c => c == '\n') - 1), LossLog.Read(File).Count());
        }
    }

    [Fact]
    public void Read_ForeignLines_AreLeftOut()
    {
        System.IO.File.WriteAllText(File, "a,b\r\n1,8,2.5,,0.1,1.25\r\n\r\nx,16,2,,1,1\r\n2,16\r\n");
        Assert.Equal([1], LossLog.Read(File).Select(e => e.Step));
    }

    [Fact]
    public void Constructor_LaterStep_KeepsUpToItAndAppends()
    {
        using (LossLog log = new(File, 0))
        {
            for (int step = 1; step <= 6; step++)
            {
                log.Append(new LossEntry(step, step * 8, 1.0 / step, double.NaN, 0.1, 1.0 / 3));
            }
        }

        string[] before = System.IO.File.ReadAllLines(File);
        using (LossLog log = new(File, 4))
        {
            log.Append(new LossEntry(5, 40, 0.2, 3, 0.1, 1));
        }

        Assert.Equal([.. before[..5], "5,40,0.2,3,0.1,1"], System.IO.File.ReadAllLines(File));
        using (LossLog log = new(File, 0))
        {
        }

        Assert.Single(System.IO.File.ReadAllLines(File));
    }

    [Fact]
    public void Draw_TwoEntries_IsWellFormed()
    {
        XElement svg = Svg([new(1, 512, 5.5, double.NaN, 0.1, 1), new(2, 1024, 5.25, double.NaN, 0.1, 1)]);
        Assert.Equal(2, PointsOf(svg)[0].Length);
        Assert.Empty(PointsOf(svg)[1]);
    }

    [Fact]
    public void Draw_MeasuredEntries_StayInsideThePicture()
    {
        LossEntry[] entries = [.. Enumerable.Range(1, 3000).Select(i =>
            new LossEntry(i, i * 512L, 6 * Math.Exp(-i / 500.0), i % 100 == 0 ? 4.0 / i : double.NaN, 0.1, 1))];
        XElement svg = Svg(entries);
        Assert.InRange(PointsOf(svg)[0].Length, 500, 2400);
        Assert.Equal(30, PointsOf(svg)[1].Length);
        Assert.All(PointsOf(svg).SelectMany(points => points), point =>
        {
            Assert.InRange(point.X, 0, 900);
            Assert.InRange(point.Y, 0, 420);
        });
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Draw_EntriesWithoutANumber_LeavesThemOut(double loss)
    {
        XElement svg = Svg(
        [
            new(1, 512, loss, double.NaN, 0.1, 1), new(2, 1024, 5, 3, 0.1, 1),
            new(3, 1536, loss, 2, 0.1, 1), new(4, 2048, 4, 1, 0.1, 1),
        ]);
        Assert.Equal(2, PointsOf(svg)[0].Length);
        Assert.All(PointsOf(svg)[0], point => Assert.True(double.IsFinite(point.X) && double.IsFinite(point.Y)));
        Svg([new(1, 0, loss, double.NaN, 0.1, 1), new(2, 0, loss, double.NaN, 0.1, 1)]);
    }

    [Fact]
    public void Write_FewerThanTwoEntries_WritesNothing()
    {
        string curve = Path.Combine(_folder, "loss.svg");
        LossCurve.Write(curve, [new(1, 512, 5, double.NaN, 0.1, 1)]);
        Assert.False(System.IO.File.Exists(curve));
        LossCurve.Write(curve, [new(1, 512, 5, double.NaN, 0.1, 1), new(2, 1024, 4, double.NaN, 0.1, 1)]);
        Assert.True(System.IO.File.Exists(curve));
    }

    private static XElement Svg(LossEntry[] entries)
    {
        string text = LossCurve.Draw(entries);
        Assert.DoesNotContain("NaN", text, StringComparison.Ordinal);
        Assert.DoesNotContain("Infinity", text, StringComparison.Ordinal);
        return XDocument.Parse(text).Root!;
    }

    private static (double X, double Y)[][] PointsOf(XElement svg) =>
    [
        .. svg.Elements().Where(e => e.Name.LocalName == "polyline").Select(line => line.Attribute("points")!.Value
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(point => point.Split(','))
            .Select(point => (double.Parse(point[0]), double.Parse(point[1])))
            .ToArray()),
    ];
}
