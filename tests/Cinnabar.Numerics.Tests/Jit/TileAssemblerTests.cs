using Cinnabar.Numerics.Jit;
using Cinnabar.Numerics.Kernels;
using Iced.Intel;

namespace Cinnabar.Numerics.Tests.Jit;

public sealed unsafe class TileAssemblerTests
{
    private const int Seed = 20_262;
    private static readonly Dictionary<string, TileShape> s_shapes = new()
    {
        ["AVX2"] = TileShape.Avx2,
        ["AVX-512"] = TileShape.Avx512,
        ["AVX512_BF16"] = TileShape.Avx512BFloat16,
        ["AVX512_VNNI 16"] = TileShape.Avx512Int16,
        ["AVX512_VNNI 8"] = TileShape.Avx512Int8,
        ["AVX-VNNI 16"] = TileShape.AvxVnniInt16,
        ["AVX-VNNI 8"] = TileShape.AvxVnniInt8,
        ["AVX2 16"] = TileShape.Avx2Int16,
    };

    public static TheoryData<string> Shapes => [.. s_shapes.Keys];

    // Processors differ in which of these they run; one without any has nothing to compare.
    private static IEnumerable<TileShape> Executable =>
    [
        .. CpuFeatures.HasAvx2 ? [TileShape.Avx2, TileShape.Avx2Int16] : Array.Empty<TileShape>(),
        .. CpuFeatures.HasAvxVnni ? [TileShape.AvxVnniInt16, TileShape.AvxVnniInt8] : Array.Empty<TileShape>(),
        .. CpuFeatures.HasAvx512 ? [TileShape.Avx512] : Array.Empty<TileShape>(),
        .. CpuFeatures.HasBFloat16 ? [TileShape.Avx512BFloat16] : Array.Empty<TileShape>(),
        .. CpuFeatures.HasVnni ? [TileShape.Avx512Int16, TileShape.Avx512Int8] : Array.Empty<TileShape>(),
    ];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Interpreted_EveryTileSize_EqualsReference(string name)
    {
        TileShape shape = s_shapes[name];
        foreach (bool windows in (bool[])[false, true])
        {
            int[] offsets = new int[shape.Rows * shape.Registers];
            byte[] code = JitTileKernel.Assemble(shape, windows, offsets);
            foreach (TilePanels panels in Tiles(shape))
            {
                float[] actual = panels.Run(Interpreted(code, windows, panels, offsets), accumulate: true);
                Close(panels, panels.Expected(true), actual, Tolerance.MatMul(panels.K), $"{name}, Windows convention {windows}");
            }
        }
    }

    [Fact]
    public void Executed_EveryTileSize_SameBitsAsInterpreted()
    {
        foreach (TileShape shape in Executable)
        {
            JitTileKernel? kernel = JitTileKernel.TryCreate(shape, out string reason);
            Assert.True(kernel is not null, reason);
            int[] offsets = new int[shape.Rows * shape.Registers];
            byte[] code = JitTileKernel.Assemble(shape, windows: false, offsets);
            foreach (TilePanels panels in Tiles(shape))
            {
                foreach (bool accumulate in (bool[])[false, true])
                {
                    float[] expected = panels.Run(Interpreted(code, false, panels, offsets), accumulate);
                    Close(panels, expected, panels.Run(kernel.Run, accumulate), Tolerance.Exact, $"{shape}, accumulate {accumulate}");
                }
            }
        }
    }

