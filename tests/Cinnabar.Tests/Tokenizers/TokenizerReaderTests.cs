using System.Text;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>Damaged and hostile files give one clear error each.</summary>
public sealed class TokenizerReaderTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
    private readonly string _good = File.ReadAllText(TokenizerData.SmallPath).ReplaceLineEndings("\n");

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("\"truncation\": null", "\"truncation\": {\"max_length\": 5}", "truncation")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "normalizer")]
    [InlineData("\"type\": \"Sequence\"", "\"type\": \"Metaspace\"", "'Metaspace'")]
    [InlineData("\"type\": \"Split\"", "\"type\": \"Digits\"", "'Digits'")]
    [InlineData("\"Regex\": \" ?", "\"Regex\": \"?", "pattern.Regex")]
    [InlineData("\"Regex\": ", "\"String\": ", "'Regex'")]
    [InlineData("\"behavior\": \"Isolated\"", "\"behavior\": \"Removed\"", "behavior")]
    [InlineData("\"invert\": false", "\"invert\": 0", "invert")]
    [InlineData("\"use_regex\": false", "\"use_regex\": true", "use_regex")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"Unigram\"", "'Unigram'")]
    [InlineData("\"dropout\": null", "\"dropout\": 0.1", "model.dropout")]
    [InlineData("\"unk_token\": null", "\"unk_token\": \"a\"", "model.unk_token")]
    [InlineData("\"byte_fallback\": false", "\"byte_fallback\": true", "model.byte_fallback")]
    [InlineData("\"ignore_merges\": false", "\"ignore_merges\": true", "model.ignore_merges")]
    [InlineData("\"special\": true", "\"special\": false", "added_tokens[0].special")]
    [InlineData("\"lstrip\": false", "\"lstrip\": true", "added_tokens[0].lstrip")]
    [InlineData("\"id\": 0,", "\"id\": 1,", "id 1")]
    [InlineData("\"id\": 0,", "\"id\": -1,", "added_tokens[0].id")]
    [InlineData("\"id\": 0,", "\"id\": 0.5,", "added_tokens[0].id")]
    [InlineData("\"id\": 0,", "\"id\": \"0\",", "added_tokens[0].id")]
    [InlineData("\"id\": 0,", "\"id\": 99999999999,", "added_tokens[0].id")]
    [InlineData("\"content\": \"<|endoftext|>\"", "\"content\": \"<|mask|>\"", "added_tokens[1].content")]
    [InlineData("\"content\": \"<|mask|>\"", "\"content\": \"\"", "added_tokens[0].content")]
    [InlineData("\"content\": \"<|mask|>\"", "\"content\": 7", "added_tokens[0].content")]
    [InlineData("\"content\": \"<|mask|>\"", "\"content\": \"\\ud800\"", "broken character")]
    [InlineData("\"!\": 4,", "\"!\": 5,", "5 twice")]
    [InlineData("\"!\": 4,", "\"!\": 640,", "without gaps")]
    [InlineData("\"!\": 4,", "\"!\": null,", "model.vocab['!']")]
    [InlineData("\"!\": 4,", "\"!!\": 4,", "byte 33")]
    [InlineData("\"!\": 4,", "\"\": 4,", "an empty token")]
    [InlineData("\"!\": 4,", "\"\u65E5\": 4,", "byte-level alphabet")]
    [InlineData("\"!\": 4,", "\"\\udfff\": 4,", "found a fault")]
    [InlineData("\"!\": 4,", "\"!\": 4, \"\\u0021\": 4,", "Duplicate")]
    [InlineData("\"vocab\": {", "\"vocab\": [], \"x\": {", "model.vocab")]
    [InlineData("\"merges\": [", "\"merges\": [[\"\u0120\", \"<|mask|>\"],", "model.merges[0]")]
    [InlineData("\"merges\": [", "\"merges\": [[\"qqq\", \"q\"],", "'qqq'")]
    [InlineData("\"merges\": [", "\"merges\": [[\"q\", \"q\"],", "'qq'")]
    [InlineData("\"merges\": [", "\"merges\": [[\"\u0120\", \"\u0120\"],", "again")]
    [InlineData("\"merges\": [", "\"merges\": [[\"a\"],", "two tokens")]
    [InlineData("\"merges\": [", "\"merges\": [\"a b c\",", "two tokens")]
    [InlineData("\"merges\": [", "\"merges\": [[1, 2],", "a string")]
    [InlineData("\"merges\": [", "\"merges\": {\"x\": 1}, \"y\": [", "model.merges")]
    [InlineData("\"decoder\": {", "\"decoder\": null, \"y\": {", "decoder")]
    [InlineData("\"model\": {", "\"model\": 3, \"y\": {", "model")]
    [InlineData("\"version\"", "version", "JSON")]
    public void Load_DamagedFile_SaysWhere(string find, string replace, string expected)
    {
        Assert.Contains(find, _good);
        int at = _good.IndexOf(find, StringComparison.Ordinal);
        string message = LoadFails(_good[..at] + replace + _good[(at + find.Length)..]);
        Assert.Contains(expected, message);
        Assert.StartsWith(_path, message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"pre_tokenizer\":{\"type\":\"ByteLevel\"}}")]
    public void Load_OtherJson_Throws(string json) => LoadFails(json);

    [Fact]
    public void Load_HugeNesting_Throws() => LoadFails(new string('[', 1_000_000));

    [Fact]
    public void Load_CutAnywhere_Throws()
    {
        for (int length = 0; length < _good.Length - 2; length += 499)
        {
            LoadFails(_good[..length]);
        }
    }

    [Fact]
    public void Load_RandomBytesChanged_LoadsOrThrowsOneClearError()
    {
        Random random = new(11);
        byte[] good = Encoding.UTF8.GetBytes(_good);
        int refused = 0;
        for (int round = 0; round < 200; round++)
        {
            byte[] bytes = [.. good];
            for (int i = 0; i < 1 + (round % 3); i++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(_path, bytes);
            try
            {
                Tokenizer tokenizer = Tokenizer.Load(_path);
                Assert.Equal("text 1;\n", tokenizer.Decode(tokenizer.Encode("text 1;\n")));
            }
            catch (CinnabarException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 200);
    }

    [Fact]
    public void Load_MissingFile_SaysSo()
    {
        Assert.Contains("no such file", Assert.Throws<CinnabarException>(() => Tokenizer.Load(_path)).Message);
    }

    [Fact]
    public void Load_MergesAsStrings_AreTheSame()
    {
        string strings = System.Text.RegularExpressions.Regex.Replace(_good, @"\[\s*""([^""\s]+)"",\s*""([^""\s]+)""\s*\]", "\"$1 $2\"");
        Assert.NotEqual(_good, strings);
        File.WriteAllText(_path, strings);
        Assert.Equal(Tokenizer.Load(TokenizerData.SmallPath).Definition.Merges, Tokenizer.Load(_path).Definition.Merges);
    }

    [Fact]
    public void Load_Gpt2Layout_CutsLikeGpt2AndHasNoMask()
    {
        int split = _good.IndexOf("\"pre_tokenizer\"", StringComparison.Ordinal);
        int after = _good.IndexOf("\"post_processor\"", StringComparison.Ordinal);
        const string ByteLevel = "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true},\n";
        string json = _good[..split] + ByteLevel + _good[after..];
        File.WriteAllText(_path, json.Replace("<|mask|>", "<|other|>"));
        Tokenizer tokenizer = Tokenizer.Load(_path);
        Assert.IsType<Gpt2PreTokenizer>(tokenizer.Definition.PreTokenizer);
        Assert.Contains(SpecialTokens.Mask, Assert.Throws<CinnabarException>(() => tokenizer.MaskTokenId).Message);
        tokenizer.Save(_path);
        Assert.IsType<Gpt2PreTokenizer>(Tokenizer.Load(_path).Definition.PreTokenizer);
    }

    private string LoadFails(string json)
    {
        File.WriteAllText(_path, json, new UTF8Encoding(false));
        return Assert.Throws<CinnabarException>(() => Tokenizer.Load(_path)).Message;
    }
}
