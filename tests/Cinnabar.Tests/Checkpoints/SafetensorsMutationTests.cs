using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

// A valid small file is damaged in one to four places, with damage that knows JSON and digits. Whatever comes out, the reader
// answers with a CinnabarException or with exactly the tensors that the second reader sees. CINNABAR_FUZZ_INPUTS sets another
// number of inputs.
public sealed class SafetensorsMutationTests
{
    private static readonly string[] s_pieces =
    [
        "{", "}", "[", "]", ",", ":", "\"", "0", "1", "8", "-1", "1e3", "0.5", "null", "true", "\"a\"", "\"b\"", "\\u0061",
        "\\ud800", "\\u0000", "F32", "BF16", "F4", "I64",
        "__metadata__", "dtype", "shape", "data_offsets", "9223372036854775807", "4294967296", "18446744073709551616", " ", "\0", "é",
    ];

    [Fact]
    public void Open_DamagedFiles_AgreeWithTheSecondReader()
    {
        using TemporaryFolder folder = new();
        using FileStream target = new(folder["x.safetensors"], FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        byte[] valid = Valid();
        int inputs = int.TryParse(Environment.GetEnvironmentVariable("CINNABAR_FUZZ_INPUTS"), out int more) ? more : 20_000;
        Random random = new(20261120);
        int accepted = 0;
        for (int i = 0; i < inputs; i++)
        {
            byte[] damaged = Damage(valid, random);
            target.Position = 0;
            target.Write(damaged);
            target.SetLength(damaged.Length);
            SortedDictionary<string, (long From, long To)>? ranges = ReferenceSafetensors.Read(damaged);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(target.Name);
                Assert.True(ranges is not null, $"Input {i} was accepted, the second reader refuses it: {Convert.ToBase64String(damaged)}");
                Assert.Equal(
                    ranges.Select(pair => (pair.Key, pair.Value.From, pair.Value.To)),
                    file.Tensors.Values
                        .OrderBy(entry => entry.Name, StringComparer.Ordinal)
                        .Select(entry => (entry.Name, entry.Offset, entry.Offset + entry.ByteCount)));
                accepted++;
            }
            catch (CinnabarException e)
            {
                Assert.True(
                    ranges is null, $"Input {i} was refused, the second reader accepts it: {e.Message} {Convert.ToBase64String(damaged)}");
            }
        }

        // Damage that never hits, or always kills, would test nothing.
        Assert.InRange(accepted, inputs / 100, inputs / 2);
    }

    private static byte[] Valid()
    {
        string[] parts =
        [
            "\"__metadata__\":{\"a\":\"b\"}",
            SafetensorsBytes.Entry("a", "F32", "[2,1]", "[0,8]"),
            SafetensorsBytes.Entry("b", "BF16", "[4]", "[8,16]"),
            SafetensorsBytes.Entry("c", "U8", "[0]", "[16,16]"),
        ];
        return SafetensorsBytes.File($"{{{string.Join(',', parts)}}}  ", 16);
    }

    private static byte[] Damage(byte[] valid, Random random)
    {
        List<byte> file = [.. valid];
        int headerEnd = valid.Length - 16;
        for (int times = random.Next(1, 5); times > 0; times--)
        {
            int at = random.Next(random.Next(8) == 0 ? 0 : 8, Math.Min(headerEnd, file.Count));
            byte[] piece = Encoding.UTF8.GetBytes(s_pieces[random.Next(s_pieces.Length)]);
            switch (random.Next(8))
            {
                case 0: file[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: file[at] = (byte)random.Next(256); break;
                case 2: file.Insert(at, piece[0]); break;
                case 3: file.RemoveAt(at); break;
                case 4: file.InsertRange(at, piece); break;
                case 5: file.RemoveRange(at, Math.Min(piece.Length, file.Count - at)); file.InsertRange(at, piece); break;
                case 6: Digit(file, random); break;
                default: Copy(file, at, random); break;
            }
        }

        // Most damage changes the length of the header; often repair the field, or nothing behind it would ever be tested.
        if (random.Next(10) != 0 && file.Count >= 24)
        {
            BitConverter.TryWriteBytes(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(file), (ulong)(file.Count - 24));
        }

        return [.. file];
    }

    private static void Digit(List<byte> file, Random random)
    {
        List<int> digits = [.. Enumerable.Range(8, Math.Max(0, file.Count - 24)).Where(i => file[i] is >= (byte)'0' and <= (byte)'9')];
        if (digits.Count > 0)
        {
            file[digits[random.Next(digits.Count)]] = (byte)('0' + random.Next(10));
        }
    }

    private static void Copy(List<byte> file, int at, Random random)
    {
        int count = Math.Min(random.Next(1, 60), file.Count - at);
        file.InsertRange(random.Next(8, file.Count), file.GetRange(at, count));
    }
}
