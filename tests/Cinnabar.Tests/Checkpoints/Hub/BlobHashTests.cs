using Cinnabar.Checkpoints.Hub;

namespace Cinnabar.Tests.Checkpoints.Hub;

public sealed class BlobHashTests
{
    // The git hashes as `git hash-object` prints them, the others as `sha256sum` does.
    [Theory]
    [InlineData("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")]
    [InlineData("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a")]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("hello\n", "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")]
    public void Finish_Contents_GiveTheDigest(string text, string digest)
    {
        byte[] bytes = System.Text.Encoding.ASCII.GetBytes(text);
        using BlobHash hash = new(new HubFile("x", bytes.Length, digest));
        hash.Append([1, 2, 3]);
        hash.Restart();
        foreach (byte value in bytes)
        {
            hash.Append([value]);
        }

        Assert.Equal(bytes.Length, hash.Count);
        Assert.Equal(digest, hash.Finish());
    }
}
