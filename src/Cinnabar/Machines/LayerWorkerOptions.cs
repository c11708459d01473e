using System.Net;
using Cinnabar.Numerics;

namespace Cinnabar.Machines;

/// <summary>Where a machine that computes layers listens, who may use it, and what it offers.</summary>
public sealed record LayerWorkerOptions
{
    /// <summary>Address it listens on; by default only programs of this machine reach it.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>Port, 0 … 65,535; 0: a free one.</summary>
    public int Port { get; init; } = MachineProtocol.DefaultPort;

    /// <summary>Who may use it; <see cref="MachineKey.None"/>: everybody who reaches it.</summary>
    public MachineKey Key { get; init; } = MachineKey.None;

    /// <summary>Lets a machine without a key listen to others.</summary>
    public bool AllowsAnybody { get; init; }

    /// <summary>
    /// Bytes that weights and caches may take, of all models together. Default null: four fifths of the memory of this machine, or of its
    /// GPU if that computes.
    /// </summary>
    public long? Memory { get; init; }

    /// <summary>Throws if an option is out of range, or if anybody could use the machine from elsewhere.</summary>
    /// <exception cref="CinnabarException">It names the option, the range and what was found.</exception>
    public void Validate()
    {
        if (Port is < 0 or > ushort.MaxValue || Memory < 1)
        {
            throw new CinnabarException(
                $"Expected Port to be 0 … 65535 and Memory 1 byte or more, found {Port} and {Memory}.", "Change Port or Memory.");
        }

        if (!IPAddress.IsLoopback(Address) && Key.IsNone && !AllowsAnybody)
        {
            throw new CinnabarException(
                $"Expected a key for a machine that others reach (it would listen on {Address}), found none.",
                $"Set {MachineKey.Variable}, give --key-file, or accept that anybody may use it with --insecure-no-auth.");
        }
    }

    /// <summary>Four fifths of the memory that kernels may use.</summary>
    internal static long StandardMemory(KernelTable kernels) =>
        (kernels.Device?.MemoryBytes ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes) / 5 * 4;
}
