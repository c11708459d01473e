using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Sampling;
using Cinnabar.Tests.Tokenizers;

namespace Cinnabar.Tests.Checkpoints;

public sealed class GenerationConfigTests
{
    [Fact]
    public void Parse_EmptyOrForeign_SetsNothing()
    {
        Assert.Equal(new GenerationConfig(), Parse("{}"));
        Assert.Equal(
            new GenerationConfig(),
            Parse("""{"_from_model_config": true, "transformers_version": "4.46.3", "do_sample": true, "top_k": 0, "steps": null}"""));
    }

    [Fact]
    public void Parse_DefaultsOfAClass_AreNoSettings()
    {
        // As Dream-Instruct is published.
        GenerationConfig config = Parse(
            """{"_from_model_config": true, "alg": "origin", "steps": 512, "temperature": 0.0, "eos_token_id": 151643}""");
        Assert.Equal([151_643], config.EosTokenIds!);
        Assert.Equal(new GenerationConfig(), config with { EosTokenIds = null });
    }

    [Fact]
    public void ToJson_ThenParse_SameSettings()
    {
        GenerationConfig config = new()
        {
            Steps = 64, BlockSize = 32, MaxNewTokens = 128, Temperature = 0.2, Remasking = "origin", Threshold = 0.9,
            Factor = 1.5, TopP = 0.95, TopK = 50, CfgScale = 0, DraftTokens = 16, LeftToRight = true,
        };
        Assert.Equal(config, GenerationConfig.Parse("g", config.ToJson()));
        Assert.Equal(
            "{\n  \"steps\": 8,\n  \"temperature\": 0.0\n}\n",
            Encoding.UTF8.GetString(new GenerationConfig { Steps = 8, Temperature = 0 }.ToJson()));
        Assert.Equal("{}\n", Encoding.UTF8.GetString(new GenerationConfig().ToJson()));
    }

    [Fact]
    public void Options_OfAModel_AreThoseThatTheFileSets()
    {
        ModelConfig config = TinyModelFolder.ConfigFor(TokenizerData.BytesOnly);
        GenerationConfig file = new()
        {
            Steps = 64, BlockSize = 32, MaxNewTokens = 12, Temperature = 0.2, Remasking = "low_confidence", Threshold = 0.9, TopP = 0.95,
            TopK = 50, CfgScale = 1.5,
        };
        SamplerOptions all = new()
        {
            Steps = 64, BlockSize = 32, MaxNewTokens = 12, Temperature = 0.2, Threshold = 0.9, TopP = 0.95, TopK = 50, CfgScale = 1.5,
        };
        Assert.Equal(all, ModelReading.Options(file, config));
        Assert.Equal(new SamplerOptions(), ModelReading.Options(new GenerationConfig(), config));

        // Drafts are for networks that can be read left to right.
        Assert.Null(ModelReading.Options(new GenerationConfig { DraftTokens = 8 }, config).DraftTokens);
        ModelConfig shifted = config with { ShiftLogits = true };
        Assert.Equal(8, ModelReading.Options(new GenerationConfig { DraftTokens = 8 }, shifted).DraftTokens);
        Assert.Null(ModelReading.Options(new GenerationConfig { DraftTokens = 8, CfgScale = 1 }, shifted).DraftTokens);
        Assert.False(ModelReading.Options(new GenerationConfig { LeftToRight = true }, config).LeftToRight);
        Assert.True(ModelReading.Options(new GenerationConfig { LeftToRight = true }, shifted).LeftToRight);
        Assert.Equal(new SamplerOptions { Factor = 1.5 }, ModelReading.Options(new GenerationConfig { Factor = 1.5 }, config));
        Assert.Equal(
            new SamplerOptions { Steps = 64, MaxNewTokens = 12, CfgScale = 1.5 },
            ModelReading.Options(file, TinyModelFolder.WithLatents(config)));

        // The family's threshold is for the family's order.
        ModelConfig sdar = ModelConfig.Parse("config.json", Encoding.UTF8.GetBytes(RandomShapes.All["sdar-4b"]));
        Assert.NotNull(ModelReading.Options(new GenerationConfig(), sdar).Threshold);
        ModelReading.Options(new GenerationConfig { Remasking = "random" }, sdar).Validate();
        Assert.Equal(25, ModelReading.Options(new GenerationConfig(), TinyModelFolder.WithLatents(config)).Steps);
    }

    [Fact]
    public void ToJson_OutOfRange_Throws()
    {
        Assert.Throws<CinnabarException>(() => new GenerationConfig { Steps = 0 }.ToJson());
        Assert.Throws<CinnabarException>(() => new GenerationConfig { Remasking = "a\"b" }.ToJson());
    }

    [Theory]
    [InlineData("steps", "0", "from 1")]
    [InlineData("steps", "1.5", "a whole number")]
    [InlineData("block_size", "-1", "from 1")]
    [InlineData("draft_tokens", "257", "from 1 to 256")]
    [InlineData("max_new_tokens", "\"8\"", "a whole number")]
    [InlineData("temperature", "-0.1", "from 0 to 100")]
    [InlineData("temperature", "1e999", "'1e999'")]
    [InlineData("remasking", "\"best\"", "\"low_confidence\" or \"random\"")]
    [InlineData("remasking", "3", "'3'")]
    [InlineData("threshold", "0", "above 0 to 1")]
    [InlineData("threshold", "1.1", "'1.1'")]
    [InlineData("factor", "0", "above 0")]
    [InlineData("top_p", "0", "above 0 to 1")]
    [InlineData("top_p", "true", "a number")]
    [InlineData("top_k", "1.5", "a whole number")]
    [InlineData("cfg_scale", "101", "from 0 to 100")]
    public void Parse_WrongValue_NamesKeyExpectedAndFound(string key, string json, string expected)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => Parse($"{{\"{key}\":{json}}}"));
        Assert.Contains($"generation_config.json: {key}: expected ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains($"found '{json}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void Parse_NoLimitOfTokens_IsNone(int topK) => Assert.Equal(new GenerationConfig(), Parse($"{{\"top_k\": {topK}}}"));

    [Fact]
    public void Load_SettingsOfOtherSamplers_ArePassedOver()
    {
        byte[] json = Encoding.UTF8.GetBytes("""
            {"alg": "p2", "temperature": -1, "top_p": 0.9, "steps": 12, "eos_token_id": [-1], "confidence_threshold": "low"}
            """);
        using TemporaryFolder folder = new();
        GenerationConfig config = GenerationConfig.Load(folder.Write("generation_config.json", json));
        Assert.Equal(new GenerationConfig { Steps = 12, TopP = 0.9 }, config with { PassedOver = null });
        Assert.Equal(4, config.PassedOver!.Count);
        foreach (string key in (string[])["alg", "temperature", "eos_token_id", "confidence_threshold"])
        {
            Assert.Contains(config.PassedOver, message => message.Contains($"generation_config.json: {key}: expected "));
        }

        // What this program writes is checked.
        Assert.Throws<CinnabarException>(() => GenerationConfig.Parse("g", json));
        Assert.Null(GenerationConfig.Load(folder.Write("generation_config.json", "{\"alg\": \"entropy\"}"u8.ToArray())).PassedOver);
    }

    private static GenerationConfig Parse(string json) => GenerationConfig.Parse(
        "dir/generation_config.json", Encoding.UTF8.GetBytes(json));
}
