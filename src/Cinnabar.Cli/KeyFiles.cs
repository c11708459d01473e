using Cinnabar.Server.Security;

namespace Cinnabar.Cli;

/// <summary>Files with secrets.</summary>
internal static class KeyFiles
{
    /// <summary>Says so if other users can read a file with keys.</summary>
    /// <param name="file">The file; null: none was given.</param>
    /// <param name="what">What is in it.</param>
    public static void WarnIfOthersRead(string? file, string what)
    {
        if (file is not null && ApiKeys.IsReadByOthers(file))
        {
            Console.Error.WriteLine($"warning: other users of this machine can read the {what}; chmod 600 {TerminalText.Quote(file)}");
        }
    }
}
