using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;

namespace Cinnabar.Tests.Checkpoints;

public sealed class AtomicFileTests
{
    [Fact]
    public void Write_NewAndExisting_LeavesExactlyTheFile()
    {
        using TemporaryFolder folder = new();
        AtomicFile.Write(folder["a"], "one"u8.ToArray());
        AtomicFile.Write(folder["a"], "second"u8.ToArray());
        Assert.Equal("second", File.ReadAllText(folder["a"]));
        Assert.Equal([folder["a"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_OverAFile_KeepsWhoMayReadAndRunIt()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        const UnixFileMode Mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        using TemporaryFolder folder = new();
        folder.Write("a", "old"u8.ToArray());
        File.SetUnixFileMode(folder["a"], Mine);
        UnixFileMode? meanwhile = null;
        AtomicFile.Write(folder["a"], 3, stream =>
        {
            meanwhile = OperatingSystem.IsWindows() ? null : File.GetUnixFileMode(folder["a.cinnabar-new"]);
            stream.Write("new"u8);
        });
        Assert.Equal(Mine, meanwhile);
        Assert.Equal("new", File.ReadAllText(folder["a"]));
        Assert.Equal(Mine, File.GetUnixFileMode(folder["a"]));
    }

    [Fact]
    public void Write_FailingAfterAnyNumberOfBytes_KeepsTheOldFile()
    {
        using TemporaryFolder folder = new();
        string path = folder["w.safetensors"];
        Safetensors.Write(path, [("w", Tensor.From([1, 2], 2))]);
        byte[] old = File.ReadAllBytes(path);
        (string, Tensor)[] next = [("w", Tensor.From([3, 4, 5], 3))];
        long size = Safetensors.SizeOf(next);
        for (long room = 0; room < size; room++)
        {
            CinnabarException error = Assert.Throws<CinnabarException>(
                () => AtomicFile.Write(
                    path, size, stream => Safetensors.Write(new FailingStream(stream, room, FailingStream.DiskFull), next)));
            Assert.Contains($"w.safetensors: expected room for {size} bytes, found the disk full", error.Message, StringComparison.Ordinal);
            Assert.Contains("unchanged", error.Message, StringComparison.Ordinal);
            Assert.Equal(old, File.ReadAllBytes(path));
            Assert.Equal([path], Directory.GetFileSystemEntries(folder.Path));
        }

        AtomicFile.Write(path, size, stream => Safetensors.Write(new FailingStream(stream, size, FailingStream.DiskFull), next));
        Assert.Equal(size, new FileInfo(path).Length);
    }

    [FullDeviceFact]
    public void Write_DiskFullAsTheSystemReportsIt_IsRecognised()
    {
        using TemporaryFolder folder = new();
        CinnabarException error = Assert.Throws<CinnabarException>(() => AtomicFile.Write(folder["a"], 9, _ =>
        {
            using FileStream full = new("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            full.Write(new byte[9]);
        }));
        Assert.Contains("expected room for 9 bytes, found the disk full", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_OtherFailure_SaysTheReason()
    {
        using TemporaryFolder folder = new();
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => AtomicFile.Write(folder["a"], 9, stream => new FailingStream(stream, 3, CablePulled).Write(new byte[9])));
        Assert.Contains("could not be written: The cable was pulled.", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_CallerThrows_PassesItOnAndCleansUp()
    {
        using TemporaryFolder folder = new();
        Assert.Throws<InvalidTimeZoneException>(() => AtomicFile.Write(folder["a"], 9, _ => throw new InvalidTimeZoneException()));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_RenameImpossible_CleansUp()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["a"]);
        Assert.Throws<CinnabarException>(() => AtomicFile.Write(folder["a"], [1]));
        Assert.Equal([folder["a"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_NoSuchFolder_NamesTheFile()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => AtomicFile.Write("/no/such/folder/a", [1]));
        Assert.Contains("/no/such/folder/a", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_AfterAKilledProcess_StartsAfresh()
    {
        using TemporaryFolder folder = new();
        folder.Write("a", "old"u8.ToArray());
        folder.Write("a.cinnabar-new", Encoding.UTF8.GetBytes(new string('x', 1000)));
        AtomicFile.Write(folder["a"], "new"u8.ToArray());
        Assert.Equal("new", File.ReadAllText(folder["a"]));
        Assert.Equal([folder["a"]], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Write_WhileAnotherWriterIsBusy_FailsAndLeavesItAlone()
    {
        using TemporaryFolder folder = new();
        AtomicFile.Write(folder["a"], 1, stream =>
        {
            Assert.Throws<CinnabarException>(() => AtomicFile.Write(folder["a"], [2]));
            stream.WriteByte(1);
        });
        Assert.Equal([1], File.ReadAllBytes(folder["a"]));
    }

    private static IOException CablePulled() => new("The cable was pulled.");
}

/// <summary>A test that needs the device that is always full; elsewhere than on Linux a made-up failure has to do.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FullDeviceFactAttribute : FactAttribute
{
    public FullDeviceFactAttribute()
    {
        if (!File.Exists("/dev/full"))
        {
            Skip = "The device /dev/full, which Linux has, is absent.";
        }
    }
}
