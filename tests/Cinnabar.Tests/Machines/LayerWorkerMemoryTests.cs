using Cinnabar.Machines;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>What a machine offers: weights, keys and values of all programs together take no more.</summary>
public sealed class LayerWorkerMemoryTests
{
    private const int Offer = 100_000;
    private const int NormBytes = 16;
    private const int MatrixBytes = 64;

    private static readonly string s_norm = RawProgram.WeightNames.First(name => name.Contains("norm", StringComparison.Ordinal));
    private static readonly string s_matrix = RawProgram.WeightNames.Single(name => name.Contains("ff_out", StringComparison.Ordinal));
    private static readonly byte[] s_announced = [(byte)MachineCommand.Weight, .. Header(s_matrix)];

    private static long Held => RawProgram.SmallNetwork.HeldBytes(layer: 1);

    private static long CacheOf8 => RawProgram.SmallNetwork.CacheBytes(8);

    [Fact]
    public void Weights_AreNotOfferedToOthersUntilTheConnectionEnds()
    {
        using TestMachines machines = new(1, memory: Offer);
        Assert.Equal(Offer, machines.Offered());
        using (RawProgram first = RawProgram.Ready(machines.Port, RawProgram.Small))
        {
            Assert.Equal(Offer - Held, machines.Offered());
            using RawProgram second = RawProgram.Ready(machines.Port, RawProgram.Small);
            Assert.Equal(Offer - (2 * Held), machines.Offered());
        }

        TestMachines.Eventually(() => machines.Offered() == Offer, "the memory is offered again");

        // Also by one that was refused.
        using (RawProgram third = RawProgram.Ready(machines.Port, RawProgram.Small))
        {
            third.Refused((MachineCommand)9);
            TestMachines.Eventually(() => machines.Offered() == Offer, "the memory is offered again");
        }
    }

    [Fact]
    public void Weights_ThatUseItUp_AreTheLast()
    {
        using TestMachines machines = new(1, memory: Held + NormBytes);
        using RawProgram first = RawProgram.Ready(machines.Port, RawProgram.Small);
        using RawProgram second = RawProgram.Begun(machines.Port, RawProgram.Small);
        Assert.Equal(NormBytes, second.Memory);
        second.Load(s_norm);
        string said = second.Refused(s_announced);
        Assert.Equal(Message(MatrixBytes, s_matrix, found: 0), said);
        first.Pass(new RawPass());
    }

    // Room is made before a byte of the weight comes: in the form that comes, then in that which is kept.
    [Fact]
    public void Weight_IsChargedAsItComesThenAsItIsHeld()
    {
        using TestMachines machines = new(1, memory: Offer);
        using RawProgram program = RawProgram.Begun(machines.Port, RawProgram.Small);
        program.Ask(s_announced);
        Assert.Equal(Offer - MatrixBytes, machines.Offered());
        program.Ask(RawProgram.BytesOf(RawProgram.SmallNetwork.Weights[s_matrix]));
        Assert.Equal(Offer - RawProgram.SmallNetwork.HeldBytes(layer: 1, s_matrix), machines.Offered());
    }

    [Fact]
    public void Weight_ThatTakesMoreAsItIsHeld_IsRefused()
    {
        long held = RawProgram.SmallNetwork.HeldBytes(layer: 1, s_matrix);
        using TestMachines machines = new(1, memory: MatrixBytes);
        using RawProgram program = RawProgram.Begun(machines.Port, RawProgram.Small);
        program.Ask(s_announced);
        byte[] bytes = RawProgram.BytesOf(RawProgram.SmallNetwork.Weights[s_matrix]);
        if (held <= MatrixBytes)
        {
            program.Ask(bytes); // these kernels hold it as it comes
            return;
        }

        Assert.Equal(Message(held - MatrixBytes, s_matrix, found: 0), program.Refused(bytes));
        TestMachines.Eventually(() => machines.Offered() == MatrixBytes, "the memory is offered again");
    }

    // Scales take memory like all else: with a group of one column four times that of the integers.
    [Theory]
    [InlineData(DType.Int8, 1, 16 + 64)]
    [InlineData(DType.Int8, 4, 16 + 16)]
    [InlineData(DType.Int4, 2, 8 + 32)]
    [InlineData(DType.BF16, 0, 32)]
    public void Scales_CountBeforeTheyCome(DType type, int group, int bytes)
    {
        byte[] header = RawProgram.Header(s_matrix, (byte)type, group, 4, 4);
        using TestMachines enough = new(1, memory: bytes), less = new(1, memory: bytes - 1);
        using RawProgram taken = RawProgram.Begun(enough.Port, RawProgram.Small), refused = RawProgram.Begun(less.Port, RawProgram.Small);
        taken.Ask(MachineCommand.Weight, header);
        Assert.Equal(Message(bytes, s_matrix, found: bytes - 1), refused.Refused(MachineCommand.Weight, header));
    }

