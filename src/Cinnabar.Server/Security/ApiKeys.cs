// The keys of a server. Only their SHA-256 is kept, and every one is compared in constant time, so that neither memory dumps nor the time
// of an answer tells them.
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Server.Security;

/// <summary>The keys that requests may use. Thread-safe; never shows them.</summary>
public sealed class ApiKeys
{
    /// <summary>Environment variable that holds one key.</summary>
    public const string Variable = "CINNABAR_API_KEY";

    private const int MostBytesOfFile = 1 << 16;
    private const int MostCharacters = 512;

    private readonly byte[][] _hashes;

    private ApiKeys(IEnumerable<string> keys) => _hashes = [.. keys.Select(Hash)];

    /// <summary>No keys: everybody may use the server.</summary>
    public static ApiKeys None { get; } = new([]);

    /// <summary>How many there are.</summary>
    public int Count => _hashes.Length;

    /// <summary>The keys of a file if there is one, else that of the environment variable, else <see cref="None"/>.</summary>
    /// <param name="file">Text file with a key a line; null: none.</param>
    /// <param name="environment">Value of <see cref="Variable"/>; null or empty: not set.</param>
    /// <exception cref="CinnabarException">The file cannot be read or has no key, or one is no printable ASCII without spaces.</exception>
    public static ApiKeys Read(string? file, string? environment) => file is not null
        ? new ApiKeys(KeysOf(file))
        : string.IsNullOrEmpty(environment) ? None : Of(environment);

    /// <summary>These keys.</summary>
    /// <exception cref="CinnabarException">One is no printable ASCII without spaces, 1 … 512 characters.</exception>
    public static ApiKeys Of(params string[] keys)
    {
        Array.ForEach(keys, key => RequireKey(key, Variable));
        return new ApiKeys(keys);
    }

    /// <summary>Whether other users of this machine may read the file; always false on Windows.</summary>
    public static bool IsReadByOthers(string file) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) != 0;

    /// <summary>Whether this is one of the keys.</summary>
    public bool Contains(string key)
    {
        byte[] hash = Hash(key);
        bool found = false;
        foreach (byte[] one in _hashes)
        {
            found |= CryptographicOperations.FixedTimeEquals(one, hash);
        }

        return found;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static List<string> KeysOf(string file)
    {
        List<string> keys = [];
        try
        {
            long size = new FileInfo(file).Length;
            if (size > MostBytesOfFile)
            {
                throw new CinnabarException(
                    $"{Quote(file)}: expected API keys, one a line, at most {MostBytesOfFile} bytes, found {size}.",
                    "Is this the file with the keys?");
            }

            int number = 0;
            foreach (string line in File.ReadLines(file))
            {
                number++;
                if (!string.IsNullOrWhiteSpace(line))
                {
                    RequireKey(line.Trim(), $"{Quote(file)}, line {number}");
                    keys.Add(line.Trim());
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CinnabarException(
                $"{Quote(file)}: expected a file with API keys, one a line, found that it cannot be read.",
                "Check the path and who may read it.",
                e);
        }

        return keys.Count > 0 ? keys : throw new CinnabarException(
            $"{Quote(file)}: expected API keys, one a line, found none.",
            "Make one: openssl rand -hex 32");
    }

    private static string Quote(string file) => $"'{file}'";

    // The key itself must not be shown.
    private static void RequireKey(string key, string place)
    {
        if (key.Length is 0 or > MostCharacters || !key.All(c => c is > ' ' and <= '~'))
        {
            throw new CinnabarException(
                $"{place}: expected a key of 1 … {MostCharacters} printable ASCII characters without spaces, found something else.",
                "Make one: openssl rand -hex 32");
        }
    }
}
