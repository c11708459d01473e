using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class SafetensorsIndexTests
{
    private const string Map = "\"weight_map\":{\"w\":\"a.safetensors\"}";

    // Texts of broken indexes, and what the error must say.
    private static readonly (string Json, string Expected)[] s_broken =
    [
        ("", "expected valid JSON"),
        ("null", "expected a JSON object, found null"),
        ("[]", "expected a JSON object, found a list"),
        ("\"x\"", "expected a JSON object, found a text"),
        ("{", "expected valid JSON"),
        ("{" + Map, "expected valid JSON"),
        ("{" + Map + "} x", "expected valid JSON"),
        ("{" + Map + "}{}", "expected valid JSON"),
        ("{" + Map + ",}", "expected valid JSON"),
        ("\uFEFF{" + Map + "}", "offset 0: expected '{', found a byte order mark"),
        ("{}", "expected the key weight_map (tensor → file), found none"),
        ("{\"weight_map\":{}}", "expected tensors in 1 to 1000 files, found 0 files"),
        ("{\"weight_map\":null}", "weight_map, offset 14: expected an object: tensor → file, found null"),
        ("{\"weight_map\":[]}", "expected an object: tensor → file, found a list"),
        ("{\"weight_map\":\"a.safetensors\"}", "expected an object: tensor → file, found a text"),
        ("{" + Map + "," + Map + "}", "expected weight_map once, found it twice"),
        ("{" + Map + ",\"weight\\u005fmap\":{\"v\":\"a.safetensors\"}}", "expected weight_map once, found it twice"),
        ("{\"metadata\":{},\"metadata\":{}," + Map + "}", "expected metadata once, found it twice"),
        ("{\"metadata\":3," + Map + "}", "metadata, offset 12: expected an object, found a number"),
        ("{\"metadata\":{\"total_size\":\"3\"}," + Map + "}", "metadata, total_size, offset 26: expected a number of bytes, found a text"),
        ("{\"metadata\":{\"total_size\":-1}," + Map + "}", "expected a number of bytes, found one that is negative or too large"),
        ("{\"metadata\":{\"total_size\":1e999}," + Map + "}", "expected a number of bytes, found one that is negative or too large"),
        ("{\"metadata\":{\"total_size\":null}," + Map + "}", "expected a number of bytes, found null"),
        ("{\"weight_map\":{\"w\":\"a.safetensors\",\"w\":\"a.safetensors\"}}", "tensor 'w', offset 39: expected each name once"),
        ("{\"weight_map\":{\"w\":\"a.safetensors\",\"\\u0077\":\"b.safetensors\"}}", "expected each name once"),
        ("{\"weight_map\":{\"w\":3}}", "tensor 'w', offset 19: expected the name of a file, found a number"),
        ("{\"weight_map\":{\"w\":null}}", "expected the name of a file, found null"),
        ("{\"weight_map\":{\"w\":[\"a.safetensors\"]}}", "expected the name of a file, found a list"),
        ("{\"weight_map\":{\"w\":{}}}", "expected the name of a file, found an object"),
        ("{\"weight_map\":{\"w\":\"\"}}", "found '' with an empty part"),
        ("{\"weight_map\":{\"w\":\"a.bin\"}}", "whose name ends in .safetensors, found 'a.bin'"),
        ("{\"weight_map\":{\"w\":\"a.SAFETENSORS\"}}", "found 'a.SAFETENSORS'"),
        ("{\"weight_map\":{\"w\":\"model.safetensors.index.json\"}}", "found 'model.safetensors.index.json'"),
        ("{\"weight_map\":{\"w\":\"sub/a.safetensors\"}}", "expected a file beside the index"),
        ("{\"weight_map\":{\"w\":\"\\ud800.safetensors\"}}", "an escape that is not a character"),
        ("{\"weight_map\":{\"\\udc00\":\"a.safetensors\"}}", "an escape that is not a character"),
        ("{\"\\ud800\":1}", "an escape that is not a character"),
        ("{\"deep\":" + new string('[', 10_000), "expected valid JSON"),
        ("{\"weight_map\":{\"" + new string('n', 5_000) + "\":\"a.safetensors\"}}", "names of at most 4096 bytes, found one of 5000"),
    ];

    public static TheoryData<int> Broken => [.. Enumerable.Range(0, s_broken.Length)];

    [Theory]
    [MemberData(nameof(Broken))]
    public void Parse_BrokenIndex_NamesPlaceAndFault(int number) =>
        AssertRefused(Encoding.UTF8.GetBytes(s_broken[number].Json), s_broken[number].Expected);

    [Fact]
    public void Cases_AreMany() => Assert.True(s_broken.Length + HostilePaths.All.Count >= 70);

    [Fact]
    public void Parse_HostileShardName_IsRefused() => Assert.All(
        HostilePaths.All.Where(path => !path.Any(char.IsSurrogate)),
        path =>
        {
            string json = System.Text.Json.JsonEncodedText.Encode(path).ToString();
            AssertRefused(Encoding.UTF8.GetBytes($"{{\"weight_map\":{{\"w\":\"{json}\"}}}}"), "tensor 'w'");
        });

    [Fact]
    public void Parse_InvalidUtf8_NamesTheOffset() => AssertRefused([.. "{\""u8, 0xFF, .. "\":1}"u8], "offset 2: expected UTF-8 text");

    [Fact]
    public void Parse_TooManyShards_IsRefused() =>
        AssertRefused(MapOf(1_001, i => $"{i}.safetensors"), "expected tensors in 1 to 1000 files, found 1001 files");

    [Fact]
    public void Parse_TooManyTensors_IsRefused() => AssertRefused(MapOf(100_001, _ => "a.safetensors"), "at most 100000 tensors");

    [Theory]
    [InlineData("{" + Map + "}")]
    [InlineData(" \n{" + Map + "}\n ")]
    [InlineData("{\"metadata\":{\"total_size\":1.6e10,\"total_parameters\":[1,{\"a\":null}]}," + Map + ",\"other\":{\"weight_map\":3}}")]
    [InlineData("{\"metadata\":{}," + Map + "}")]
    public void Parse_ValidIndex_GivesTheShard(string json)
    {
        SafetensorsIndex index = SafetensorsIndex.Parse("i.json", Encoding.UTF8.GetBytes(json));
        Assert.Equal("a.safetensors", index.ShardOf["w"]);
        Assert.Equal(["a.safetensors"], index.Shards);
        Assert.Equal(["w"], index.TensorsOf["a.safetensors"]);
    }

    [Fact]
    public void Load_FileTooLarge_IsRefusedWithoutReading()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.safetensors.index.json", []);
        using (FileStream stream = new(path, FileMode.Open))
        {
            stream.SetLength(1L << 30);
        }

        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsIndex.Load(path));
        Assert.Contains("expected at most 16777216 bytes", error.Message, StringComparison.Ordinal);
    }

    private static byte[] MapOf(int count, Func<int, string> shard) => Encoding.UTF8.GetBytes(
        $"{{\"weight_map\":{{{string.Join(",", Enumerable.Range(0, count).Select(i => $"\"{i}\":\"{shard(i)}\""))}}}}}");

    private static void AssertRefused(byte[] json, string expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => SafetensorsIndex.Parse("i.index.json", json));
        Assert.StartsWith("i.index.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
        Assert.True(error.Message.Length < 1_000);
    }
}
