using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Tests.Jit;

/// <summary>Packed operands of one tile, with C between canaries, and the product in double.</summary>
internal sealed unsafe class TilePanels
{
    public const float Canary = 777.25f;
    private const int Gap = 7;

    private readonly Tensor _a;
    private readonly Tensor _b;
    private readonly Tensor _left;
    private readonly Tensor _right;
    private readonly TileShape _shape;
    private readonly int _width;
    private readonly MatMulPrecision _precision;

    public TilePanels(TileShape shape, int rows, int columns, int k, int seed)
    {
        _shape = shape;
        Rows = rows;
        Columns = columns;
        K = k;
        _width = columns + Gap;
        Random random = new(seed);
        _a = Uniform(random, rows, k);
        _b = Uniform(random, k, columns);
        (Format, _precision) = (shape.ValuesPerElement, shape.IsInteger) switch
        {
            (2, false) => (PanelFormat.BFloat16Pairs, MatMulPrecision.BF16),
            (2, true) => (PanelFormat.Int16Pairs, MatMulPrecision.Int16),
            (4, _) => (PanelFormat.Int8Quads, MatMulPrecision.Int8),
            _ => (PanelFormat.Floats, MatMulPrecision.F32),
        };
        int panelColumns = shape.Registers * shape.Lanes;
        _left = Pack(PanelSource.OfLeft(_a.AsMatrix()), Format, shape.RowPanelWidth);
        _right = Pack(PanelSource.OfRight(_b.AsMatrix()), Format.OfRightSide(), panelColumns);
        Start = Uniform(random, rows, columns);
    }

    public int Rows { get; }

    public int Columns { get; }

    public int K { get; }

    public PanelFormat Format { get; }

    /// <summary>C before, if it is added to.</summary>
    public Tensor Start { get; }

    public delegate void Kernel(TileArguments* arguments, int rows, int columns);

    /// <summary>What a kernel leaves in C and around it.</summary>
    public float[] Run(Kernel kernel, bool accumulate)
    {
        Tensor c = Tensor.Zeros((Rows + 2) * _width);
        c.Floats.Fill(Canary);
        for (int i = 0; i < Rows * Columns; i++)
        {
            c.Floats[((1 + (i / Columns)) * _width) + (i % Columns)] = Start.Floats[i];
        }

        TileArguments arguments = default;
        arguments.A = _left.Start;
        arguments.B = _right.Start;
        arguments.C = c.FloatPointer + _width;
        arguments.RowBytes = _width * sizeof(float);
        arguments.Steps = Format.Steps(K);
        arguments.Accumulate = accumulate ? 1 : 0;
        arguments.Fetch = arguments.B;
        kernel(&arguments, Rows, Columns);
        float[] result = c.Floats.ToArray();
        GC.KeepAlive(this);
        return result;
    }

    /// <summary>What <see cref="Run"/> should give.</summary>
    public float[] Expected(bool accumulate)
    {
        Tensor c = Tensor.Zeros((Rows + 2) * _width);
        c.Floats.Fill(Canary);
        Matrix inside = new(c, _width, Rows, Columns, _width, 1);
        for (int i = 0; i < Rows * Columns; i++)
        {
            c.Floats[((1 + (i / Columns)) * _width) + (i % Columns)] = Start.Floats[i];
        }

        new ReferenceMatMul().Multiply(_a.AsMatrix(), _b.AsMatrix(), inside, accumulate, _precision);
        return c.Floats.ToArray();
    }

    /// <summary>The lane fields of the arguments, as the assembled kernel's caller fills them in, and the function for the tile.</summary>
    public int Prepare(TileArguments* arguments, int[] offsets)
    {
        int registers = JitTileKernel.Prepare(_shape, arguments, Rows, Columns);
        return offsets[((Rows - 1) * _shape.Registers) + registers - 1];
    }

    private Tensor Pack(in PanelSource source, PanelFormat format, int width)
    {
        Tensor panel = Tensor.Zeros(format.PanelRows(K) * width);
        PanelPacker.Pack(source, new PanelStrip(0, 1, width, width, 0, K), format, (uint*)panel.Start, panel.Count);
        return panel;
    }

    private static Tensor Uniform(Random random, int rows, int columns)
    {
        Tensor tensor = Tensor.Zeros(rows, columns);
        foreach (ref float value in tensor.Floats)
        {
            value = (random.NextSingle() * 2) - 1;
        }

        return tensor;
    }
}
