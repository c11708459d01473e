using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

/// <summary>Passes that do not fit: a machine refuses them and goes on for others.</summary>
public sealed class LayerWorkerPassTests : IDisposable
{
    private readonly TestMachines _machines = new(1);

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    private static readonly RawSequence s_cached = new() { Cache = 3, Positions = [1, 3] };

    private static readonly Dictionary<string, (RawPass Pass, string Said)> s_wrong = new()
    {
        ["attention"] = (new() { Attention = 3 }, "a kind of attention, found 3"),
        ["attention of 255"] = (new() { Attention = 255 }, "a kind of attention, found 255"),
        ["no rows"] = (new() { Rows = 0 }, "rows of a pass"),
        ["negative rows"] = (new() { Rows = -1 }, "rows of a pass"),
        ["too many rows"] = (new() { Rows = long.MaxValue }, "rows of a pass"),
        ["rows of 5 GB"] = (new() { Rows = 5L << 28 }, "rows of a pass"),
        ["no sequences"] = (new() { Count = 0 }, "sequences of a pass"),
        ["more sequences than rows"] = (new() { Count = 5 }, "sequences of a pass"),
        ["more rows than sequences have"] = (RawPass.Of(new(), new() { Rows = 3 }), "of 8 rows together, found 7"),
        ["fewer rows than a sequence has"] = (RawPass.Of(new RawSequence { Rows = 5 }), "rows of a sequence"),
        ["negative rows of a sequence"] = (RawPass.Of(new RawSequence { Rows = -1 }), "rows of a sequence"),
        ["second sequence takes too much"] = (RawPass.Of(new(), new() { Rows = 6 }), "rows of a sequence"),
        ["no length"] = (RawPass.Of(new RawSequence { Length = 0 }), "positions of a sequence"),
        ["longer than the network"] = (RawPass.Of(new RawSequence { Length = 9 }), "positions of a sequence"),
        ["negative length"] = (RawPass.Of(new RawSequence { Length = -4 }), "positions of a sequence"),
        ["whole sequence with a row less"] = (RawPass.Of(new RawSequence { Length = 5 }), "Expected the positions"),
        ["whole sequence with a row more"] = (RawPass.Of(new RawSequence { Length = 3 }), "Expected the positions"),
        ["whole sequence in another order"] = (RawPass.Of(new RawSequence { Positions = [0, 2, 1, 3] }), "Expected the positions"),
        ["whole sequence from 1 on"] = (RawPass.Of(new RawSequence { Positions = [1, 2, 3, 4] }), "Expected the positions"),
        ["negative shadows"] = (RawPass.Of(new RawSequence { Shadows = -1 }), "shadows of a sequence"),
        ["more shadows than rows"] = (RawPass.Of(new RawSequence { Shadows = 5 }), "shadows of a sequence"),
        ["shadows instead of positions"] = (RawPass.Of(new RawSequence { Shadows = 1 }), "Expected the positions"),
        ["shadow behind the end"] = (
            RawPass.Of(new RawSequence { Shadows = 1, Positions = [0, 1, 2, 3, 4] }), "Expected the positions"),
        ["shadow before the begin"] = (
            RawPass.Of(new RawSequence { Shadows = 1, Positions = [0, 1, 2, 3, -1] }), "Expected the positions"),
        ["shadows with a cache"] = (RawPass.Of(s_cached with { Shadows = 1 }), "Expected the positions"),
        ["negative cache"] = (RawPass.Of(s_cached with { Cache = -3 }), "the number of a cache"),
        ["cache too small"] = (RawPass.Of(s_cached with { Capacity = 3 }), "positions of a cache"),
        ["cache too large"] = (RawPass.Of(s_cached with { Capacity = 9 }), "positions of a cache"),
        ["capacity without a cache"] = (RawPass.Of(new RawSequence { Capacity = 9 }), "positions of a cache"),
        ["position behind the end"] = (RawPass.Of(s_cached with { Positions = [1, 4] }), "Expected the positions"),
        ["position before the begin"] = (RawPass.Of(s_cached with { Positions = [-1, 3] }), "Expected the positions"),
        ["smallest position"] = (RawPass.Of(s_cached with { Positions = [int.MinValue] }), "Expected the positions"),
        ["positions that descend"] = (RawPass.Of(s_cached with { Positions = [3, 1] }), "Expected the positions"),
        ["position twice"] = (RawPass.Of(s_cached with { Positions = [1, 1] }), "Expected the positions"),
        ["forgotten cache of no number"] = (new() { Forgotten = [4, 0] }, "the number of a cache"),
    };

