using Cinnabar.Machines;

namespace Cinnabar.Tests.Machines;

public sealed class MachineAddressTests
{
    [Theory]
    [InlineData("box", "box", MachineProtocol.DefaultPort, null)]
    [InlineData("box:80", "box", 80, null)]
    [InlineData("box:80=12", "box", 80, 12)]
    [InlineData("box=12", "box", MachineProtocol.DefaultPort, 12)]
    [InlineData(" box:1 ", "box", 1, null)]
    [InlineData("a-b.example.org:65535=1024", "a-b.example.org", 65535, 1024)]
    [InlineData("10.0.0.2", "10.0.0.2", MachineProtocol.DefaultPort, null)]
    [InlineData("10.0.0.2:5=1", "10.0.0.2", 5, 1)]
    [InlineData("::1", "::1", MachineProtocol.DefaultPort, null)]
    [InlineData("::1=3", "::1", MachineProtocol.DefaultPort, 3)]
    [InlineData("[::1]", "::1", MachineProtocol.DefaultPort, null)]
    [InlineData("[fe80::17:2]:99=4", "fe80::17:2", 99, 4)]
    public void Parse_Address_IsRead(string text, string host, int port, int? layers) =>
        Assert.Equal(new MachineAddress(host, port, layers), MachineAddress.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData(":80")]
    [InlineData("box:")]
    [InlineData("box:0")]
    [InlineData("box:65536")]
    [InlineData("box:-1")]
    [InlineData("box:+1")]
    [InlineData("box:1 ")]
    [InlineData("box:٣")]
    [InlineData("box:80:81")]
    [InlineData("box=")]
    [InlineData("box=0")]
    [InlineData("box=1025")]
    [InlineData("box=many")]
    [InlineData("box=1=2")]
    [InlineData("box=4:80")]
    [InlineData("=4")]
    [InlineData("http://box")]
    [InlineData("http://box:80")]
    [InlineData("b ox")]
    [InlineData("box/path")]
    [InlineData("user@box")]
    [InlineData("[]")]
    [InlineData("[]:80")]
    [InlineData("[::1]80")]
    [InlineData("[::1")]
    public void Parse_SomethingElse_IsRefused(string text)
    {
        if (text == "box:1 ")
        {
            text = "box: 1"; // spaces around the whole are let go
        }

        CinnabarException e = Assert.Throws<CinnabarException>(() => MachineAddress.Parse(text));
        Assert.StartsWith("Expected a machine as host, host:port or host:port=layers, found ", e.Message);
        Assert.Contains($"found '{text}'.", e.Message);
    }

    // Brackets stand around an IPv6 address, both of them.
    [Theory]
    [InlineData("[::1:80")]
    [InlineData("::1]:80")]
    [InlineData("box]:80")]
    [InlineData("[box:80")]
    [InlineData("[[::1]]:80")]
    public void Parse_BracketsThatDoNotMatch_AreRefused(string text) =>
        Assert.Throws<CinnabarException>(() => MachineAddress.Parse(text));

    [Fact]
    public void Parse_TerminalEscapes_AreNotShown()
    {
        CinnabarException e = Assert.Throws<CinnabarException>(() => MachineAddress.Parse("box\u001b[2J"));
        Assert.DoesNotContain('\u001b', e.Message);
    }

    [Theory]
    [InlineData("box:80=3", "box:80")]
    [InlineData("::1", "[::1]:5318")]
    [InlineData("[::1]:80", "[::1]:80")]
    public void ToString_CanBeReadAgain(string text, string expected)
    {
        MachineAddress address = MachineAddress.Parse(text);
        Assert.Equal(expected, $"{address}");
        Assert.Equal(address with { Layers = null }, MachineAddress.Parse($"{address}"));
    }

    [Fact]
    public void List_SeveralAddresses_AreInOrder()
    {
        MachineList list = MachineList.Parse("b:2=3, a ,[::1]:7", MachineKey.None);
        Assert.Equal([new("b", 2, 3), new("a", MachineProtocol.DefaultPort, null), new("::1", 7, null)], list.Addresses);
        Assert.Same(MachineKey.None, list.Key);
    }

    [Theory]
    [InlineData("a,a", "a:5318")]
    [InlineData("a,b,a:5318=4", "a:5318")]
    [InlineData("[::1]:5=2,::2,[::1]:5", "[::1]:5")]
    [InlineData("box,BOX", "box:5318")]
    public void List_TheSameTwice_IsRefused(string text, string named)
    {
        CinnabarException e = Assert.Throws<CinnabarException>(() => MachineList.Parse(text, MachineKey.None));
        Assert.StartsWith("Expected each machine once, found ", e.Message);
        Assert.Contains($"{named} again.", e.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("a,")]
    [InlineData("a,,b")]
    [InlineData("a;b")]
    public void List_WithSomethingElse_IsRefused(string text) =>
        Assert.Throws<CinnabarException>(() => MachineList.Parse(text, MachineKey.None));
}
