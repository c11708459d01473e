using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

/// <summary>Whom a machine lets in.</summary>
public sealed class LayerWorkerGreetingTests : IDisposable
{
    private static readonly MachineKey s_key = MachineKey.Read(file: null, "the-key-of-these-machines");
    private static readonly MachineKey s_other = MachineKey.Read(file: null, "another-key-than-theirs");
    private readonly TestMachines _machines = new(1, key: s_key);

    public void Dispose()
    {
        // Whatever came before, a good program is served.
        GoodProgram.Works(_machines);
        _machines.Dispose();
    }

    [Fact]
    public void Program_WithTheKey_IsToldTheMemoryAndTheKernels()
    {
        using RawProgram program = RawProgram.Greeted(_machines.Port, s_key);
        Assert.Equal(TestMachines.Memory, program.Memory);
        Assert.Equal(TestMachines.Kernels, program.Kernels);
    }

    [Fact]
    public void Greetings_OfTheMachine_AreNeverTheSame()
    {
        using RawProgram first = RawProgram.Silent(_machines.Port), second = RawProgram.Silent(_machines.Port);
        Assert.Equal(MachineProtocol.Magic, first.Greeting.AsSpan(0, 8));
        Assert.Equal(MachineProtocol.Version, BitConverter.ToInt64(first.Greeting, 8));
        Assert.NotEqual(first.Greeting[16..], second.Greeting[16..]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Program_WithAnotherKeyOrNone_IsRefused(bool isNone)
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        string said = program.Refused(program.GreetingWith(isNone ? MachineKey.None : s_other));
        Assert.Contains("Expected the key of this machine, found another or none.", said);
        Assert.Contains(_machines.Log, line => line.Contains("has another key, or none", StringComparison.Ordinal));
    }

    [Fact]
    public void Key_AtAMachineThatHasNone_IsRefused()
    {
        using TestMachines open = new(1);
        using RawProgram program = RawProgram.Silent(open.Port);
        Assert.Contains("Expected the key of this machine", program.Refused(program.GreetingWith(s_key)));
    }

    [Fact]
    public void Proof_OfAnotherConnection_IsRefused()
    {
        using RawProgram first = RawProgram.Silent(_machines.Port), second = RawProgram.Silent(_machines.Port);
        byte[] recorded = first.GreetingWith(s_key);
        first.Send(recorded);
        Assert.Equal((byte)MachineAnswer.Done, first.Read(1)[0]);
        Assert.Contains("Expected the key", second.Refused(recorded));
    }

    // Sent back to the machine, its own proof is none of the program: it names the side.
    [Fact]
    public void Proof_OfTheMachine_IsNoneOfAProgram()
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        byte[] greeting = program.GreetingWith(s_key);
        s_key.Proof("machine"u8, program.Greeting.AsSpan(16), greeting.AsSpan(16, 32)).CopyTo(greeting, 48);
        Assert.Contains("Expected the key", program.Refused(greeting));
    }

    [Theory]
    [InlineData(48)]
    [InlineData(63)]
    [InlineData(79)]
    public void Proof_OneBitOff_IsRefused(int place)
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        byte[] greeting = program.GreetingWith(s_key);
        greeting[place] ^= 1;
        Assert.Contains("Expected the key", program.Refused(greeting));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("CNBRLAYX")]
    [InlineData("\0\0\0\0\0\0\0\0")]
    public void SomethingElse_GetsNoAnswer(string text)
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        program.Send(System.Text.Encoding.ASCII.GetBytes(text));
        Assert.Empty(program.ReadToEnd());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-1)]
    [InlineData(long.MaxValue)]
    public void Program_OfAnotherVersion_IsRefused(long version)
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        byte[] greeting = program.GreetingWith(s_key);
        BitConverter.TryWriteBytes(greeting.AsSpan(8), version);
        Assert.Equal($"Expected a version, 1 … 1, found {version}.", program.Refused(greeting));
    }

    [Fact]
    public void Commands_BeforeTheProof_AreNotDone()
    {
        using RawProgram program = RawProgram.Silent(_machines.Port);
        byte[] begin = [(byte)MachineCommand.Begin, .. RawProgram.Text(RawProgram.Small.ToJson())];
        program.Send(begin);
        program.EndSending();
        Assert.Empty(program.ReadToEnd());
        Assert.DoesNotContain(_machines.Log, line => line.Contains("layers", StringComparison.Ordinal));
    }
}