    // Two programs that send at the same time may not take together what each might take alone.
    [Fact]
    public void Weights_OnTheirWay_Count()
    {
        using TestMachines machines = new(1, memory: MatrixBytes);
        using (RawProgram first = RawProgram.Begun(machines.Port, RawProgram.Small))
        {
            first.Ask(s_announced);
            using RawProgram second = RawProgram.Begun(machines.Port, RawProgram.Small);
            Assert.Equal(0, second.Memory);
            Assert.Equal(Message(MatrixBytes, s_matrix, found: 0), second.Refused(s_announced));
        }

        TestMachines.Eventually(() => machines.Offered() == MatrixBytes, "the memory is offered again");
        using RawProgram third = RawProgram.Begun(machines.Port, RawProgram.Small);
        third.Ask(s_announced);
    }

    [Fact]
    public void Caches_AreChargedUntilTheyAreForgotten()
    {
        using TestMachines machines = new(1, memory: Offer);
        using (RawProgram program = RawProgram.Ready(machines.Port, RawProgram.Small))
        {
            foreach ((RawPass pass, long caches) in ((RawPass, long)[])[
                (new RawPass(), 0),
                (Cached(1, 8), CacheOf8),
                (Cached(1, 8), CacheOf8),
                (Cached(2, 4), CacheOf8 * 3 / 2),
                (Cached(2, 8), CacheOf8 * 2), // it grew
                (Cached(2, 4), CacheOf8 * 2), // and does not shrink
                (Cached(3, 5) with { Forgotten = [1, 7] }, CacheOf8 * 13 / 8),
                (Cached(3, 8) with { Forgotten = [2, 3, 3] }, CacheOf8),
                (new RawPass { Forgotten = [3] }, 0),
                (Cached(4, 8), CacheOf8)])
            {
                program.Pass(pass);
                Assert.Equal(Offer - Held - caches, machines.Offered());
            }
        }

        TestMachines.Eventually(() => machines.Offered() == Offer, "the memory is offered again");
    }

    // The pass came whole, so both sides agree on what comes next.
    [Fact]
    public void Pass_WithoutMemoryForItsCaches_FailsAndTheNextIsComputed()
    {
        using TestMachines machines = new(1, memory: Held + CacheOf8 + 5);
        using RawProgram program = RawProgram.Ready(machines.Port, RawProgram.Small);
        byte[] without = program.Pass(new RawPass()), with = program.Pass(Cached(1, 8));
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(Message(CacheOf8, "keys and values", found: 5), program.Failed(Cached(2, 8)));
            Assert.Equal(without, program.Pass(new RawPass()));
            Assert.Equal(with, program.Pass(Cached(1, 8)));
        }

        Assert.Contains(machines.Log, line => line.Contains("bytes for keys and values", StringComparison.Ordinal));
        Assert.Equal(with, program.Pass(Cached(2, 8) with { Forgotten = [1] }));
        Assert.Equal(5, machines.Offered());
    }

    [Fact]
    public void Pass_CacheThatCannotGrow_GivesItsOldMemoryBack()
    {
        using TestMachines machines = new(1, memory: Held + CacheOf8 - 1);
        using RawProgram program = RawProgram.Ready(machines.Port, RawProgram.Small);
        byte[] expected = program.Pass(Cached(1, 4));
        Assert.Equal(Message(CacheOf8, "keys and values", found: CacheOf8 - 1), program.Failed(Cached(1, 8)));
        Assert.Equal(CacheOf8 - 1, machines.Offered());
        Assert.Equal(expected, program.Pass(Cached(1, 4)));
        Assert.Equal((CacheOf8 / 2) - 1, machines.Offered());
    }

    [Fact]
    public void Load_MoreThanTheMachineOffers_IsOneSentence()
    {
        using TestMachines machines = new(1, memory: 1000);
        CinnabarException e = Assert.Throws<CinnabarException>(() => machines.Network(TestNetwork.Of("full"), 2));
        Assert.Matches(
            $"^127\\.0\\.0\\.1:{machines.Port}: Expected [0-9,]+ bytes for model\\.transformer\\.blocks\\.[23]\\.[a-z_]+\\.weight, "
            + "found [0-9]+ of those that the machine offers\\. Give it fewer layers \\(--machines host:port=layers\\), "
            + "or let it offer more \\(--memory\\)\\.$",
            e.Message);
        TestMachines.Eventually(() => machines.Offered() == 1000, "the memory is offered again");
    }

    private static RawPass Cached(long cache, long capacity) => RawPass.Of(new RawSequence { Cache = cache, Capacity = capacity });

    private static byte[] Header(string name) => RawProgram.Header(name, RawProgram.SmallNetwork.Weights[name]);

    private static string Message(long bytes, string what, long found) =>
        $"Expected {bytes:N0} bytes for {what}, found {found:N0} of those that the machine offers. "
        + "Give it fewer layers (--machines host:port=layers), or let it offer more (--memory).";
}
