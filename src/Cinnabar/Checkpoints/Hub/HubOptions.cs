// Where the hub and its cache are. The variables are those of huggingface_hub (src/huggingface_hub/constants.py), so that all programs
// of a user share one cache and one token:
//   HF_ENDPOINT       address of the hub                     https://huggingface.co
//   HF_HOME           folder for everything                  $XDG_CACHE_HOME/huggingface, ~/.cache/huggingface
//   HF_HUB_CACHE      the cache, before HUGGINGFACE_HUB_CACHE    $HF_HOME/hub
//   HF_TOKEN          token, before HUGGING_FACE_HUB_TOKEN and the file HF_TOKEN_PATH    the file $HF_HOME/token
//   HF_HUB_OFFLINE    1, on, yes or true: no network         TRANSFORMERS_OFFLINE
namespace Cinnabar.Checkpoints.Hub;

/// <summary>Address, cache and token of a hub.</summary>
public sealed record HubOptions
{
    /// <summary>The address when none is given.</summary>
    public const string StandardEndpoint = "https://huggingface.co";

    /// <summary>Address of the hub: https, or http on this machine.</summary>
    public string Endpoint { get; init; } = StandardEndpoint;

    /// <summary>The folder that holds "models--org--name" folders.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Token of the user; null: the one in <see cref="TokenFile"/>, if there is one.</summary>
    public string? Token { get; init; }

    /// <summary>File with the token of the user; null: none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Whether the network must not be used. Default: it may.</summary>
    public bool Offline { get; init; }

    /// <summary>Pause before the first new attempt after a failure; doubled each time.</summary>
    internal TimeSpan FirstRetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Reads the environment variables.</summary>
    public static HubOptions FromEnvironment() => From(
        Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile));

    /// <summary>As <see cref="FromEnvironment"/> with the variables and the user's folder given.</summary>
    internal static HubOptions From(Func<string, string?> variable, string userFolder)
    {
        string home = Folder("HF_HOME")
            ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(userFolder, ".cache"), "huggingface");
        return new HubOptions
        {
            Endpoint = Text("HF_ENDPOINT") ?? StandardEndpoint,
            CacheFolder = Path.GetFullPath(Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Token = Text("HF_TOKEN") ?? Text("HUGGING_FACE_HUB_TOKEN"),
            TokenFile = Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token"),
            Offline = IsTrue(Text("HF_HUB_OFFLINE") ?? Text("TRANSFORMERS_OFFLINE")),
        };

        string? Text(string name) => variable(name)?.Trim() is { Length: > 0 } text ? text : null;

        string? Folder(string name) => Text(name) is not string text ? null
            : text == "~" || text.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(userFolder, text[1..].TrimStart('/'))
            : text;
    }

    /// <summary>Without the token.</summary>
    public override string ToString() => $"{Endpoint}, cache {CacheFolder}{(Offline ? ", offline" : "")}";

    private static bool IsTrue(string? text) => text?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
}