    [Fact]
    public void TryCreate_SameShapeAgain_GivesTheSameKernel()
    {
        // No table has tiles of five rows, so the first to ask are several at once.
        foreach (TileShape shape in Executable.Select(full => full with { Rows = 5 }))
        {
            JitTileKernel?[] kernels = [.. Enumerable.Range(0, 8).AsParallel().Select(_ => JitTileKernel.TryCreate(shape, out string _))];
            Assert.NotNull(kernels[0]);
            Assert.All(kernels, kernel => Assert.Same(kernels[0], kernel));
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Disassembled_FullTile_OneMultiplyAddPerSumAndStep(string name)
    {
        TileShape shape = s_shapes[name];
        int sums = shape.Rows * shape.Registers;
        int[] offsets = new int[sums];
        byte[] code = JitTileKernel.Assemble(shape, windows: false, offsets);
        Mnemonic multiplyAdd = name switch
        {
            "AVX512_BF16" => Mnemonic.Vdpbf16ps,
            "AVX512_VNNI 16" or "AVX-VNNI 16" => Mnemonic.Vpdpwssd,
            "AVX512_VNNI 8" or "AVX-VNNI 8" => Mnemonic.Vpdpbusd,
            "AVX2 16" => Mnemonic.Vpmaddwd,
            _ => Mnemonic.Vfmadd231ps,
        };
        int broadcasts = shape.IsWide ? shape.Rows / 2 : shape.Rows; // the others happen inside the multiply-adds
        int scales = shape.IsInteger ? 1 : 0;
        int corrections = shape.ValuesPerElement == 4 ? 1 : 0;
        foreach (int steps in (int[])[1, 4, 64, 67])
        {
            int k = steps * new TilePanels(shape, 1, 1, 1, Seed).Format.ValuesPerElement();
            TilePanels panels = new(shape, shape.Rows, shape.Registers * shape.Lanes, k, Seed);
            Interpreter interpreter = new(code);
            panels.Run((arguments, _, _) => interpreter.Run(panels.Prepare(arguments, offsets), Register.RDI, arguments), false);
            Assert.Equal(steps * sums, interpreter.Counts[multiplyAdd]);
            Assert.Equal((steps * broadcasts) + ((scales + corrections) * shape.Rows), interpreter.Counts[Mnemonic.Vbroadcastss]);

            // Nothing else belongs into the loop: loads of B and of its scales, stores of C and, for AVX2, the lane mask.
            int moves = interpreter.Counts[Mnemonic.Vmovups] + interpreter.Counts.GetValueOrDefault(Mnemonic.Vmaskmovps);
            Assert.Equal(((steps + scales) * shape.Registers) + sums + (shape.IsWide ? 0 : 1), moves);
            Assert.DoesNotContain(Mnemonic.Vaddps, interpreter.Counts.Keys);
            Assert.Equal(1, interpreter.Counts[Mnemonic.Vzeroupper]);
        }
    }

    [Fact]
    public void AddPair_DenormalsAndHalves_FollowsTheManual()
    {
        // Odd elements are added before even ones: (2²⁴ + 1) loses the 1, then − 2²⁴ leaves 0; in the other order 1 would remain.
        Assert.Equal(0u, Interpreter.AddPair(0x4B80_0000, Pair(odd: 1, even: -16_777_216), Pair(odd: 1, even: 1)));

        // A denormal product is flushed, a denormal operand counts as zero, both with their sign.
        Assert.Equal(0u, Interpreter.AddPair(0, Pair(odd: 1e-30f, even: 0), Pair(odd: 1e-10f, even: 0)));
        Assert.Equal(0x3F80_0000u, Interpreter.AddPair(0x3F80_0000, 0x0001_0000, Pair(odd: 3e38f, even: 0)));
    }

    private static IEnumerable<TilePanels> Tiles(TileShape shape)
    {
        int lanes = shape.Lanes;
        int full = shape.Registers * lanes;
        for (int rows = 1; rows <= shape.Rows; rows++)
        {
            foreach (int columns in (int[])[1, lanes - 1, lanes, lanes + 1, full - 1, full])
            {
                yield return new TilePanels(shape, rows, columns, k: 1 + (rows * 5 % 23), Seed + rows);
            }
        }
    }

    private static TilePanels.Kernel Interpreted(byte[] code, bool windows, TilePanels panels, int[] offsets) =>
        (arguments, _, _) => Interpret(code, windows, panels.Prepare(arguments, offsets), arguments);

    // Also checks that the calling convention is kept.
    private static void Interpret(byte[] code, bool windows, int offset, TileArguments* arguments)
    {
        const uint Mark = 0x1234_5678;
        Interpreter interpreter = new(code);
        Register[] kept = windows
            ? [Register.RBX, Register.RBP, Register.RDI, Register.RSI, Register.R12, Register.R13, Register.R14, Register.R15, Register.RSP]
            : [Register.RBX, Register.RBP, Register.R12, Register.R13, Register.R14, Register.R15, Register.RSP];
        foreach (Register register in kept)
        {
            interpreter.General(register) = (ulong)register;
        }

        for (int lane = 0; lane < 4; lane++)
        {
            for (int register = 6; register < 16; register++)
            {
                interpreter.Lane(register, lane) = Mark;
            }
        }

        interpreter.Run(offset, windows ? Register.RCX : Register.RDI, arguments);
        Assert.All(kept, register => Assert.Equal((ulong)register, interpreter.General(register)));
        for (int register = 6; windows && register < 16; register++)
        {
            Assert.Equal(Mark, interpreter.Lane(register, 0));
            Assert.Equal(Mark, interpreter.Lane(register, 3));
        }
    }

    private static uint Pair(float odd, float even) => ((uint)BFloat16.FromFloat(odd) << 16) | BFloat16.FromFloat(even);

    private static void Close(TilePanels panels, float[] expected, float[] actual, Bound bound, string context)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Bound allowed = expected[i] == TilePanels.Canary ? Tolerance.Exact : bound;
            Assert.True(
                allowed.Allows(expected[i], actual[i]),
                $"{context}, {panels.Rows} × {panels.Columns}, K {panels.K}, seed {Seed}, index {i}: "
                + $"expected {expected[i]:R}, found {actual[i]:R}.");
        }
    }
}
