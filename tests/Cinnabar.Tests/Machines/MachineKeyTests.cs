using System.Text;
using Cinnabar.Machines;
using Cinnabar.Tests.Checkpoints;

namespace Cinnabar.Tests.Machines;

public sealed class MachineKeyTests : IDisposable
{
    private const string Key = "0123456789abcdef";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public void Read_Nothing_IsNone(string? environment)
    {
        Assert.Same(MachineKey.None, MachineKey.Read(file: null, environment));
        Assert.True(MachineKey.None.IsNone);
    }

    [Theory]
    [InlineData(Key)]
    [InlineData("!~!~!~!~!~!~!~!~!~")]
    public void Read_FileAndEnvironment_GiveTheSameKey(string key)
    {
        MachineKey fromFile = MachineKey.Read(_folder.Write("key", Encoding.UTF8.GetBytes($"\n {key}\r\n")), environment: null);
        MachineKey fromEnvironment = MachineKey.Read(file: null, key);
        Assert.False(fromFile.IsNone);
        Assert.Equal(Proof(fromFile), Proof(fromEnvironment));
        Assert.NotEqual(Proof(MachineKey.None), Proof(fromFile));
        Assert.NotEqual(Proof(MachineKey.Read(file: null, key[..^1] + "x")), Proof(fromFile));
    }

    [Fact]
    public void Read_FileAndEnvironment_FileWins()
    {
        string file = _folder.Write("key", Encoding.UTF8.GetBytes(Key));
        Assert.Equal(Proof(MachineKey.Read(file: null, Key)), Proof(MachineKey.Read(file, "fedcba9876543210")));
    }

    [Theory]
    [InlineData(15)]
    [InlineData(513)]
    [InlineData(100_000)]
    public void Read_WrongLength_IsRefused(int length)
    {
        string key = new('k', length);
        foreach (string message in Refused(key))
        {
            Assert.Contains("expected a key of 16 … 512 printable ASCII characters without spaces", message);
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(512)]
    public void Read_LengthAtALimit_IsTaken(int length)
    {
        string key = new('k', length);
        Assert.False(MachineKey.Read(file: null, key).IsNone);
        Assert.False(MachineKey.Read(_folder.Write("key", Encoding.UTF8.GetBytes(key)), environment: null).IsNone);
    }

    [Theory]
    [InlineData("0123456789 abcdef")]
    [InlineData("0123456789\tabcdef")]
    [InlineData("0123456789\nabcdef")]
    [InlineData("0123456789äabcdef")]
    [InlineData("0123456789\0abcdef")]
    [InlineData("0123456789\u007fabcdef")]
    public void Read_OtherCharacters_AreRefusedAndNotShown(string key)
    {
        foreach (string message in Refused(key))
        {
            Assert.DoesNotContain("0123456789", message);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("missing")]
    [InlineData(".")]
    [InlineData("a\0b")]
    public void Read_FileThatCannotBe_IsOneSentence(string name)
    {
        string file = name.Length < 2 ? name : _folder[name];
        CinnabarException e = Assert.Throws<CinnabarException>(() => MachineKey.Read(file, Key));
        Assert.Contains("expected a file with the key of the machines", e.Message);
    }

    [Fact]
    public void Proof_OfAnotherSideOrOtherBytes_IsAnother()
    {
        MachineKey key = MachineKey.Read(file: null, Key);
        byte[] a = new byte[32], b = [.. Enumerable.Repeat((byte)1, 32)];
        byte[][] proofs =
        [
            key.Proof("program"u8, a, b), key.Proof("machine"u8, a, b), key.Proof("program"u8, b, a), key.Proof("program"u8, a, a),
        ];
        Assert.Equal(4, proofs.Select(Convert.ToHexString).Distinct().Count());
        Assert.Equal(proofs[0], key.Proof("program"u8, a, b));
    }

    private string[] Refused(string key)
    {
        string file = _folder.Write("key", Encoding.UTF8.GetBytes(key));
        CinnabarException fromFile = Assert.Throws<CinnabarException>(() => MachineKey.Read(file, Key));
        CinnabarException fromEnvironment = Assert.Throws<CinnabarException>(() => MachineKey.Read(file: null, key));
        Assert.StartsWith($"'{file}': ", fromFile.Message);
        Assert.StartsWith($"{MachineKey.Variable}: ", fromEnvironment.Message);
        return [fromFile.Message, fromEnvironment.Message];
    }

    private static byte[] Proof(MachineKey key) => key.Proof("program"u8, new byte[32], new byte[32]);
}
