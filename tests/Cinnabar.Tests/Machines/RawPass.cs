using Cinnabar.Numerics;

namespace Cinnabar.Tests.Machines;

/// <summary>A pass, right or wrong.</summary>
internal sealed record RawPass
{
    public byte Attention { get; init; }

    public long[] Forgotten { get; init; } = [];

    /// <summary>Null: those of the sequences.</summary>
    public long? Rows { get; init; }

    /// <summary>Null: as many as there are.</summary>
    public long? Count { get; init; }

    public RawSequence[] Sequences { get; init; } = [new RawSequence()];

    /// <summary>Numbers that depend on the position alone.</summary>
    public byte[] H => NumberBytes.Of((float[])
        [.. Sequences.SelectMany(s => s.Positions).SelectMany(p => Enumerable.Range(0, 4).Select(c => MathF.Sin((3 * p) + c)))]).ToArray();

    public static RawPass Of(params RawSequence[] sequences) => new() { Sequences = sequences };

    public byte[] ToBytes() =>
    [
        Attention,
        .. RawProgram.Number(Forgotten.Length),
        .. Forgotten.SelectMany(RawProgram.Number),
        .. RawProgram.Number(Rows ?? Sequences.Sum(s => s.Positions.Length)),
        .. RawProgram.Number(Count ?? Sequences.Length),
        .. Sequences.SelectMany(s => s.ToBytes()),
        .. Sequences.SelectMany(s => s.Positions).SelectMany(BitConverter.GetBytes),
        .. H,
    ];
}

/// <summary>A sequence of a pass, right or wrong.</summary>
internal sealed record RawSequence
{
    public long Length { get; init; } = 4;

    /// <summary>Null: as many as positions.</summary>
    public long? Rows { get; init; }

    public long Shadows { get; init; }

    public long Cache { get; init; }

    /// <summary>Null: as many as the network has positions, or none without a cache.</summary>
    public long? Capacity { get; init; }

    public int[] Positions { get; init; } = [0, 1, 2, 3];

    public byte[] ToBytes() => [.. ((long[])[Length, Rows ?? Positions.Length, Shadows, Cache, Capacity ?? (Cache == 0 ? 0 : 8)])
        .SelectMany(RawProgram.Number)];
}