    public void Dispose()
    {
        GoodProgram.Works(_machines);
        _machines.Dispose();
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Pass_ThatDoesNotFit_IsRefused(string name)
    {
        (RawPass pass, string said) = s_wrong[name];
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        program.Pass(RawPass.Of(s_cached));
        Assert.Contains(said, program.Refused(MachineCommand.Pass, pass.ToBytes()));
    }

    // The first shadow of causal attention, and what else a network would not ask for, is computed or refused.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Pass_ShadowsWithOtherAttention_DoesNoHarm(byte attention)
    {
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        RawPass pass = RawPass.Of(new RawSequence { Shadows = 2, Positions = [0, 1, 2, 3, 3, 0] }) with { Attention = attention };
        program.Send([(byte)MachineCommand.Pass, .. pass.ToBytes()]);
        program.EndSending();
        Assert.NotEmpty(program.ReadToEnd());
    }

    // The last of them says how long the canvas is.
    [Theory]
    [InlineData(8, 8, 2, 8)]
    [InlineData(2, 8, 8, 8)]
    [InlineData(2, 2, 8, 8)]
    [InlineData(8, 8, 2, 2)]
    [InlineData(2, 4, 4, 8)]
    public void Pass_TheSameCacheTwice_DoesNoHarm(long length, long capacity, long otherLength, long otherCapacity)
    {
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        RawSequence Sequence(long of, long room) => new()
        {
            Cache = 7, Length = of, Capacity = room, Positions = [.. Enumerable.Range(0, (int)of)],
        };
        for (int i = 0; i < 3; i++)
        {
            using RawProgram other = RawProgram.Ready(_machines.Port, RawProgram.Small);
            other.Send([
                (byte)MachineCommand.Pass,
                .. RawPass.Of(Sequence(length, capacity), Sequence(otherLength, otherCapacity)).ToBytes(),
            ]);
            other.EndSending();
            Assert.NotEmpty(other.ReadToEnd());
        }

        program.Pass(RawPass.Of(Sequence(8, 8)));
    }

    [Fact]
    public void Pass_OfManySequences_GivesEachItsOwn()
    {
        const int Most = 1 << 16;
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        RawSequence short1 = new() { Length = 1, Positions = [0] }, whole = new();
        byte[] alone = program.Pass(RawPass.Of(whole)), one = program.Pass(RawPass.Of(short1));
        byte[] all = program.Pass(RawPass.Of([.. Enumerable.Range(0, Most).Select(i => i % 1000 == 0 ? whole : short1)]));
        int at = 0;
        for (int i = 0; i < Most; i++)
        {
            byte[] expected = i % 1000 == 0 ? alone : one;
            Assert.True(all.AsSpan(at, expected.Length).SequenceEqual(expected), $"Sequence {i} is another.");
            at += expected.Length;
        }

        Assert.Equal(all.Length, at);
        Assert.Contains(
            "sequences of a pass", program.Refused(MachineCommand.Pass, new RawPass { Rows = Most + 1, Count = Most + 1 }.ToBytes()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(8)]
    public void Pass_BeforeTheWeightsAreThere_IsRefused(int weights)
    {
        using RawProgram program = RawProgram.Begun(_machines.Port, RawProgram.Small);
        foreach (string name in RawProgram.WeightNames.Take(weights))
        {
            program.Load(name);
        }

        Assert.Equal("Expected weights, found a pass.", program.Refused(MachineCommand.Pass, new RawPass().ToBytes()));
    }

    [Fact]
    public void Pass_CachesToForget_ThatThereAreNone_AreNoMatter()
    {
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        byte[] expected = program.Pass(new RawPass());
        Assert.Equal(expected, program.Pass(new RawPass { Forgotten = [1, 2, long.MaxValue, 1] }));
    }

    [Fact]
    public void Pass_NumberOfCachesToForgetThatDoNotCome_EndsWithTheConnection()
    {
        using RawProgram program = RawProgram.Ready(_machines.Port, RawProgram.Small);
        program.Send([(byte)MachineCommand.Pass, 0, .. RawProgram.Number(1 << 16), .. RawProgram.Number(1)]);
        program.EndSending();
        Assert.Empty(program.ReadToEnd());
        using RawProgram other = RawProgram.Ready(_machines.Port, RawProgram.Small);
        Assert.Equal(
            "Expected caches to forget, 0 … 65536, found 65537.",
            other.Refused(MachineCommand.Pass, [0, .. RawProgram.Number((1 << 16) + 1)]));
    }
}
