using System.Diagnostics;
using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

/// <summary>How many a machine serves, and how long it waits for those who do not show that they know the key.</summary>
public sealed class LayerWorkerStrangerTests
{
    private const int MostModels = 64;
    private const int MostStrangers = 64;

    private static readonly MachineKey s_key = MachineKey.Read(file: null, "the-key-of-these-machines");

    [Fact]
    public void Programs_MoreThanThereMayBe_AreToldAndLaterOnesServed()
    {
        using TestMachines machines = new(1);
        List<RawProgram> programs = [.. Enumerable.Range(0, MostModels).Select(_ => RawProgram.Greeted(machines.Port))];
        using (RawProgram another = RawProgram.Silent(machines.Port))
        {
            Assert.Equal(
                "Expected fewer models on this machine, found as many as it takes. Use another machine.",
                another.Refused(another.GreetingWith(MachineKey.None)));
        }

        CinnabarException e = Assert.Throws<CinnabarException>(() => machines.Network(RawProgram.SmallNetwork, 1));
        Assert.Equal(
            $"127.0.0.1:{machines.Port}: Expected fewer models on this machine, found as many as it takes. Use another machine.",
            e.Message);
        programs[1].Ask(MachineCommand.Begin, RawProgram.Text(RawProgram.Small.ToJson()));
        programs[0].Dispose();
        TestMachines.Eventually(
            () => Record.Exception(() => RawProgram.Greeted(machines.Port).Dispose()) is null, "another program is let in");
        programs.ForEach(program => program.Dispose());
        TestMachines.Eventually(() => Record.Exception(() => GoodProgram.Works(machines)) is null, "a good program is served");
    }

    // Programs are not counted among strangers, nor strangers among programs.
    [Fact]
    public void Strangers_FewerThanThereMayBe_KeepNobodyOut()
    {
        using TestMachines machines = new(1, key: s_key);
        List<RawProgram> programs = [.. Enumerable.Range(0, MostModels - 1).Select(_ => RawProgram.Greeted(machines.Port, s_key))];
        List<RawProgram> strangers = [.. Enumerable.Range(0, MostStrangers - 1).Select(_ => RawProgram.Silent(machines.Port))];
        GoodProgram.Works(machines);
        programs.ForEach(program => program.Dispose());
        strangers.ForEach(stranger => stranger.Dispose());
    }

    // All in one test, as it waits.
    [Fact]
    public async Task Strangers_AsManyAsThereMayBe_AreClosedInTimeAndProgramsServed()
    {
        using TestMachines machines = new(1, key: s_key);
        using RawProgram known = RawProgram.Greeted(machines.Port, s_key);
        Stopwatch watch = Stopwatch.StartNew();
        List<RawProgram> strangers = [.. Enumerable.Range(0, MostStrangers).Select(_ => RawProgram.Silent(machines.Port))];
        byte[] greeting = strangers[1].GreetingWith(s_key);
        strangers[1].Send(greeting.AsSpan(0, 79)); // all but the last byte
        Task dribbling = Task.Run(() =>
        {
            for (int i = 0; i < 24; i++)
            {
                strangers[2].Send("C"u8[..1]); // each well within the time of a silence
                Thread.Sleep(500);
            }
        });

        // A program that was there before is served all the time.
        known.Ask(MachineCommand.Begin, RawProgram.Text(RawProgram.Small.ToJson()));
        Array.ForEach(RawProgram.WeightNames, known.Load);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, MachineProtocol.GreetingTimeout);
        foreach (RawProgram stranger in strangers)
        {
            Assert.Empty(stranger.ReadToEnd());
        }

        Assert.InRange(watch.Elapsed, MachineProtocol.GreetingTimeout - TimeSpan.FromSeconds(1), 1.5 * MachineProtocol.GreetingTimeout);
        GoodProgram.Works(machines);
        known.Ask(MachineCommand.Complete); // it may be silent for as long as it likes
        known.Pass(new RawPass());
        await dribbling;

        // Nothing is said of them.
        Assert.Equal(
            ["layer", "layer", "ready", "ready"],
            machines.Log.Where(line => !line.EndsWith(": gone", StringComparison.Ordinal)).Select(line => line.Split(' ', ',')[1]).Order());
        strangers.ForEach(stranger => stranger.Dispose());
    }
}
