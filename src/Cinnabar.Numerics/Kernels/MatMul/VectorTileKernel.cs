// Portable tile: 6 rows × 2 registers. 12 sums, 2 of B and 1 of A fit the 16 registers of AVX2 (and the 32 of NEON or AVX-512);
// per step 8 loads feed 12 multiply-adds. Incomplete tiles are computed whole into a small buffer and copied in part: panels
// are padded, so nothing outside of them is read.
using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Simd;

namespace Cinnabar.Numerics.Kernels;

internal sealed unsafe class VectorTileKernel<TVec> : TileKernel
    where TVec : struct, ISimd<TVec>
{
    private const int TileRows = 6;
    private const int LargestTile = TileRows * 2 * 16;

    public override int Rows => TileRows;

    public override int Columns => 2 * TVec.Width;

    public override int RowPanelWidth => 8;

    [SkipLocalsInit]
    public override void Run(TileArguments* arguments, int rows, int columns)
    {
        if (rows == TileRows && columns == Columns)
        {
            Compute(*arguments, RowPanelWidth);
            return;
        }

        float* buffer = stackalloc float[LargestTile];
        TileArguments whole = *arguments;
        whole.C = buffer;
        whole.RowBytes = Columns * sizeof(float);
        whole.Accumulate = 0;
        Compute(whole, RowPanelWidth);
        for (int row = 0; row < rows; row++)
        {
            float* from = buffer + (row * Columns);
            float* to = (float*)((byte*)arguments->C + (row * arguments->RowBytes));
            for (int column = 0; column < columns; column++)
            {
                to[column] = arguments->Accumulate != 0 ? to[column] + from[column] : from[column];
            }
        }
    }

    private static void Compute(in TileArguments arguments, int rowPanelWidth)
    {
        float* a = (float*)arguments.A;
        float* b = (float*)arguments.B;
        TVec sum00 = TVec.Zero, sum01 = TVec.Zero, sum10 = TVec.Zero, sum11 = TVec.Zero, sum20 = TVec.Zero, sum21 = TVec.Zero;
        TVec sum30 = TVec.Zero, sum31 = TVec.Zero, sum40 = TVec.Zero, sum41 = TVec.Zero, sum50 = TVec.Zero, sum51 = TVec.Zero;
        for (nint steps = arguments.Steps; steps > 0; steps--)
        {
            TVec b0 = TVec.Load(b);
            TVec b1 = TVec.Load(b + TVec.Width);
            TVec row = TVec.Broadcast(a[0]);
            sum00 = TVec.MultiplyAdd(row, b0, sum00);
            sum01 = TVec.MultiplyAdd(row, b1, sum01);
            row = TVec.Broadcast(a[1]);
            sum10 = TVec.MultiplyAdd(row, b0, sum10);
            sum11 = TVec.MultiplyAdd(row, b1, sum11);
            row = TVec.Broadcast(a[2]);
            sum20 = TVec.MultiplyAdd(row, b0, sum20);
            sum21 = TVec.MultiplyAdd(row, b1, sum21);
            row = TVec.Broadcast(a[3]);
            sum30 = TVec.MultiplyAdd(row, b0, sum30);
            sum31 = TVec.MultiplyAdd(row, b1, sum31);
            row = TVec.Broadcast(a[4]);
            sum40 = TVec.MultiplyAdd(row, b0, sum40);
            sum41 = TVec.MultiplyAdd(row, b1, sum41);
            row = TVec.Broadcast(a[5]);
            sum50 = TVec.MultiplyAdd(row, b0, sum50);
            sum51 = TVec.MultiplyAdd(row, b1, sum51);
            a += rowPanelWidth;
            b += 2 * TVec.Width;
        }

        float* c = arguments.C;
        nint rowFloats = arguments.RowBytes / sizeof(float);
        bool accumulate = arguments.Accumulate != 0;
        Finish(sum00, sum01, c, accumulate);
        Finish(sum10, sum11, c + rowFloats, accumulate);
        Finish(sum20, sum21, c + (2 * rowFloats), accumulate);
        Finish(sum30, sum31, c + (3 * rowFloats), accumulate);
        Finish(sum40, sum41, c + (4 * rowFloats), accumulate);
        Finish(sum50, sum51, c + (5 * rowFloats), accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(TVec left, TVec right, float* c, bool accumulate)
    {
        if (accumulate)
        {
            left += TVec.Load(c);
            right += TVec.Load(c + TVec.Width);
        }

        TVec.Store(left, c);
        TVec.Store(right, c + TVec.Width);
    }
}
