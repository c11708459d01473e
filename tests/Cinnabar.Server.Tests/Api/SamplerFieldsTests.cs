using System.Text.Json;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Cinnabar.Server.Api;

namespace Cinnabar.Server.Tests.Api;

public sealed class SamplerFieldsTests
{
    [Fact]
    public void Steps_OfRandomTokens_HaveTheLimitOfTheLibrary()
    {
        Assert.Equal(UniformOptions.MaximumSteps, Read(UniformOptions.MaximumSteps).Uniform.Steps);

        ApiException refused = Assert.Throws<ApiException>(() => Read(UniformOptions.MaximumSteps + 1));
        Assert.Equal("steps", refused.Param);
        Assert.Contains($"{UniformOptions.MaximumSteps}, found {UniformOptions.MaximumSteps + 1}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", 16)]
    [InlineData("{\"temperature\": 1, \"max_passes\": 50}", 16)]
    [InlineData("{\"steps\": null, \"block_length\": 8, \"remasking\": \"low_confidence\", \"cache\": \"none\"}", 16)] // the model's own
    [InlineData("{\"block_length\": 4}", null)]
    [InlineData("{\"draft_tokens\": 4, \"steps\": 8}", 4)]
    [InlineData("{\"draft_tokens\": null}", null)]
    [InlineData("{\"left_to_right\": false}", null)]
    [InlineData("{\"left_to_right\": false, \"steps\": 8}", null)]
    [InlineData("{\"left_to_right\": true, \"steps\": 8}", 16)]
    [InlineData("{\"left_to_right\": false, \"draft_tokens\": 3}", 3)]
    [InlineData("{\"steps\": 8}", null)]
    [InlineData("{\"reasoning_effort\": \"low\"}", null)]
    public void DraftsOfAModel_GiveWayToAnotherOrder(string json, int? expected)
    {
        using JsonDocument body = JsonDocument.Parse(json);
        SamplerOptions model = new() { DraftTokens = 16, BlockSize = 8 };
        Assert.Equal(expected, SamplerFields.Read(new JsonFields(body.RootElement, path: ""), NoiseKind.Mask, model).DraftTokens);
    }

    [Theory]
    [InlineData("{}", true)]
    [InlineData("{\"steps\": 8}", false)]
    [InlineData("{\"left_to_right\": false}", false)]
    [InlineData("{\"left_to_right\": true, \"steps\": 8}", true)]
    [InlineData("{\"left_to_right\": null, \"steps\": 8}", false)]
    [InlineData("{\"draft_tokens\": 3, \"steps\": 8}", true)]
    [InlineData("{\"draft_tokens\": null, \"steps\": 8}", false)]
    [InlineData("{\"draft_tokens\": null}", true)]
    public void ReadingOfAModel_GivesWayToAnotherOrder(string json, bool expected)
    {
        using JsonDocument body = JsonDocument.Parse(json);
        SamplerOptions model = new() { LeftToRight = true };
        Assert.Equal(expected, SamplerFields.Read(new JsonFields(body.RootElement, path: ""), NoiseKind.Mask, model).LeftToRight);
    }

    private static SamplerOptions Read(int steps)
    {
        using JsonDocument body = JsonDocument.Parse($"{{\"steps\": {steps}}}");
        return SamplerFields.Read(new JsonFields(body.RootElement, path: ""), NoiseKind.Uniform, new SamplerOptions());
    }
}
