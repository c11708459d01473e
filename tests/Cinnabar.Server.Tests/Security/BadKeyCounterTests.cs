using System.Net;
using Cinnabar.Server.Security;

namespace Cinnabar.Server.Tests.Security;

public sealed class BadKeyCounterTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void Addresses_AreCountedApart_ButNotThoseOfOneNetwork()
    {
        BadKeyCounter counter = new(most: 2, _time);
        Add(counter, "192.0.2.1", 2);
        Add(counter, "2001:db8::1", 1);
        Add(counter, "2001:db8::ffff:1", 1);
        Add(counter, "::ffff:192.0.2.9", 2);

        Assert.Equal(60, counter.SecondsShutOut(IPAddress.Parse("192.0.2.1")));
        Assert.Null(counter.SecondsShutOut(IPAddress.Parse("192.0.2.2")));
        Assert.Equal(60, counter.SecondsShutOut(IPAddress.Parse("2001:db8::2")));
        Assert.Null(counter.SecondsShutOut(IPAddress.Parse("2001:db8:0:1::2")));
        Assert.Equal(60, counter.SecondsShutOut(IPAddress.Parse("192.0.2.9")));
        Assert.Null(counter.SecondsShutOut(null));
    }

    [Fact]
    public void Minute_Over_StartsAnew()
    {
        BadKeyCounter counter = new(most: 2, _time);
        Add(counter, "192.0.2.1", 1);
        _time.Advance(TimeSpan.FromSeconds(59));
        Add(counter, "192.0.2.1", 1);
        Assert.Equal(1, counter.SecondsShutOut(IPAddress.Parse("192.0.2.1")));

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(counter.SecondsShutOut(IPAddress.Parse("192.0.2.1")));
        Add(counter, "192.0.2.1", 1);
        Assert.Null(counter.SecondsShutOut(IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void ManyAddresses_ShareAPlaceInsteadOfMemory()
    {
        BadKeyCounter counter = new(most: 2, _time);
        for (uint i = 0; i < 10_000; i++)
        {
            counter.Add(new IPAddress(i));
        }

        Assert.Null(counter.SecondsShutOut(new IPAddress(5)));
        Assert.NotNull(counter.SecondsShutOut(new IPAddress(9_999)));
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.Null(counter.SecondsShutOut(new IPAddress(9_999)));
    }

    private static void Add(BadKeyCounter counter, string address, int times)
    {
        for (int i = 0; i < times; i++)
        {
            counter.Add(IPAddress.Parse(address));
        }
    }
}
