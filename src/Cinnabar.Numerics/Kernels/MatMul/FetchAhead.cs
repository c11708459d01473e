// Hands the lines of a strip of A to tile kernels, which fetch them into the second-level cache while they compute. A strip is
// `across` contiguous runs of bytes; one tile fetches one line of each of up to Lines(steps) runs, the next tile goes on.
namespace Cinnabar.Numerics.Kernels;

internal unsafe struct FetchAhead
{
    /// <summary>Bytes of a cache line.</summary>
    internal const int Line = 64;

    private const int StepsPerLine = 4;

    private readonly byte* _start;
    private readonly nint _stride;
    private readonly int _runs;
    private readonly int _bytes;
    private int _byte;
    private int _run;

    /// <summary>A strip of <paramref name="positions"/> × <paramref name="count"/> values of k.</summary>
    internal FetchAhead(in PanelSource source, int first, int positions, int k, int count)
    {
        int size = (int)Tensor.BytesOf(source.Type, 1);
        _start = (byte*)source.Start + (size * (((nint)first * source.PositionStride) + ((nint)k * source.KStride)));
        bool kContiguous = source.KStride == 1;
        _stride = size * (nint)(kContiguous ? source.PositionStride : source.KStride);
        _runs = kContiguous ? positions : count;
        _bytes = size * (kContiguous ? count : positions);
    }

    /// <summary>Lines that a tile of so many steps fetches.</summary>
    internal static int Lines(int steps) => steps / StepsPerLine;

    /// <summary>Gives a tile its lines; when all were given it repeats the last.</summary>
    internal void Next(ref TileArguments arguments)
    {
        arguments.Fetch = _start + (_run * _stride) + Math.Min(_byte, _bytes - 1);
        arguments.FetchStep = _byte < _bytes ? _stride : 0;
        _run += Lines((int)arguments.Steps);
        if (_run >= _runs)
        {
            _run = 0;
            _byte += Line;
        }
    }
}
