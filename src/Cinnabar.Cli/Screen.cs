using Spectre.Console;

namespace Cinnabar.Cli;

/// <summary>What can be drawn where: standard error for progress, standard output for the result.</summary>
/// <param name="Live">Whether a picture can be redrawn in place on standard error.</param>
/// <param name="Colours">Whether it may have colours: not with NO_COLOR.</param>
/// <param name="ResultIsShown">Whether standard output is a terminal, to which control characters must not be sent.</param>
internal sealed record Screen(bool Live, bool Colours, bool ResultIsShown)
{
    private const int UsualWidth = 80;
    private const int UsualHeight = 24;

    /// <summary>Columns of the terminal.</summary>
    public static int Width => SizeOr(UsualWidth, () => Console.WindowWidth);

    /// <summary>Lines of the terminal.</summary>
    public static int Height => SizeOr(UsualHeight, () => Console.WindowHeight);

    /// <summary>Looks at the streams and the environment.</summary>
    /// <param name="plain">No pictures in any case.</param>
    public static Screen Detect(bool plain)
    {
        bool terminal = !plain && !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") != "dumb";
        bool resultIsShown = !Console.IsOutputRedirected;
        if (!terminal)
        {
            return new Screen(Live: false, Colours: false, resultIsShown);
        }

        // Spectre.Console knows the terminals, and switches on escape sequences where Windows needs that.
        AnsiConsoleSettings settings = new() { Out = new AnsiConsoleOutput(Console.Error) };
        Capabilities capabilities = AnsiConsole.Create(settings).Profile.Capabilities;
        bool noColour = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        bool colours = capabilities.Ansi && !noColour && capabilities.ColorSystem != ColorSystem.NoColors;
        return new Screen(capabilities.Ansi, colours, resultIsShown);
    }

    private static int SizeOr(int usual, Func<int> size)
    {
        try
        {
            int found = size();
            return found > 0 ? found : usual;
        }
        catch (Exception e) when (e is IOException or PlatformNotSupportedException)
        {
            return usual;
        }
    }
}
