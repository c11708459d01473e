// The hash by which the hub names the contents of a file. Large files (LFS) are named by the SHA-256 of their bytes, small ones by git:
//   SHA-1("blob " + number of bytes in decimal + NUL + bytes)
// Source: git-scm.com, "Git Internals - Git Objects". SHA-1 only finds damage here; what protects is the connection (https) to the hub.
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Hashes a file while it arrives.</summary>
internal sealed class BlobHash : IDisposable
{
    private const int Sha256Digits = 64;

    private readonly HubFile _file;
    private readonly IncrementalHash _hash;

    public BlobHash(HubFile file)
    {
        _file = file;
        _hash = IncrementalHash.CreateHash(file.Digest.Length == Sha256Digits ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        Restart();
    }

    /// <summary>Bytes hashed so far.</summary>
    public long Count { get; private set; }

    /// <summary>Forgets everything.</summary>
    public void Restart()
    {
        _hash.GetHashAndReset();
        Count = 0;
        if (_hash.AlgorithmName == HashAlgorithmName.SHA1)
        {
            _hash.AppendData(Encoding.ASCII.GetBytes($"blob {_file.Size}\0"));
        }
    }

    /// <summary>Takes the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        Count += bytes.Length;
    }

    /// <summary>The hash of everything in base 16; call once.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
