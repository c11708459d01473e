// Executes the bytes of an assembled tile kernel one instruction at a time: registers are arrays, memory is real memory. It knows the
// instructions that tile kernels use and fails on any other. It stands in for processors that lack vdpbf16ps, vpdpwssd or vpdpbusd, and
// shows which registers a function leaves changed.
//
// vdpbf16ps (Intel SDM vol. 2): for each lane, first the odd then the even element of the pair is multiplied and added with one rounding
// to nearest even; denormal inputs count as zero and denormal results become zero, whatever MXCSR says.
using Iced.Intel;

namespace Cinnabar.Numerics.Tests.Jit;

internal sealed unsafe class Interpreter(byte[] code)
{
    private readonly ulong[] _general = new ulong[16];
    private readonly uint[,] _vectors = new uint[32, 16];
    private readonly Dictionary<ulong, Instruction> _decoded = [];
    private uint _mask;

    // The flags, as the two numbers that were compared.
    private long _left;
    private long _right;

    /// <summary>Instructions executed, by mnemonic.</summary>
    public Dictionary<Mnemonic, int> Counts { get; } = [];

    /// <summary>One lane of a vector register.</summary>
    public ref uint Lane(int register, int lane) => ref _vectors[register, lane];

    /// <summary>A 64-bit register.</summary>
    public ref ulong General(Register register) => ref _general[register - Register.RAX];

    /// <summary>Runs from <paramref name="offset"/> to the return, with <paramref name="argument"/> in the given register.</summary>
    public void Run(int offset, Register argumentRegister, void* argument)
    {
        General(argumentRegister) = (ulong)argument;
        ByteArrayCodeReader reader = new(code);
        Decoder decoder = Decoder.Create(64, reader);
        decoder.IP = (ulong)offset;
        while (true)
        {
            if (!_decoded.TryGetValue(decoder.IP, out Instruction instruction))
            {
                reader.Position = (int)decoder.IP;
                instruction = _decoded[decoder.IP] = decoder.Decode();
            }

            decoder.IP = instruction.NextIP;
            Counts[instruction.Mnemonic] = Counts.GetValueOrDefault(instruction.Mnemonic) + 1;
            if (instruction.Mnemonic == Mnemonic.Ret)
            {
                return;
            }

            if (Execute(instruction))
            {
                decoder.IP = instruction.NearBranchTarget;
            }
        }
    }

