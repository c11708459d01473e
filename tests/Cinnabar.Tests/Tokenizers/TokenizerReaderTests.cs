using System.Text;
using System.Text.Json;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tokenizers;

namespace Cinnabar.Tests.Tokenizers;

/// <summary>Damaged and hostile files give one clear error each.</summary>
public sealed class TokenizerReaderTests : IDisposable
{
    // A folder of its own: a tokenizer_config.json beside the file would be read, too.
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;
    private readonly string _good = File.ReadAllText(TokenizerData.SmallPath).ReplaceLineEndings("\n");

    public TokenizerReaderTests() => _path = _folder["x.json"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\"truncation\": null", "\"truncation\": {\"max_length\": 5}", "truncation")]
    [InlineData("\"padding\": null", "\"padding\": {}", "padding")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\": \"Precompiled\"}", "normalizer.type: expected one of")]
    [InlineData("\"normalizer\": null", "\"normalizer\": []", "normalizer")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\": \"Prepend\"}", "'prepend'")]
    [InlineData(
        "\"normalizer\": null", "\"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"12345678901234567\"}", "normalizer.prepend")]
    [InlineData(
        "\"normalizer\": null",
        "\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, 3]}", "normalizers[1]")]
    [InlineData("\"normalizer\": null", "\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": 1}", "normalizer.lowercase")]
    [InlineData(
        "\"normalizer\": null",
        "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" +\"}, \"content\": \" \"}", "normalizer.pattern")]
    [InlineData(
        "\"normalizer\": null",
        "\"normalizer\": {\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \" \"}", "pattern.String")]
    [InlineData("\"type\": \"Sequence\"", "\"type\": \"Metaspace\"", "pre_tokenizer: expected a property 'replacement'")]
    [InlineData("\"type\": \"Sequence\"", "\"type\": \"UnicodeScripts\"", "'UnicodeScripts'")]
    [InlineData("\"type\": \"Sequence\"", "\"type\": \"BertPreTokenizer\"", "decoder: expected another one than ByteLevel")]
    [InlineData("\"type\": \"Split\"", "\"type\": \"Digits\"", "'Digits'")]
    [InlineData("\"Regex\": \" ?", "\"Regex\": \"?", "pattern.Regex")]
    [InlineData("\"Regex\": ", "\"Pattern\": ", "'Regex'")]
    [InlineData("\"Regex\": \" ?", "\"Regex\": \"(a+)+|", "'(a+)+|")]
    [InlineData("\"behavior\": \"Isolated\"", "\"behavior\": \"Removed\"", "pretokenizers[0].behavior")]
    [InlineData("\"behavior\": \"Isolated\"", "\"behavior\": \"1\"", "pretokenizers[0].behavior")]
    [InlineData("\"invert\": false", "\"invert\": 0", "invert")]
    [InlineData("\"use_regex\": false", "\"use_regex\": null, \"add_prefix_space\": 7", "Duplicate")]
    [InlineData("\"use_regex\": false", "\"use_regex\": \"no\"", "use_regex")]
    [InlineData("\"add_prefix_space\": false", "\"add_prefix_space\": true", "add_prefix_space")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"Unigram\"", "'Unigram'")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordPiece\"", "'WordPiece'")]
    [InlineData("\"dropout\": null", "\"dropout\": 0.1", "model.dropout")]
    [InlineData("\"dropout\": null", "\"dropout\": []", "model.dropout")]
    [InlineData("\"end_of_word_suffix\": null", "\"end_of_word_suffix\": \"</w>\"", "model.end_of_word_suffix")]
    [InlineData("\"unk_token\": null", "\"unk_token\": \"qqq\"", "model.unk_token")]
    [InlineData("\"unk_token\": null", "\"unk_token\": 0", "model.unk_token")]
    [InlineData("\"byte_fallback\": false", "\"byte_fallback\": 0", "model.byte_fallback")]
    [InlineData("\"ignore_merges\": false", "\"ignore_merges\": \"\"", "model.ignore_merges")]
    [InlineData("\"special\": true", "\"special\": 1", "added_tokens[0].special")]
    [InlineData("\"lstrip\": false", "\"lstrip\": \"x\"", "added_tokens[0].lstrip")]
    [InlineData("\"added_tokens\": [", "\"added_tokens\": {}, \"y\": [", "added_tokens")]
    [InlineData("\"added_tokens\": [", "\"added_tokens\": [null, ", "added_tokens[0]")]
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
    [InlineData("\"!\": 4,", "\"!\": 9999999,", "near the number of tokens")]
    [InlineData("\"!\": 4,", "\"!\": 16777216,", "model.vocab['!']")]
    [InlineData("\"!\": 4,", "\"!\": null,", "model.vocab['!']")]
    [InlineData("\"!\": 4,", "\"!!\": 4,", "byte 33")]
    [InlineData("\"!\": 4,", "\"\": 4,", "an empty token")]
    [InlineData("\"post_processor\": null", "\"post_processor\": {\"type\": \"Nmt\"}", "post_processor.type")]
    [InlineData(
        "\"post_processor\": null",
        "\"post_processor\": {\"type\": \"BertProcessing\", \"cls\": [\"a\"], \"sep\": []}", "post_processor.cls")]
    [InlineData("\"post_processor\": null", "\"post_processor\": {\"type\": \"Sequence\", \"processors\": [[]]}", "processors[0]")]
    [InlineData(
        "\"post_processor\": null",
        "\"post_processor\": {\"type\": \"RobertaProcessing\", \"cls\": [\"a\", 640], \"sep\": [\"b\", 1]}", "below 640")]
    [InlineData(
        "\"post_processor\": null",
        "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [], \"special_tokens\": {}}", "one Sequence A")]
    [InlineData(
        "\"post_processor\": null",
        "\"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"q\"}}], \"special_tokens\": {}}",
        "a property 'q'")]
    [InlineData("\"decoder\": {", "\"decoder\": {\"type\": \"CTC\"}, \"y\": {", "decoder.type")]
    [InlineData("\"decoder\": {", "\"decoder\": {\"type\": \"Fuse\"}, \"y\": {", "decoder: expected ByteLevel")]
    [InlineData(
        "\"decoder\": {",
        "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Fuse\"}, {\"type\": \"ByteFallback\"}]}, \"y\": {",
        "decoders[1]")]
    [InlineData(
        "\"decoder\": {",
        "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Strip\", \"content\": \" \", \"start\": 1}]}, \"y\": {",
        "decoders[0]")]
    [InlineData("\"decoder\": {", "\"decoder\": {\"type\": \"WordPiece\", \"cleanup\": true}, \"y\": {", "'prefix'")]
    [InlineData("\"decoder\": {", "\"decoder\": {\"type\": \"Metaspace\", \"replacement\": \"ab\"}, \"y\": {", "decoder.replacement")]
    [InlineData("\"!\": 4,", "\"\u65E5\": 4,", "byte 33")]
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
    [InlineData("{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}")]
    [InlineData("{\"decoder\":{\"type\":\"Fuse\"},\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}")]
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
            catch (CinnabarException failure)
            {
                Assert.StartsWith(_path, failure.Message);
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
        Assert.Equal(Merges(Tokenizer.Load(TokenizerData.SmallPath)), Merges(Tokenizer.Load(_path)));
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
        Assert.Equal(SplitPatterns.Gpt2, Pattern(tokenizer));
        Assert.Contains("mask", Assert.Throws<CinnabarException>(() => tokenizer.MaskTokenId).Message);
        new Tokenizer(tokenizer.Definition with { Json = null }).Save(_path);
        Assert.Equal(SplitPatterns.Gpt2, Pattern(Tokenizer.Load(_path)));
    }

    [Fact]
    public void Load_GapInTheIds_IsATokenOfNothing()
    {
        File.WriteAllText(_path, _good.Replace("\"id\": 3,", "\"id\": 640,").Replace("\"<|begin|>\": 3,", "\"<|begin|>\": 640,"));
        Tokenizer tokenizer = Tokenizer.Load(_path);
        Assert.Equal(641, tokenizer.VocabularySize);
        Assert.Equal("", tokenizer.Decode([3], skipSpecialTokens: false));
        Assert.Equal(SpecialTokens.BeginOfText, tokenizer.Decode([640], skipSpecialTokens: false));
    }

    [Fact]
    public void Load_TokenizerConfig_NamesTheSpecialTokens()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.Copy(TokenizerData.SmallPath, Path.Combine(folder, "tokenizer.json"));
            string config = Path.Combine(folder, "tokenizer_config.json");
            const string Names = """
                {"mask_token": {"content": "<|pad|>"}, "eos_token": "<|begin|>", "pad_token": null, "bos_token": "<s>"}
                """;
            File.WriteAllText(config, Names);
            Tokenizer tokenizer = Tokenizer.Load(folder);
            int[] ids = [tokenizer.MaskTokenId, tokenizer.EndOfTextTokenId, tokenizer.PaddingTokenId, tokenizer.BeginOfTextTokenId];
            Assert.Equal([2, 3, 2, 3], ids);
            File.WriteAllText(config, """{"mask_token": 7}""");
            string message = Assert.Throws<CinnabarException>(() => Tokenizer.Load(folder)).Message;
            Assert.StartsWith(config, message);
            Assert.Contains("mask_token", message);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Dream is published in these files. They hold what the tokenizer.json of the qwen2 family holds, so the ids must be the same.
    [Fact]
    public void Load_VocabularyAndMerges_IsTheSameTokenizer()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            using JsonDocument qwen2 = JsonDocument.Parse(File.ReadAllBytes(TokenizerData.FamilyPath("qwen2")));
            JsonElement model = qwen2.RootElement.GetProperty("model");
            string merges = string.Concat(model.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString() + "\n"));
            IEnumerable<string> added = qwen2.RootElement.GetProperty("added_tokens").EnumerateArray()
                .Select(token => $"\"{token.GetProperty("id").GetInt32()}\": {token.GetRawText()}");
            string tokens = $"\"added_tokens_decoder\": {{{string.Join(',', added)}}}";
            string config = Path.Combine(folder, "tokenizer_config.json");
            File.WriteAllText(Path.Combine(folder, "vocab.json"), model.GetProperty("vocab").GetRawText());
            File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n" + merges);
            File.WriteAllText(config, $"{{\"tokenizer_class\": \"DreamTokenizer\", \"mask_token\": \"<|mask|>\", {tokens}}}");
            Tokenizer tokenizer = Tokenizer.Load(folder);
            foreach (FamilyGolden row in TokenizerData.FamilyGolden("qwen2"))
            {
                Assert.Equal(row.Ids, tokenizer.Encode(row.Text, parseSpecialTokens: true));
            }

            tokenizer.Save(Path.Combine(folder, "tokenizer.json"));
            Assert.Equal(tokenizer.MaskTokenId, Tokenizer.Load(folder).MaskTokenId);
            File.Delete(Path.Combine(folder, "tokenizer.json"));
            AssertFails(config, "{\"tokenizer_class\": \"T5Tokenizer\"}", "'T5Tokenizer'");
            AssertFails(config, "{\"tokenizer_class\": \"Qwen2Tokenizer\"}", "added_tokens_decoder");
            AssertFails(config, "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"added_tokens_decoder\": {\"x\": {}}}", "'x'");
            AssertFails(Path.Combine(folder, "vocab.json"), "[]", "an object");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        void AssertFails(string file, string content, string expected)
        {
            File.WriteAllText(file, content);
            string message = Assert.Throws<CinnabarException>(() => Tokenizer.Load(folder)).Message;
            Assert.StartsWith(file, message);
            Assert.Contains(expected, message);
        }
    }

    [Fact]
    public void Load_ReplacementsThatGrowWithoutEnd_AreRefused()
    {
        const string Replace = """{"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaa"}""";
        string message = LoadFails(_good.Replace(
            "\"normalizer\": null", $$"""
            "normalizer": {"type": "Sequence", "normalizers": [{{Replace}}, {{Replace}}, {{Replace}}]}
            """));
        Assert.Contains("normalizers[1]", message);
    }

    [Fact]
    public void Load_ControlCharactersInTheFile_AreNotShown()
    {
        string message = LoadFails(_good.Replace("\"type\": \"BPE\"", "\"type\": \"\\u001b[2J\""));
        Assert.DoesNotContain('\u001b', message);
    }

    private static Merge[] Merges(Tokenizer tokenizer) => ((Bpe)tokenizer.Definition.Model).Merges;

    private static string Pattern(Tokenizer tokenizer) => Assert.IsType<RegexSplit>(tokenizer.Definition.PreTokenizers[0]).Pattern;

    private string LoadFails(string json)
    {
        File.WriteAllText(_path, json, new UTF8Encoding(false));
        return Assert.Throws<CinnabarException>(() => Tokenizer.Load(_path)).Message;
    }
}
