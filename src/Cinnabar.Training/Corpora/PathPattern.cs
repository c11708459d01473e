using System.IO.Enumeration;

namespace Cinnabar.Training.Corpora;

/// <summary>Patterns in which * stands for any characters, slashes too, and ? for one; upper and lower case are equal.</summary>
internal static class PathPattern
{
    /// <summary>Whether any of the patterns fits the whole of a path written with '/'.</summary>
    public static bool MatchesAny(IReadOnlyList<string> patterns, string path)
    {
        foreach (string pattern in patterns)
        {
            if (FileSystemName.MatchesSimpleExpression(pattern, path))
            {
                return true;
            }
        }

        return false;
    }
}
