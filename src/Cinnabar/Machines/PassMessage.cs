// A pass on its way to another machine: whose rows it has and where they stand, without tokens, and what the layers before made of them.
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Machines;

/// <summary>Writes and reads passes.</summary>
internal static class PassMessage
{
    /// <summary>Caches that a pass may tell to forget.</summary>
    public const int MostForgotten = 1 << 16;

    private const int MostSequences = 1 << 16;
    private const long MostBytes = int.MaxValue; // of h: no more fit into a tensor either

    /// <summary>Writes a pass.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="pass">Its rows.</param>
    /// <param name="forgotten">Numbers of caches that are not used any more, at most <see cref="MostForgotten"/>.</param>
    /// <param name="h">[T, C].</param>
    public static void Write(MessageStream stream, PassRows pass, ReadOnlySpan<long> forgotten, ReadOnlySpan<float> h)
    {
        stream.Write((byte)pass.Attention);
        stream.Write((long)forgotten.Length);
        foreach (long number in forgotten)
        {
            stream.Write(number);
        }

        stream.Write((long)pass.Count);
        stream.Write((long)pass.Sequences.Length);
        for (int i = 0; i < pass.Sequences.Length; i++)
        {
            PassRows.SequenceRows sequence = pass.Sequences[i];
            stream.Write((long)sequence.Length);
            stream.Write((long)(pass.EndOf(i) - sequence.First));
            stream.Write((long)sequence.Shadows);
            stream.Write(sequence.Cache?.Number ?? 0);
            stream.Write((long)(sequence.Cache?.Capacity ?? 0));
        }

        stream.Write(NumberBytes.Of(pass.Positions));
        stream.Write(NumberBytes.Of(h));
    }

    /// <summary>Reads a pass.</summary>
    /// <param name="stream">Where from.</param>
    /// <param name="config">Of the network.</param>
    /// <param name="h">Receives [T, C] at its start; made larger if it has to be.</param>
    /// <exception cref="InvalidDataException">It does not fit the network.</exception>
    public static ReceivedPass Read(MessageStream stream, ModelConfig config, ref float[] h)
    {
        AttentionKind attention = (AttentionKind)stream.ReadByte();
        if (!Enum.IsDefined(attention))
        {
            throw new InvalidDataException($"Expected a kind of attention, found {(byte)attention}.");
        }

        long[] forgotten = new long[stream.ReadNumber(0, MostForgotten, "caches to forget")];
        for (int i = 0; i < forgotten.Length; i++)
        {
            forgotten[i] = stream.ReadNumber(1, long.MaxValue, "the number of a cache");
        }

        int rows = (int)stream.ReadNumber(1, MostBytes / sizeof(float) / config.HiddenSize, "rows of a pass");
        ReceivedSequence[] sequences = new ReceivedSequence[stream.ReadNumber(1, Math.Min(rows, MostSequences), "sequences of a pass")];
        int first = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            sequences[i] = ReadSequence(stream, config, first, rows - first);
            first += sequences[i].Rows;
        }

        if (first != rows)
        {
            throw new InvalidDataException($"Expected sequences of {rows} rows together, found {first}.");
        }

        int[] positions = new int[rows];
        stream.Read(NumberBytes.Of(positions.AsSpan()));
        Array.ForEach(sequences, sequence => Check(positions.AsSpan(sequence.First, sequence.Rows), sequence));
        int count = rows * config.HiddenSize;
        h = h.Length < count ? new float[count] : h;
        stream.Read(NumberBytes.Of(h.AsSpan(0, count)));
        return new ReceivedPass(attention, forgotten, sequences, positions);
    }

    private static ReceivedSequence ReadSequence(MessageStream stream, ModelConfig config, int first, int left)
    {
        int length = (int)stream.ReadNumber(1, config.MaxSequenceLength, "positions of a sequence");
        int rows = (int)stream.ReadNumber(0, left, "rows of a sequence");
        int shadows = (int)stream.ReadNumber(0, rows, "shadows of a sequence");
        long cache = stream.ReadNumber(0, long.MaxValue, "the number of a cache");
        int capacity = (int)stream.ReadNumber(cache == 0 ? 0 : length, config.MaxSequenceLength, "positions of a cache");
        return new ReceivedSequence(first, rows, length, shadows, cache, capacity);
    }

    // Rows of a cache ascend; without one they are all positions, then shadows of some.
    private static void Check(ReadOnlySpan<int> positions, ReceivedSequence sequence)
    {
        bool isWhole = sequence.Cache == 0;
        bool fits = isWhole ? sequence.Rows == sequence.Length + sequence.Shadows : sequence.Shadows == 0;
        int last = -1;
        for (int i = 0; fits && i < positions.Length; i++)
        {
            bool isShadow = i >= sequence.Rows - sequence.Shadows;
            fits = (uint)positions[i] < (uint)sequence.Length
                && (isShadow || (isWhole ? positions[i] == i : positions[i] > last));
            last = positions[i];
        }

        if (!fits)
        {
            throw new InvalidDataException("Expected the positions of a sequence, or some of one with a cache, found others.");
        }
    }
}

/// <summary>A pass that another machine sent.</summary>
/// <param name="Attention">Who sees whom.</param>
/// <param name="Forgotten">Numbers of caches that are not used any more.</param>
/// <param name="Sequences">Whose rows.</param>
/// <param name="Positions">Where each row stands.</param>
internal sealed record ReceivedPass(AttentionKind Attention, long[] Forgotten, ReceivedSequence[] Sequences, int[] Positions);

/// <summary>Rows of one sequence.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Rows">How many.</param>
/// <param name="Length">Positions of the sequence.</param>
/// <param name="Shadows">Rows at the end that are shadows.</param>
/// <param name="Cache">Number of its cache; 0: it has none.</param>
/// <param name="Capacity">Positions of the cache, of which the sequence has some.</param>
internal readonly record struct ReceivedSequence(int First, int Rows, int Length, int Shadows, long Cache, int Capacity);
