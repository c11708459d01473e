// How a program and a machine that computes layers for it talk, over one TCP connection for each model. Little endian.
//
//   machine  greeting: magic, version, 32 random bytes
//   program  greeting: magic, version, 32 random bytes, proof that it knows the key           MachineKey
//   machine  Done: its own proof, the bytes of memory it offers, its kernels
//   program  Begin: which layers of which network, as JSON                                    LayerAssignment
//            Weight, for each: name, type and shape; when these are Done, its bytes           WeightHeader
//            Complete
//            Pass: whose rows, where they stand, their h [T, C] in F32                        PassMessage
//   machine  to each of these Done, and after a pass h [T, C]; or Failed and a sentence; while it computes, Working every two seconds
//
// After Failed the connection ends, but for a pass that came whole and could not be computed: then the next may come.
// What travels is neither encrypted nor signed: the key keeps strangers out, not those who read or change what is on the wire.
using System.Security.Cryptography;

namespace Cinnabar.Machines;

/// <summary>What a program asks of a machine.</summary>
internal enum MachineCommand : byte
{
    /// <summary>Take some layers of a network.</summary>
    Begin = 1,

    /// <summary>Take a weight of them.</summary>
    Weight,

    /// <summary>All weights are there.</summary>
    Complete,

    /// <summary>Compute the layers.</summary>
    Pass,
}

/// <summary>What a machine answers.</summary>
internal enum MachineAnswer : byte
{
    /// <summary>What was asked is done; its result follows.</summary>
    Done = 1,

    /// <summary>It is being done.</summary>
    Working,

    /// <summary>It cannot be done; a sentence follows.</summary>
    Failed,
}

/// <summary>Constants of both sides.</summary>
internal static class MachineProtocol
{
    /// <summary>Changed with every change of what travels.</summary>
    public const int Version = 1;

    /// <summary>Where a machine listens unless told otherwise.</summary>
    public const int DefaultPort = 5318;

    /// <summary>Random bytes of a greeting.</summary>
    public const int NonceBytes = 32;

    /// <summary>Bytes of a text.</summary>
    public const int MostTextBytes = 1 << 16;

    /// <summary>How often a machine that computes says so.</summary>
    public static readonly TimeSpan WorkingInterval = TimeSpan.FromSeconds(2);

    /// <summary>After so long without a byte the other side is taken for dead.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(20);

    /// <summary>Time to connect, and time for a program to show that it knows the key.</summary>
    public static readonly TimeSpan GreetingTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The first bytes of a greeting.</summary>
    public static ReadOnlySpan<byte> Magic => "CNBRLAYR"u8;

    /// <summary>Writes what either side begins with.</summary>
    /// <returns>The random bytes.</returns>
    public static byte[] WriteGreeting(MessageStream stream)
    {
        byte[] nonce = RandomNumberGenerator.GetBytes(NonceBytes);
        stream.Write(Magic);
        stream.Write((long)Version);
        stream.Write(nonce);
        return nonce;
    }

    /// <summary>Reads the first bytes of a greeting.</summary>
    /// <returns>Whether they are those.</returns>
    public static bool ReadMagic(MessageStream stream) => stream.ReadBytes(Magic.Length).AsSpan().SequenceEqual(Magic);

    /// <summary>Reads a proof that the other side knows the key.</summary>
    /// <param name="stream">Where from.</param>
    /// <param name="expected">The right one.</param>
    public static bool ReadProof(MessageStream stream, byte[] expected) =>
        CryptographicOperations.FixedTimeEquals(stream.ReadBytes(expected.Length), expected);
}
