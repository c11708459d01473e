using Cinnabar.Checkpoints;

namespace Cinnabar.Tests.Checkpoints;

public sealed class AtomicFolderTests
{
    [Fact]
    public void Commit_NewAndExisting_LeavesExactlyTheFolder()
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "one", "one");
        Save(parent["m"], "two", "two");
        AssertHolds(parent, "two", "two");
    }

    [Fact]
    public void Commit_MissingParent_IsMade()
    {
        using TemporaryFolder parent = new();
        Save(Path.Combine(parent["a"], "b", "m"), "one", "one");
        Assert.Equal("one", File.ReadAllText(Path.Combine(parent["a"], "b", "m", "x")));
    }

    [Fact]
    public void Write_FailingAfterAnyNumberOfBytes_KeepsTheOldFolder()
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "old", "old");
        for (int room = 0; room < 10; room++)
        {
            int left = room;
            CinnabarException error = Assert.Throws<CinnabarException>(() =>
            {
                using AtomicFolder folder = AtomicFolder.Begin(parent["m"]);
                folder.Write("x", 5, Failing("12345"u8.ToArray(), left));
                folder.Write("y", 5, Failing("12345"u8.ToArray(), left - 5));
                folder.Commit();
            });
            Assert.Contains($"expected room for {(room < 5 ? 5 : 10)} bytes, found the disk full", error.Message, StringComparison.Ordinal);
            AssertHolds(parent, "old", "old");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Commit_RenameFails_PutsTheOldFolderBack(int failing)
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "old", "old");
        int calls = 0;
        using (AtomicFolder folder = AtomicFolder.Begin(parent["m"], (from, to) =>
        {
            if (++calls == failing)
            {
                throw new IOException("no");
            }

            Directory.Move(from, to);
        }))
        {
            folder.Write("x", "new"u8.ToArray());
            CinnabarException error = Assert.Throws<CinnabarException>(folder.Commit);
            Assert.Contains("unchanged", error.Message, StringComparison.Ordinal);
        }

        AssertHolds(parent, "old", "old");
    }

    [Fact]
    public void Commit_FileMadeInTheNewFolder_IsPartOfIt()
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "old", "old");
        using (AtomicFolder folder = AtomicFolder.Begin(parent["m"]))
        {
            folder.Write("x", "new"u8.ToArray());
            File.WriteAllText(Path.Combine(folder.NewFolder, "y"), "new");
            folder.Commit();
        }

        AssertHolds(parent, "new", "new");
    }

    // A file that is held by somebody cannot be opened, so it cannot be flushed either.
    [Fact]
    public void Commit_FileThatCannotBeFlushed_KeepsTheOldFolder()
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "old", "old");
        using (AtomicFolder folder = AtomicFolder.Begin(parent["m"]))
        {
            using FileStream held = new(Path.Combine(folder.NewFolder, "x"), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            CinnabarException error = Assert.Throws<CinnabarException>(folder.Commit);
            Assert.Contains("unchanged", error.Message, StringComparison.Ordinal);
        }

        AssertHolds(parent, "old", "old");
    }

    [Fact]
    public void Commit_ReaderRecoversBetweenTheRenames_StillSucceeds()
    {
        using TemporaryFolder parent = new();
        Save(parent["m"], "old", "old");
        int calls = 0;
        using (AtomicFolder folder = AtomicFolder.Begin(parent["m"], (from, to) =>
        {
            if (++calls == 2)
            {
                AtomicFolder.Recover(parent["m"]);
            }

            Directory.Move(from, to);
        }))
        {
            folder.Write("x", "new"u8.ToArray());
            folder.Write("y", "new"u8.ToArray());
            folder.Commit();
        }

        Assert.Equal(4, calls);
        AssertHolds(parent, "new", "new");
    }

    // The states of the disk a kill can leave, in the order of the protocol: what is there, what a reader must then find.
    [Theory]
    [InlineData("m=old m.cinnabar-new-0=half", "old")]
    [InlineData("m=old m.cinnabar-new-0=new", "old")]
    [InlineData("m.cinnabar-old=old m.cinnabar-new-0=new", "old")]
    [InlineData("m=new m.cinnabar-old=old", "new")]
    [InlineData("m=new m.cinnabar-old=half", "new")]
    [InlineData("m=new", "new")]
    public void Recover_AfterAKill_FindsAWholeFolderAndTheNextSaveCleansUp(string state, string expected)
    {
        using TemporaryFolder parent = new();
        foreach (string part in state.Split(' '))
        {
            string[] nameAndText = part.Replace("new-0", $"new-{int.MaxValue}", StringComparison.Ordinal).Split('=');
            Directory.CreateDirectory(parent[nameAndText[0]]);
            File.WriteAllText(Path.Combine(parent[nameAndText[0]], "x"), nameAndText[1]);
            if (nameAndText[1] != "half")
            {
                File.WriteAllText(Path.Combine(parent[nameAndText[0]], "y"), nameAndText[1]);
            }
        }

        AtomicFolder.Recover(parent["m"]);
        Assert.Equal(expected, File.ReadAllText(Path.Combine(parent["m"], "x")));
        Assert.Equal(expected, File.ReadAllText(Path.Combine(parent["m"], "y")));

        Save(parent["m"], "next", "next");
        AssertHolds(parent, "next", "next");
    }

    [Fact]
    public void Begin_NewFolderOfARunningProcess_IsLeftAlone()
    {
        using TemporaryFolder parent = new();
        // The parent of every test process is alive; 1 always is.
        Directory.CreateDirectory(parent["m.cinnabar-new-1"]);
        Directory.CreateDirectory(parent["m.cinnabar-new-mine"]);
        Save(parent["m"], "a", "a");
        Assert.True(Directory.Exists(parent["m.cinnabar-new-1"]));
        Assert.True(Directory.Exists(parent["m.cinnabar-new-mine"]));
    }

    [Fact]
    public void Recover_NothingThere_DoesNothing()
    {
        using TemporaryFolder parent = new();
        AtomicFolder.Recover(parent["m"]);
        Assert.Empty(Directory.GetFileSystemEntries(parent.Path));
    }

    [Fact]
    public void Begin_WhereAFileIs_Fails()
    {
        using TemporaryFolder parent = new();
        parent.Write("m", [1]);
        using AtomicFolder folder = AtomicFolder.Begin(parent["m"]);
        Assert.Throws<CinnabarException>(folder.Commit);
        Assert.Equal([1], File.ReadAllBytes(parent["m"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("/a")]
    public void Write_NotAPlainName_Throws(string name)
    {
        using TemporaryFolder parent = new();
        using AtomicFolder folder = AtomicFolder.Begin(parent["m"]);
        Assert.Throws<ArgumentException>(() => folder.Write(name, [1]));
    }

    private static Action<Stream> Failing(byte[] content, int room) =>
        stream => new FailingStream(stream, Math.Max(room, 0), FailingStream.DiskFull).Write(content);

    private static void Save(string path, string x, string y)
    {
        using AtomicFolder folder = AtomicFolder.Begin(path);
        folder.Write("x", System.Text.Encoding.UTF8.GetBytes(x));
        folder.Write("y", System.Text.Encoding.UTF8.GetBytes(y));
        folder.Commit();
    }

    private static void AssertHolds(TemporaryFolder parent, string x, string y)
    {
        Assert.Equal([parent["m"]], Directory.GetFileSystemEntries(parent.Path));
        Assert.Equal(["x", "y"], Directory.GetFiles(parent["m"]).Select(Path.GetFileName).Order());
        Assert.Equal(x, File.ReadAllText(Path.Combine(parent["m"], "x")));
        Assert.Equal(y, File.ReadAllText(Path.Combine(parent["m"], "y")));
    }
}
