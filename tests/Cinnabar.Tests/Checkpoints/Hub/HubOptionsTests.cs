using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class HubOptionsTests
{
    [Theory]
    [InlineData("", "/home/me/.cache/huggingface/hub", "/home/me/.cache/huggingface/token")]
    [InlineData("XDG_CACHE_HOME=/c", "/c/huggingface/hub", "/c/huggingface/token")]
    [InlineData("HF_HOME=/hf XDG_CACHE_HOME=/c", "/hf/hub", "/hf/token")]
    [InlineData("HF_HOME=~/hf", "/home/me/hf/hub", "/home/me/hf/token")]
    [InlineData("HF_HUB_CACHE=/big HF_HOME=/hf", "/big", "/hf/token")]
    [InlineData("HUGGINGFACE_HUB_CACHE=/old HF_HOME=/hf", "/old", "/hf/token")]
    [InlineData("HF_HUB_CACHE=/big HUGGINGFACE_HUB_CACHE=/old", "/big", "/home/me/.cache/huggingface/token")]
    [InlineData("HF_TOKEN_PATH=/t", "/home/me/.cache/huggingface/hub", "/t")]
    [InlineData("HF_HUB_CACHE= HF_HOME=", "/home/me/.cache/huggingface/hub", "/home/me/.cache/huggingface/token")]
    public void From_Variables_SetTheFolders(string variables, string cache, string tokenFile)
    {
        HubOptions options = From(variables);
        Assert.Equal((cache, tokenFile), (options.CacheFolder, options.TokenFile));
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("HF_HUB_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=true", true)]
    [InlineData("HF_HUB_OFFLINE=Yes", true)]
    [InlineData("HF_HUB_OFFLINE=ON", true)]
    [InlineData("HF_HUB_OFFLINE=0", false)]
    [InlineData("HF_HUB_OFFLINE=no", false)]
    [InlineData("TRANSFORMERS_OFFLINE=1", true)]
    [InlineData("HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=1", false)]
    public void From_Variables_SetOffline(string variables, bool expected) => Assert.Equal(expected, From(variables).Offline);

    [Fact]
    public void From_Variables_SetEndpointAndToken()
    {
        Assert.Equal(("https://huggingface.co", null), (From("").Endpoint, From("").Token));
        HubOptions options = From("HF_ENDPOINT=https://mirror.example HF_TOKEN=hf_a HUGGING_FACE_HUB_TOKEN=hf_b");
        Assert.Equal(("https://mirror.example", "hf_a"), (options.Endpoint, options.Token));
        Assert.Equal("hf_b", From("HUGGING_FACE_HUB_TOKEN=hf_b").Token);
        Assert.DoesNotContain("hf_a", options.ToString(), StringComparison.Ordinal);
    }

    private static HubOptions From(string variables)
    {
        Dictionary<string, string> values = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        return HubOptions.From(values.GetValueOrDefault, "/home/me");
    }
}
