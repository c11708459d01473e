using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling;

public sealed class SamplerOptionsTests
{
    public static TheoryData<string, SamplerOptions> Invalid => new()
    {
        { "MaxNewTokens", new() { MaxNewTokens = 0 } },
        { "MaxNewTokens", new() { MaxNewTokens = int.MaxValue } },
        { "Steps", new() { Steps = 0 } },
        { "BlockSize", new() { BlockSize = -3 } },
        { "Temperature", new() { Temperature = -0.5 } },
        { "Temperature", new() { Temperature = double.NaN } },
        { "Temperature", new() { Temperature = double.PositiveInfinity } },
        { "TopP", new() { TopP = 0 } },
        { "TopP", new() { TopP = 1.5 } },
        { "TopP", new() { TopP = double.NaN } },
        { "TopK", new() { TopK = 0 } },
        { "CfgScale", new() { CfgScale = -1 } },
        { "CfgScale", new() { CfgScale = double.NaN } },
        { "Remasking", new() { Remasking = (Remasking)77 } },
        { "Transfer", new() { Transfer = (Transfer)77 } },
        { "Threshold", new() { Threshold = 1.01 } },
        { "Remasking", new() { Threshold = 0.9, Remasking = Remasking.Entropy } },
        { "Remasking", new() { Factor = 1, Remasking = Remasking.Random } },
        { "Factor", new() { Threshold = 0.9, Factor = 1 } },
        { "Factor", new() { Factor = double.NaN } },
        { "EntropyBound", new() { EntropyBound = -0.1, Remasking = Remasking.Entropy } },
        { "Remasking", new() { EntropyBound = 0.1 } },
        { "Stability", new() { Stability = 0.01 } },
        { "Stability", new() { Stability = 0, Threshold = 0.9 } },
        { "Stability", new() { Stability = 0.01, Threshold = 0.9, Remasking = Remasking.Margin } },
        { "LowThreshold", new() { LowThreshold = 0.5 } },
        { "LowThreshold", new() { LowThreshold = 0.95, Threshold = 0.9 } },
        { "LowThreshold", new() { LowThreshold = 0.5, Threshold = 0.9, Stability = 0.01 } },
        { "VerifyThreshold", new() { VerifyThreshold = 0.9 } },
        { "VerifyThreshold", new() { VerifyThreshold = 0.9, Threshold = 0.6, Remasking = Remasking.Margin } },
        { "VerifyThreshold", new() { VerifyThreshold = 0.9, Threshold = 0.6, Cache = CacheKind.Dual } },
        { "VerifyThreshold", new() { VerifyThreshold = 1.1, Threshold = 0.6 } },
        { "DraftTokens", new() { DraftTokens = 0 } },
        { "DraftTokens", new() { DraftTokens = 257 } },
        { "DraftTokens", new() { DraftTokens = 8, CfgScale = 1 } },
        { "LeftToRight", new() { LeftToRight = true, CfgScale = 1 } },
        { "EarlyExit", new() { EarlyExit = 0 } },
        { "RemaskBelow", new() { RemaskBelow = 1 } },
        { "EditThreshold", new() { EditThreshold = 1.5 } },
        { "Remasking", new() { Remdm = RemdmKind.Cap } },
        { "Remdm", new() { Remdm = (RemdmKind)77, Remasking = Remasking.Origin } },
        { "RemdmEta", new() { RemdmEta = 2 } },
        { "MaxPasses", new() { MaxPasses = 0 } },
        { "MaxPasses", new() { MaxPasses = 1, CfgScale = 1 } },
        { "Deadline", new() { Deadline = TimeSpan.Zero } },
    };

    [Fact]
    public void WithoutThresholdOf_AnotherOrderOrRule_LeavesTheModelsThresholdOut()
    {
        SamplerOptions model = new() { Threshold = 0.9 };
        Assert.Equal(0.9, (model with { Temperature = 1, Steps = 4 }).WithoutThresholdOf(model).Threshold);
        Assert.Null((model with { Remasking = Remasking.Random }).WithoutThresholdOf(model).Threshold);
        Assert.Null((model with { Factor = 1 }).WithoutThresholdOf(model).Threshold);
        Assert.Null((model with { EntropyBound = 1, Remasking = Remasking.Entropy }).WithoutThresholdOf(model).Threshold);
    }

    [Fact]
    public void WithoutDraftsOf_AnotherOrderRuleOrCache_LeavesTheModelsDraftsOut()
    {
        SamplerOptions model = new() { DraftTokens = 16, BlockSize = 8 };
        SamplerOptions asked = model with { Temperature = 1, TopP = 0.9, MaxNewTokens = 5, MaxPasses = 9, Seed = 7, Alternatives = 2 };
        Assert.Equal(16, asked.WithoutDraftsOf(model).DraftTokens);
        SamplerOptions[] others =
        [
            asked with { Steps = 4 }, asked with { BlockSize = 4 }, asked with { Threshold = 0.9 }, asked with { CfgScale = 1 },
            asked with { Remasking = Remasking.Random }, asked with { Cache = CacheKind.Dual }, asked with { EarlyExit = 5 },
        ];
        Assert.All(others, other => Assert.Null(other.WithoutDraftsOf(model).DraftTokens));
        SamplerOptions reading = model with { DraftTokens = null, LeftToRight = true };
        Assert.True((reading with { Seed = 5 }).WithoutDraftsOf(reading).LeftToRight);
        Assert.False((reading with { Steps = 4 }).WithoutDraftsOf(reading).LeftToRight);
    }

    [Fact]
    public void ByThreshold_AnotherRuleWithItsOrder_GivesWay()
    {
        SamplerOptions options = new SamplerOptions { Remasking = Remasking.Origin, Remdm = RemdmKind.Cap }.ByThreshold(0.7);
        options.Validate();
        Assert.Equal(0.7, options.Threshold);
        Assert.Equal(Remasking.LowConfidence, options.Remasking);
    }

    [Fact]
    public void Validate_Defaults_AreAccepted()
    {
        new SamplerOptions().Validate();
        Assert.Equal(128, new SamplerOptions().MaxNewTokens);
    }

    [Theory]
    [MemberData(nameof(Invalid))]
    public void Validate_OutOfRange_NamesTheOption(string option, SamplerOptions options) =>
        Assert.Contains($"the option {option} to be", Assert.Throws<CinnabarException>(options.Validate).Message);

    [Fact]
    public void Validate_OutOfRange_NamesRangeAndFound()
    {
        string message = Assert.Throws<CinnabarException>(new SamplerOptions { TopP = 1.5 }.Validate).Message;
        Assert.Equal("Expected the option TopP to be greater than 0, at most 1, found 1.5. Change TopP.", message);
    }
}
