// A secret that a program and its machines share. Each proves that it knows it with HMAC-SHA256 over the random bytes of both, so the key
// itself never travels and a proof is good for one connection.
using System.Security.Cryptography;
using System.Text;

namespace Cinnabar.Machines;

/// <summary>The key of machines that compute layers, or none.</summary>
public sealed class MachineKey
{
    /// <summary>Environment variable that holds the key.</summary>
    public const string Variable = "CINNABAR_MACHINES_KEY";

    private const int LeastCharacters = 16;
    private const int MostCharacters = 512;

    private readonly byte[] _key;

    private MachineKey(string key) => _key = Encoding.ASCII.GetBytes(key);

    /// <summary>No key: whoever reaches a machine may use it.</summary>
    public static MachineKey None { get; } = new("");

    /// <summary>Whether there is none.</summary>
    public bool IsNone => _key.Length == 0;

    /// <summary>The key of a file if there is one, else that of the environment variable, else <see cref="None"/>.</summary>
    /// <param name="file">Text file with the key; null: none.</param>
    /// <param name="environment">Value of <see cref="Variable"/>; null or empty: not set.</param>
    /// <exception cref="CinnabarException">
    /// The file cannot be read, or the key is not of 16 … 512 characters of printable ASCII without spaces.
    /// </exception>
    public static MachineKey Read(string? file, string? environment)
    {
        if (file is null)
        {
            return string.IsNullOrEmpty(environment) ? None : Of(environment, Variable);
        }

        try
        {
            bool isLong = new FileInfo(file).Length > 2 * MostCharacters;
            return isLong ? throw Wrong($"'{file}'") : Of(File.ReadAllText(file).Trim(), $"'{file}'");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CinnabarException(
                $"'{file}': expected a file with the key of the machines, found that it cannot be read.",
                "Check the path and who may read it.",
                e);
        }
    }

    /// <summary>What one side sends to show that it knows the key.</summary>
    /// <param name="side">Which side, so that none can send the other's back.</param>
    /// <param name="machine">Random bytes of the machine.</param>
    /// <param name="program">Random bytes of the program.</param>
    internal byte[] Proof(ReadOnlySpan<byte> side, ReadOnlySpan<byte> machine, ReadOnlySpan<byte> program) =>
        HMACSHA256.HashData(_key, (byte[])[.. side, .. machine, .. program]);

    private static MachineKey Of(string key, string place) =>
        key.Length is >= LeastCharacters and <= MostCharacters && key.All(c => c is > ' ' and <= '~')
            ? new MachineKey(key)
            : throw Wrong(place);

    // The key itself must not be shown.
    private static CinnabarException Wrong(string place) => new(
        $"{place}: expected a key of {LeastCharacters} … {MostCharacters} printable ASCII characters without spaces, found something else.",
        "Make one: openssl rand -hex 32");
}
