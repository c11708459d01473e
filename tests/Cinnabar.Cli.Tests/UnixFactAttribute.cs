namespace Cinnabar.Cli.Tests;

/// <summary>A test of what Windows does not have: signals, and links that need no right. It is skipped there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnixFactAttribute : FactAttribute
{
    public UnixFactAttribute()
    {
        if (OperatingSystem.IsWindows())
        {
            Skip = "Windows has neither signals nor links that need no right.";
        }
    }
}
