using System.Net;
using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class HubEndpointTests
{
    [Theory]
    [InlineData("https://huggingface.co", "https://huggingface.co/")]
    [InlineData("https://mirror.example/hub//", "https://mirror.example/hub/")]
    [InlineData("http://localhost:8080", "http://localhost:8080/")]
    [InlineData("http://127.0.0.1:8080/", "http://127.0.0.1:8080/")]
    [InlineData("http://[::1]:8080/", "http://[::1]:8080/")]
    public void Parse_Address_IsKept(string text, string expected) =>
        Assert.Equal(expected, HubEndpoint.Parse(text).Address.AbsoluteUri);

    [Theory]
    [InlineData("")]
    [InlineData("huggingface.co")]
    [InlineData("http://huggingface.co")]
    [InlineData("http://127.0.0.1.example.com")]
    [InlineData("http://10.0.0.1")]
    [InlineData("ftp://huggingface.co")]
    [InlineData("file:///tmp")]
    [InlineData("https://user:secret@huggingface.co")]
    [InlineData("https://huggingface.co/?a=b")]
    [InlineData("https://huggingface.co/#a")]
    [InlineData("https://")]
    [InlineData("https://a b")]
    public void Parse_NoAddress_IsRefused(string text)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => HubEndpoint.Parse(text));
        Assert.StartsWith("HF_ENDPOINT: expected an https address", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void At_Parts_AreEscaped() => Assert.Equal(
        "https://h/hub/o/n/resolve/refs%2Fpr%2F1/a%20%23%3F%25%2B.json",
        HubEndpoint.Parse("https://h/hub").At("o", "n", "resolve", "refs/pr/1", "a #?%+.json").AbsoluteUri);

    [Theory]
    [InlineData("https://huggingface.co/x", true)]
    [InlineData("https://HuggingFace.co:443/x", true)]
    [InlineData("https://huggingface.co:444/x", false)]
    [InlineData("http://huggingface.co/x", false)]
    [InlineData("https://cdn.huggingface.co/x", false)]
    [InlineData("https://huggingface.co.example.com/x", false)]
    [InlineData("https://huggingface.com/x", false)]
    public void Owns_OnlyTheSameSchemeHostAndPort(string address, bool expected) =>
        Assert.Equal(expected, HubEndpoint.Parse("https://huggingface.co").Owns(new Uri(address)));

    [Theory]
    [InlineData("https://cdn.example/x?y=z", "https://cdn.example/x?y=z")]
    [InlineData("/new/name?x=1", "https://huggingface.co/new/name?x=1")]
    [InlineData("//cdn.example/x", "https://cdn.example/x")]
    [InlineData("https://8.8.8.8/x", "https://8.8.8.8/x")]
    public void Follow_PublicAddress_IsAllowed(string location, string expected)
    {
        HubEndpoint endpoint = HubEndpoint.Parse("https://huggingface.co");
        Assert.Equal(expected, endpoint.Follow(new Uri("https://huggingface.co/a/b"), location).AbsoluteUri);
    }

    [Theory]
    [InlineData("http://cdn.example/x")]
    [InlineData("http://localhost/x")]
    [InlineData("https://127.0.0.1/x")]
    [InlineData("https://127.1/x")]
    [InlineData("https://2130706433/x")]
    [InlineData("https://0x7f000001/x")]
    [InlineData("https://169.254.169.254/latest/meta-data")]
    [InlineData("https://192.168.1.1/x")]
    [InlineData("https://[::1]/x")]
    [InlineData("https://[::ffff:10.0.0.1]/x")]
    [InlineData("https://[fe80::1]/x")]
    [InlineData("https://u@cdn.example/x")]
    [InlineData("gopher://cdn.example/x")]
    public void Follow_OtherAddress_IsRefused(string location)
    {
        HubEndpoint endpoint = HubEndpoint.Parse("https://huggingface.co");
        CinnabarException error = Assert.Throws<CinnabarException>(() => endpoint.Follow(new Uri("https://huggingface.co/a"), location));
        Assert.Contains("expected a redirect to", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("172.15.255.255", true)]
    [InlineData("172.32.0.0", true)]
    [InlineData("100.128.0.0", true)]
    [InlineData("2606:4700::1", true)]
    [InlineData("64:ff9b::808:808", true)]
    [InlineData("2002:808:808::1", true)]
    [InlineData("0.0.0.0", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("127.255.0.1", false)]
    [InlineData("169.254.0.1", false)]
    [InlineData("172.16.0.1", false)]
    [InlineData("172.31.255.255", false)]
    [InlineData("192.168.255.255", false)]
    [InlineData("198.18.0.1", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("255.255.255.255", false)]
    [InlineData("::", false)]
    [InlineData("::1", false)]
    [InlineData("::10.0.0.1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("64:ff9b::a00:1", false)]
    [InlineData("2002:a00:1::1", false)]
    [InlineData("fc00::1", false)]
    [InlineData("fd12:3456::1", false)]
    [InlineData("fe80::1", false)]
    [InlineData("ff02::1", false)]
    public void IsPublic_Address_IsJudged(string address, bool expected) =>
        Assert.Equal(expected, HubEndpoint.IsPublic(IPAddress.Parse(address)));

    [Theory]
    [InlineData("https://huggingface.co", "huggingface.co", "10.0.0.1", true)]
    [InlineData("https://huggingface.co", "cdn.example", "10.0.0.1", false)]
    [InlineData("https://huggingface.co", "cdn.example", "8.8.8.8", true)]
    [InlineData("http://localhost:1", "cdn.example", "10.0.0.1", true)]
    public void MayConnect_OtherHosts_OnlyPublicly(string endpoint, string host, string address, bool expected) =>
        Assert.Equal(expected, HubEndpoint.Parse(endpoint).MayConnect(host, IPAddress.Parse(address)));

    [Fact]
    public async Task Get_HostWithAPrivateAddress_IsNotConnectedTo()
    {
        // A public endpoint that redirects to a name which stands for this machine.
        using HubConnection connection = new(HubEndpoint.Parse("https://huggingface.co"), null);
        CinnabarException error = await Assert.ThrowsAsync<CinnabarException>(
            () => connection.GetAsync(new Uri("https://localhost:9/x"), 0, "o/n", null, CancellationToken.None));
        Assert.Contains("expected a redirect to a public address, found 'localhost'", error.Message, StringComparison.Ordinal);
    }
}
