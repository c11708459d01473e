using System.Security.Cryptography;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Tests.Checkpoints.Gguf;

public sealed class BlockDecoderTests
{
    private const int Blocks = 64;

    public static TheoryData<GgmlType> Types => [.. Enum.GetValues<GgmlType>()];

    [Theory]
    [MemberData(nameof(Types))]
    public void Decode_RandomBlocks_AgreesWithTheSecondDecoder(GgmlType type)
    {
        byte[] blocks = Random(type);
        float[] found = Decode(type, blocks);
        for (int i = 0; i < found.Length; i++)
        {
            int block = i / type.BlockSize();
            ReferenceBlocks reference = new(blocks[(block * type.BlockBytes())..((block + 1) * type.BlockBytes())]);
            float expected = reference.Value(type, i % type.BlockSize());
            Assert.True(
                expected.Equals(found[i]), $"{type}, block {block}, value {i % type.BlockSize()}: {expected} expected, {found[i]} found.");
        }
    }

    // SHA-256 of the floats that ggml's to_float functions (libggml-base of node-llama-cpp 3.21.1) make of the same blocks.
    [Theory]
    [InlineData(GgmlType.F16, "7f064c0bd9fe9dcfa3c073d86d185cfc322c3098901c4836ffeb5f6069eb6bb2")]
    [InlineData(GgmlType.Q4_0, "ba4ec2ac8c862fec8de638aceaa1a4e3fd15ae98a15420269d40ca123a197ebd")]
    [InlineData(GgmlType.Q4_1, "98fd5cf4abda46d64c820b9320b67b163c803415e5f1e9cee26086100c53f899")]
    [InlineData(GgmlType.Q5_0, "838b7226c0f5a009e47791141e5c7a258f6821e402dedb66bbcff363cf5856cc")]
    [InlineData(GgmlType.Q5_1, "6baa2947f23a0a2d72767bce1d41f2b9cbc41c51412279fc918ac8686394c284")]
    [InlineData(GgmlType.Q8_0, "3a712b5c5bd0f357f3ff556780e4ed8297ff5f2dd499cca11a07137657a21d0b")]
    [InlineData(GgmlType.Q2_K, "e5ed719c977347c33503d7af09fce39c3a7a870d878307d8ba3bebc38db87b50")]
    [InlineData(GgmlType.Q3_K, "067eef71c75855a013d9115e54c2f5b696d42e3c335a062ee65b9df3cd6485b2")]
    [InlineData(GgmlType.Q4_K, "9f5f84566156fd011d96d3c8938ba1988dfd36bcb1601071acacb0c2edc902c4")]
    [InlineData(GgmlType.Q5_K, "5dc6352b0a338114a0395aa8b3e016e66535531b4b79ded4294c760d73479301")]
    [InlineData(GgmlType.Q6_K, "5ab1df23ee586c664d074fda461b14e7fac786653fda90eceb268c2fb3284388")]
    public void Decode_RandomBlocks_GivesTheBitsOfGgml(GgmlType type, string sha256)
    {
        byte[] bytes = [.. Decode(type, Random(type)).SelectMany(BitConverter.GetBytes)];
        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }

    [Fact]
    public void Decode_Q4_0ByHand_FollowsTheFormula()
    {
        byte[] block = [.. BitConverter.GetBytes((Half)0.5f), .. Enumerable.Range(0, 16).Select(i => (byte)(i | ((15 - i) << 4)))];
        float[] expected =
            [.. Enumerable.Range(0, 16).Select(i => (i - 8) * 0.5f), .. Enumerable.Range(0, 16).Select(i => (7 - i) * 0.5f)];
        Assert.Equal(expected, Decode(GgmlType.Q4_0, block));
    }

    [Fact]
    public void Decode_Q8_0ByHand_FollowsTheFormula()
    {
        byte[] block = [.. BitConverter.GetBytes((Half)0.25f), 0, 1, 127, 128, 255, .. new byte[27]];
        Assert.Equal([0, 0.25f, 31.75f, -32, -0.25f, .. new float[27]], Decode(GgmlType.Q8_0, block));
    }

    [Fact]
    public void Decode_Q4_KByHand_FollowsTheFormula()
    {
        // d = 1, m = 0.5; scale of run r: r + 1, of run 7 also the upper bits: 8 + 48; minimum of run r: 10 + r.
        byte[] block = new byte[144];
        BitConverter.GetBytes((Half)1f).CopyTo(block, 0);
        BitConverter.GetBytes((Half)0.5f).CopyTo(block, 2);
        byte[] scales = [1, 2, 3, 4 | (3 << 6), 10, 11, 12, 13, 5 | (14 << 4), 6 | (15 << 4), 7, 8 | (1 << 4)];
        scales[6] |= 1 << 6;
        scales[7] |= 1 << 6;
        scales.CopyTo(block, 4);
        block.AsSpan(16).Fill(0x42);
        float[] found = Decode(GgmlType.Q4_K, block);
        int[] scaleOf = [1, 2, 3, 4, 5, 6, 7, 56];
        int[] minimumOf = [10, 11, 12, 13, 14, 15, 16, 17];
        for (int i = 0; i < 256; i++)
        {
            Assert.Equal((scaleOf[i / 32] * (i / 32 % 2 == 0 ? 2 : 4)) - (0.5f * minimumOf[i / 32]), found[i]);
        }
    }

    [Fact]
    public void Decode_Q6_KByHand_FollowsTheFormula()
    {
        byte[] block = new byte[210];
        for (int run = 0; run < 16; run++)
        {
            block[192 + run] = (byte)(sbyte)(run - 8);
        }

        BitConverter.GetBytes((Half)2f).CopyTo(block, 208);
        block[1] = 0xA3; // value 1: 3; value 65: 10
        block[128 + 1] = 0b11_10_01_00; // values 1, 33, 65, 97: 0, 16, 32, 48
        float[] found = Decode(GgmlType.Q6_K, block);
        Assert.Equal(2 * -8 * -32, found[0]);
        Assert.Equal(2 * -8 * (3 - 32), found[1]);
        Assert.Equal(2 * -6 * (16 - 32), found[33]);
        Assert.Equal(2 * -4 * (10 + 32 - 32), found[65]);
        Assert.Equal(2 * -2 * (48 - 32), found[97]);
        Assert.Equal(2 * 7 * -32, found[255]);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Decode_NoBlocks_GivesNothing(GgmlType type) => Assert.Empty(Decode(type, []));

    private static float[] Decode(GgmlType type, byte[] blocks)
    {
        float[] values = new float[blocks.Length / type.BlockBytes() * type.BlockSize()];
        BlockDecoder.Decode(type, blocks, values);
        return values;
    }

    // Bytes of a linear congruential generator, with scales below 2.
    private static byte[] Random(GgmlType type)
    {
        byte[] blocks = new byte[Blocks * type.BlockBytes()];
        uint state = (uint)type;
        for (int i = 0; i < blocks.Length; i++)
        {
            state = (state * 1664525) + 1013904223;
            blocks[i] = (byte)(state >> 24);
        }

        foreach (int half in ReferenceBlocks.HalvesOf(type))
        {
            for (int block = 0; block < Blocks; block++)
            {
                blocks[(block * type.BlockBytes()) + half + 1] &= 0xBF;
            }
        }

        return blocks;
    }
}
