// The name of a model on the Hugging Face hub, as people type it:
//   org/name                  newest version of the main branch
//   org/name@revision         a branch, a tag or a commit
//   org/name:file.gguf        one GGUF file of a repository that has several; may follow a revision
// Names follow the hub's rules: letters, digits, '-', '_' and '.', at most 96 characters, no "--" or "..", no '-' or '.' at an end.
// Source: huggingface_hub, utils/_validators.py. So "--" can separate org and name in the cache, and no name is a path.
using System.Text.RegularExpressions;
using Cinnabar.Checkpoints.Gguf;

namespace Cinnabar.Checkpoints.Hub;

/// <summary>Names a model on the Hugging Face hub.</summary>
public sealed partial record ModelReference
{
    /// <summary>The revision when none is given.</summary>
    public const string MainRevision = "main";

    private const int MaxNameLength = 96;

    private ModelReference(string organization, string name, string? revision, string? file)
    {
        Organization = organization;
        Name = name;
        Revision = revision ?? MainRevision;
        File = file;
    }

    /// <summary>The part before the slash.</summary>
    public string Organization { get; }

    /// <summary>The part behind the slash.</summary>
    public string Name { get; }

    /// <summary>Branch, tag or commit; "main" by default.</summary>
    public string Revision { get; }

    /// <summary>A GGUF file of the repository, with '/' between folders; null: none was named.</summary>
    public string? File { get; }

    /// <summary>"org/name".</summary>
    public string Repository => $"{Organization}/{Name}";

    /// <summary>Whether the revision is a full commit hash, which never changes its meaning.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    /// <summary>Reads a reference.</summary>
    /// <exception cref="CinnabarException">The text is none.</exception>
    public static ModelReference Parse(string text) => TryParse(text) ?? throw new CinnabarException(
        $"Expected a model of the Hugging Face hub as org/name, org/name@revision or org/name:file.gguf, found {ErrorText.Quote(text)}.",
        "Copy the name from the model's page.");

    /// <summary>Reads a reference; null if the text is none.</summary>
    public static ModelReference? TryParse(string text)
    {
        string[] repositoryAndFile = text.Split(':', 2);
        string[] repositoryAndRevision = repositoryAndFile[0].Split('@', 2);
        string[] names = repositoryAndRevision[0].Split('/');
        string? revision = repositoryAndRevision.Length > 1 ? repositoryAndRevision[1] : null;
        string? file = repositoryAndFile.Length > 1 ? repositoryAndFile[1] : null;
        bool isReference = names.Length == 2
            && names.All(IsName)
            && (revision is null || IsRevision(revision))
            && (file is null || (GgufCheckpoint.IsGguf(file) && ForeignPath.FaultOf(file) is null));
        return isReference ? new ModelReference(names[0], names[1], revision, file) : null;
    }

    /// <summary>As it was typed.</summary>
    public override string ToString() =>
        Repository + (Revision == MainRevision ? "" : $"@{Revision}") + (File is null ? "" : $":{File}");

    /// <summary>Whether a text is a commit hash: 40 digits of base 16, small letters.</summary>
    internal static bool IsCommitHash(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    private static bool IsName(string text) =>
        text.Length <= MaxNameLength && NamePattern().IsMatch(text) && !text.Contains("--") && !text.Contains("..");

    private static bool IsRevision(string text) =>
        text.Length <= MaxNameLength && RevisionPattern().IsMatch(text) && !text.Contains("..") && ForeignPath.FaultOf(text) is null;

    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    // What git allows and people use; "refs/pr/1" is a pull request of the hub.
    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9._/+-]*[A-Za-z0-9_+])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex RevisionPattern();
}