    // True: a jump is taken.
    private bool Execute(Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Mov: General(instruction.Op0Register) = Integer(instruction, 1); return false;
            case Mnemonic.Add: Arithmetic(instruction, +1); return false;
            case Mnemonic.Sub: Arithmetic(instruction, -1); return false;
            case Mnemonic.Cmp: (_left, _right) = ((long)Integer(instruction, 0), (long)Integer(instruction, 1)); return false;
            case Mnemonic.Je: return _left == _right;
            case Mnemonic.Jl: return _left < _right;
            case Mnemonic.Jle: return _left <= _right;
            case Mnemonic.Jg: return _left > _right;
            case Mnemonic.Jge: return _left >= _right;
            case Mnemonic.Jb: return (ulong)_left < (ulong)_right;
            case Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1 or Mnemonic.Prefetchw or Mnemonic.Vzeroupper: return false;
            case Mnemonic.Kmovw: _mask = *(ushort*)Address(instruction); return false;
            case Mnemonic.Vmovups: MoveVector(instruction); return false;
            case Mnemonic.Vmaskmovps: MoveMasked(instruction); return false;
            case Mnemonic.Vbroadcastss: Each(instruction, (_, _) => *(uint*)Address(instruction)); return false;
            case Mnemonic.Vxorps or Mnemonic.Vpxord: Each(instruction, (_, lane) =>
                Source(instruction, 1, lane) ^ Source(instruction, 2, lane)); return false;
            case Mnemonic.Vaddps: Each(instruction, (_, lane) => Bits(
                Float(Source(instruction, 1, lane)) + Float(Source(instruction, 2, lane)))); return false;
            case Mnemonic.Vfmadd231ps: Each(instruction, (sum, lane) => Bits(MathF.FusedMultiplyAdd(
                Float(Source(instruction, 1, lane)), Float(Source(instruction, 2, lane)), Float(sum)))); return false;
            case Mnemonic.Vdpbf16ps: Each(instruction, (sum, lane) => AddPair(
                sum, Source(instruction, 1, lane), Source(instruction, 2, lane))); return false;
            case Mnemonic.Vpdpwssd: Each(instruction, (sum, lane) => AddIntegerPair(
                sum, Source(instruction, 1, lane), Source(instruction, 2, lane))); return false;
            case Mnemonic.Vpmaddwd: Each(instruction, (_, lane) => AddIntegerPair(
                0, Source(instruction, 1, lane), Source(instruction, 2, lane))); return false;
            case Mnemonic.Vpdpbusd: Each(instruction, (sum, lane) => AddIntegerQuad(
                sum, Source(instruction, 1, lane), Source(instruction, 2, lane))); return false;
            case Mnemonic.Vpaddd: Each(instruction, (_, lane) =>
                Source(instruction, 1, lane) + Source(instruction, 2, lane)); return false;
            case Mnemonic.Vmulps: Each(instruction, (_, lane) => Bits(
                Float(Source(instruction, 1, lane)) * Float(Source(instruction, 2, lane)))); return false;
            case Mnemonic.Vcvtdq2ps: Each(instruction, (_, lane) => Bits((float)(int)Source(instruction, 1, lane))); return false;
            default: throw new NotSupportedException($"The interpreter does not know {instruction}.");
        }
    }

    internal static uint AddPair(uint sum, uint left, uint right)
    {
        const uint Upper = 0xFFFF_0000;
        float odd = Flushed(MathF.FusedMultiplyAdd(Flushed(Float(left & Upper)), Flushed(Float(right & Upper)), Flushed(Float(sum))));
        return Bits(Flushed(MathF.FusedMultiplyAdd(Flushed(Float(left << 16)), Flushed(Float(right << 16)), odd)));
    }

    // vpdpwssd does not saturate; a sum that overflows here is a defect of the packing.
    private static uint AddIntegerPair(uint sum, uint left, uint right)
    {
        int even = (short)left * (short)right;
        int odd = (short)(left >> 16) * (short)(right >> 16);
        int before = (int)sum;
        return unchecked((uint)checked(before + even + odd));
    }

    // The left bytes are unsigned, the right ones signed.
    private static uint AddIntegerQuad(uint sum, uint left, uint right)
    {
        int result = (int)sum;
        for (int bits = 0; bits < 32; bits += 8)
        {
            int term = (byte)(left >> bits) * (sbyte)(right >> bits);
            result = checked(result + term);
        }

        return (uint)result;
    }

    private static float Flushed(float value) => float.IsSubnormal(value) ? MathF.CopySign(0, value) : value;

    private void Arithmetic(in Instruction instruction, int sign)
    {
        long left = (long)General(instruction.Op0Register);
        long right = (long)Integer(instruction, 1);
        long result = left + (sign * right);
        General(instruction.Op0Register) = (ulong)result;

        // Subtraction compares its operands; a sum without overflow compares itself with zero.
        (_left, _right) = sign < 0 ? (left, right) : (result, 0);
    }

    private ulong Integer(in Instruction instruction, int operand) => instruction.GetOpKind(operand) switch
    {
        OpKind.Register => General(instruction.GetOpRegister(operand)),
        OpKind.Memory => *(ulong*)Address(instruction),
        _ => instruction.GetImmediate(operand),
    };

    private byte* Address(in Instruction instruction)
    {
        Assert.Equal(Register.None, instruction.MemoryIndex);
        return (byte*)(General(instruction.MemoryBase) + instruction.MemoryDisplacement64);
    }

    // A memory operand of arithmetic is one element for all lanes.
    private uint Source(in Instruction instruction, int operand, int lane)
    {
        if (instruction.GetOpKind(operand) == OpKind.Register)
        {
            return _vectors[Number(instruction.GetOpRegister(operand)), lane];
        }

        Assert.True(instruction.IsBroadcast);
        return *(uint*)Address(instruction);
    }

    // Lanes of the destination; those behind its width become zero, as with every VEX and EVEX instruction.
    private void Each(Instruction instruction, Func<uint, int, uint> value)
    {
        int register = Number(instruction.Op0Register);
        for (int lane = 0; lane < 16; lane++)
        {
            _vectors[register, lane] = lane < Lanes(instruction.Op0Register) ? value(_vectors[register, lane], lane) : 0;
        }
    }

    private void MoveVector(Instruction instruction)
    {
        uint mask = instruction.OpMask == Register.None ? uint.MaxValue : _mask;
        uint* memory = (uint*)Address(instruction);
        if (instruction.Op0Kind == OpKind.Register)
        {
            Assert.True(instruction.OpMask == Register.None || instruction.ZeroingMasking);
            Each(instruction, (_, lane) => (mask >> lane & 1) != 0 ? memory[lane] : 0);
            return;
        }

        for (int lane = 0; lane < Lanes(instruction.Op1Register); lane++)
        {
            if ((mask >> lane & 1) != 0)
            {
                memory[lane] = Source(instruction, 1, lane);
            }
        }
    }

    private void MoveMasked(Instruction instruction)
    {
        uint* memory = (uint*)Address(instruction);
        if (instruction.Op0Kind == OpKind.Register)
        {
            Each(instruction, (_, lane) => (int)Source(instruction, 1, lane) < 0 ? memory[lane] : 0);
            return;
        }

        for (int lane = 0; lane < 8; lane++)
        {
            if ((int)Source(instruction, 1, lane) < 0)
            {
                memory[lane] = Source(instruction, 2, lane);
            }
        }
    }

    private static int Number(Register register) => register.GetNumber();

    private static int Lanes(Register register) => register.GetSize() / sizeof(uint);

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
