using System.Buffers.Binary;
using System.Diagnostics;
using Cinnabar.Checkpoints.Gguf;
using static Cinnabar.Tests.Checkpoints.Gguf.GgufBytes;

namespace Cinnabar.Tests.Checkpoints.Gguf;

// A valid small file is damaged in one to three places, with damage that knows where numbers stand and which are dangerous. Whatever comes
// out, the reader answers with a CinnabarException or with exactly the tensors that the second reader sees, and all of these can be read;
// opening never allocates more than a megabyte. CINNABAR_FUZZ_SECONDS sets another duration than 2 seconds, and with it a new seed.
public sealed class GgufMutationTests
{
    private static readonly ulong[] s_dangerous =
    [
        0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1 << 16, 1 << 20, 1 << 24, (1 << 24) + 1,
        int.MaxValue, 1UL << 31, uint.MaxValue, 1UL << 32, 1UL << 40, 1UL << 60, 1UL << 61, 1UL << 62, long.MaxValue, 1UL << 63,
        ulong.MaxValue - 31, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    [Fact]
    public void Open_DamagedFiles_AgreeWithTheSecondReader()
    {
        using TemporaryFolder folder = new();
        using FileStream target = new(folder["x.gguf"], FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        string? wanted = Environment.GetEnvironmentVariable("CINNABAR_FUZZ_SECONDS");
        double seconds = double.TryParse(wanted, out double more) ? more : 2;
        byte[] valid = Valid();
        Assert.Equal(6, ReferenceGguf.Read(valid)?.Count);
        int seed = seconds == 2 ? 20261125 : Environment.TickCount;
        Random random = new(seed);
        int accepted = 0;
        int inputs = 0;
        for (var clock = Stopwatch.StartNew(); inputs < 1000 || clock.Elapsed.TotalSeconds < seconds; inputs++)
        {
            byte[] damaged = Damage(valid, random);
            target.Position = 0;
            target.Write(damaged);
            target.SetLength(damaged.Length);
            accepted += Agree(target.Name, damaged, $"Seed {seed}, input {inputs}") ? 1 : 0;
        }

        // Damage that never hits, or always kills, would test nothing.
        Assert.InRange(accepted, inputs / 100, inputs / 2);
    }

    private static bool Agree(string path, byte[] damaged, string where)
    {
        SortedDictionary<string, (long From, long To)>? ranges = ReferenceGguf.Read(damaged);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using GgufFile file = GgufFile.Open(path);
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"{where} took much memory.");
            Assert.True(ranges is not null, $"{where} was accepted, the second reader refuses it: {Convert.ToBase64String(damaged)}");
            Assert.Equal(
                ranges.Select(pair => (pair.Key, pair.Value.From, pair.Value.To)),
                file.Tensors.Values
                    .OrderBy(tensor => tensor.Name, StringComparer.Ordinal)
                    .Select(tensor => (tensor.Name, tensor.Offset, tensor.Offset + tensor.ByteCount)));
            foreach (string name in file.Tensors.Keys)
            {
                ReadAll(file, name);
            }

            return true;
        }
        catch (CinnabarException e)
        {
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20, $"{where} took much memory.");
            Assert.True(
                ranges is null, $"{where} was refused, the second reader accepts it: {e.Message} {Convert.ToBase64String(damaged)}");
            return false;
        }
    }

    // A tensor without bytes may be too large in its other sizes.
    private static void ReadAll(GgufFile file, string name)
    {
        try
        {
            Assert.Equal(file.Read(name).ShapeText(), file.ReadStored(name).ShapeText());
            file.Read(name, slice: 0);
        }
        catch (CinnabarException) when (file.Tensors[name] is { ByteCount: 0 } or { Shape.Count: not 3 })
        {
        }
    }

    private static byte[] Valid() => new GgufBytes { DataBytes = 640 }
        .Key("general.architecture", StringType, Text("llada"))
        .Key("general.alignment", U32, Number(32u))
        .Key("a", ArrayType, List(StringType, 2, Text("x"), Text("é")))
        .Key("b", ArrayType, List(F32, 3, new byte[12]))
        .Key("c", Bool, 1)
        .Key("d", U64, Number(7UL))
        .Tensor("f32", [4, 2], 0, 0)
        .Tensor("f16", [3], 1, 32)
        .Tensor("q8", [32, 2, 2], 8, 64)
        .Tensor("q4", [32, 1, 1, 2], 2, 224)
        .Tensor("k", [256], 14, 288)
        .Tensor("bf16", [], 30, 512)
        .File();

    private static byte[] Damage(byte[] valid, Random random)
    {
        List<byte> file = [.. valid];
        for (int times = random.Next(1, 4); times > 0; times--)
        {
            int at = random.Next(random.Next(20) == 0 ? 0 : 8, Math.Min(valid.Length - 640, file.Count));
            switch (random.Next(8))
            {
                case 0: file[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: file[at] = (byte)random.Next(256); break;
                case 2: file.RemoveRange(random.Next(at, file.Count), 1); break;
                case 3:
                    List<byte> piece = file.GetRange(at, random.Next(1, Math.Min(60, file.Count - at)));
                    file.InsertRange(random.Next(8, file.Count), piece);
                    break;
                case 4: file.RemoveAt(at); break;
                default: Write(file, at, random); break;
            }
        }

        return [.. file];
    }

    // Numbers stand where small ones are followed by zeros: there a dangerous one is put over 4 or 8 bytes.
    private static void Write(List<byte> file, int at, Random random)
    {
        while (at + 8 < file.Count && !(file[at] != 0 && file[at + 1] == 0 && file[at + 2] == 0))
        {
            at++;
        }

        byte[] number = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(number, s_dangerous[random.Next(s_dangerous.Length)]);
        int width = random.Next(2) == 0 ? 4 : 8;
        for (int i = 0; i < width && at + i < file.Count; i++)
        {
            file[at + i] = number[i];
        }
    }
}
