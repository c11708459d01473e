// The rows of a step without the rows: where a policy needs only the drawn token, its probability and a few numbers, the device that holds
// the logits finds them, and some dozen bytes a row come back instead of 4·V. What needs more reads whole rows: filters of the draw,
// constraints, guidance (the rows are made on the processor), alternatives, and policies that say so. One such need in a step, and all
// its rows are read.
using System.Runtime.InteropServices;
using Cinnabar.Diffusion;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Sampling;

/// <summary>Asks a device about the rows of a step; not thread-safe.</summary>
internal sealed class StepReadings(ITokenStatistics statistics, int vocabularySize)
{
    private const int BitsOfWord = 32;

    private readonly List<int> _own = [];
    private readonly List<uint> _masks = []; // those of the rules, then one for each hole that begins in a way of its own
    private TokenRow[] _rows = [];
    private TokenReading[] _readings = [];

    /// <summary>Whether readings are enough for a step.</summary>
    public bool Suffice(in StepRows rows)
    {
        (SamplerOptions options, RowUse use) = (rows.Rules.Options, rows.Policy.Uses);

        // A filter changes the draw, if there is one, and the spread; the most probable token passes every filter.
        bool filters = options.TopP < 1 || options.TopK < vocabularySize;
        bool mayFilter = options.Temperature == 0 && use == RowUse.Token;
        return use != RowUse.Everything && (!filters || mayFilter)
            && options is { Alternatives: 0, CfgScale: 0 } && !rows.Canvas.IsConstrained;
    }

    /// <summary>Reads the rows of a step.</summary>
    /// <returns>One reading for each position; valid until the next call.</returns>
    public ReadOnlySpan<TokenReading> Of(in StepRows rows)
    {
        int count = rows.Positions.Count;
        if (_rows.Length < count)
        {
            (_rows, _readings) = (new TokenRow[count], new TokenReading[count]);
        }

        _own.Clear();
        _masks.Clear();
        for (int i = 0; i < count; i++)
        {
            _rows[i] = QuestionOf(rows, i);
        }

        Span<TokenReading> readings = _readings.AsSpan(0, count);
        ReadOnlySpan<uint> masks = _masks.Count == 0 ? rows.Rules.Masks : CollectionsMarshal.AsSpan(_masks);
        statistics.Forward(rows.Logits, _rows.AsSpan(0, count), masks, CollectionsMarshal.AsSpan(_own), readings);
        return readings;
    }

    private TokenRow QuestionOf(in StepRows rows, int i)
    {
        (Canvas canvas, SamplerOptions options, int position) = (rows.Canvas, rows.Rules.Options, rows.Positions[i]);
        bool isNoisy = canvas.StateOf(position) == PositionState.Noisy;
        int firstOwn = _own.Count;
        new ForbiddenHere(canvas, position, rows.MayExpand && isNoisy).AddTo(_own);
        return new TokenRow(
            Temperature: isNoisy ? options.Temperature : 0,
            new CounterRandom(options.Seed, rows.Step, position).Key,
            rows.First + i,
            MaskOf(rows, position, isNoisy),
            firstOwn,
            _own.Count - firstOwn,
            Asked: isNoisy ? -1 : canvas.Ids[position]);
    }

    // Nearly all ids may be forbidden where a hole begins: too many for a list.
    private int MaskOf(in StepRows rows, int position, bool isNoisy)
    {
        int mask = DrawingRules.MaskOf(rows.Canvas.Holes[rows.Canvas.HoleOf(position)].Kind, isNoisy);
        ReadOnlySpan<int> notFirst = rows.Canvas.NotFirstAt(position);
        if (notFirst.IsEmpty)
        {
            return mask;
        }

        int words = (vocabularySize + BitsOfWord - 1) / BitsOfWord;
        if (_masks.Count == 0)
        {
            _masks.AddRange(rows.Rules.Masks);
        }

        int own = _masks.Count;
        _masks.AddRange(rows.Rules.Masks.Slice(mask * words, words));
        foreach (int id in notFirst)
        {
            _masks[own + (id / BitsOfWord)] |= 1u << (id % BitsOfWord);
        }

        return own / words;
    }
}
