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

    private static SamplerOptions Read(int steps)
    {
        using JsonDocument body = JsonDocument.Parse($"{{\"steps\": {steps}}}");
        return SamplerFields.Read(new JsonFields(body.RootElement, path: ""), NoiseKind.Uniform, new SamplerOptions());
    }
}
