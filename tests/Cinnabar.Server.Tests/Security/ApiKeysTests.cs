using System.Net;
using Cinnabar.Server.Security;

namespace Cinnabar.Server.Tests.Security;

public sealed class ApiKeysTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cinnabar-keys-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Contains_TakesTheKeysAndNothingElse()
    {
        ApiKeys keys = ApiKeys.Of("first-key", "second-key");

        Assert.True(keys.Contains("first-key"));
        Assert.True(keys.Contains("second-key"));
        Assert.All(
            ["", "first", "first-ke", "first-key ", "First-key", "first-keyy", "first-key\0", "third"],
            key => Assert.False(keys.Contains(key)));
        Assert.False(ApiKeys.None.Contains(""));
    }

    [Fact]
    public void Read_FileGoesBeforeEnvironment()
    {
        ApiKeys both = ApiKeys.Read(Write("one\r\n\n  two  \n"), "three");

        Assert.Equal(2, both.Count);
        Assert.True(both.Contains("one") && both.Contains("two") && !both.Contains("three"));
        Assert.True(ApiKeys.Read(null, "three").Contains("three"));
        Assert.Equal(0, ApiKeys.Read(null, null).Count);
        Assert.Equal(0, ApiKeys.Read(null, "").Count);
    }

    [Theory]
    [InlineData("", "found none")]
    [InlineData("\n \n", "found none")]
    [InlineData("one\ntwo words\n", "line 2")]
    [InlineData("clé-secrète\n", "line 1")]
    [InlineData("one\u001b[2J\n", "line 1")]
    public void Read_BadFile_IsRefusedWithoutShowingTheKey(string content, string said)
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => ApiKeys.Read(Write(content), environment: null));

        Assert.Contains(said, error.Message);
        Assert.DoesNotContain("words", error.Message);
        Assert.DoesNotContain("secr", error.Message);
    }

    [Fact]
    public void Read_MissingHugeOrFolder_IsRefused()
    {
        Assert.Contains("cannot be read", Refusal(Path.Combine(_folder, "none"), null));
        Assert.Contains("cannot be read", Refusal(_folder, null));
        Assert.Contains("65536 bytes", Refusal(Write(new string('k', 70_000)), null));
        Assert.Contains("CINNABAR_API_KEY", Refusal(null, " "));
        Assert.Throws<CinnabarException>(() => ApiKeys.Of(new string('k', 513)));
    }

    [Fact]
    public void IsReadByOthers_LooksAtTheMode()
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Files there have access lists, which are not looked at.
        }

        string file = Write("key");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.False(ApiKeys.IsReadByOthers(file));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        Assert.True(ApiKeys.IsReadByOthers(file));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.True(ApiKeys.IsReadByOthers(file));
    }

    [Theory]
    [InlineData("0.0.0.0", false, false, false)]
    [InlineData("0.0.0.0", true, false, true)]
    [InlineData("0.0.0.0", false, true, true)]
    [InlineData("::", false, false, false)]
    [InlineData("192.0.2.1", false, false, false)]
    [InlineData("127.0.0.1", false, false, true)]
    [InlineData("127.9.9.9", false, false, true)]
    [InlineData("::1", false, false, true)]
    public void Options_OpenToOthers_NeedAKey(string address, bool hasKey, bool allowsAnybody, bool isAllowed)
    {
        ServerOptions options = new()
        {
            Address = IPAddress.Parse(address),
            Keys = hasKey ? ApiKeys.Of("key") : ApiKeys.None,
            AllowsAnybody = allowsAnybody,
        };

        if (isAllowed)
        {
            options.Validate();
        }
        else
        {
            string message = Assert.Throws<CinnabarException>(options.Validate).Message;
            Assert.Contains("CINNABAR_API_KEY", message);
            Assert.Contains("--insecure-no-auth", message);
        }
    }

    private static string Refusal(string? file, string? environment) =>
        Assert.Throws<CinnabarException>(() => ApiKeys.Read(file, environment)).Message;

    private string Write(string content)
    {
        string file = Path.Combine(_folder, "keys");
        File.WriteAllText(file, content);
        return file;
    }
}
