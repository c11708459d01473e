namespace Cinnabar;

/// <summary>
/// Something the user gave (a file, an option, a prompt) cannot be used. The message is shown as it is: one sentence with what was
/// expected, what was found and where, then one sentence with what to do.
/// </summary>
public sealed class CinnabarException : Exception
{
    /// <summary>Joins the two sentences.</summary>
    /// <param name="problem">What was expected, what was found, where.</param>
    /// <param name="remedy">What to do; empty: the problem says it.</param>
    /// <param name="inner">The cause, shown only with --verbose.</param>
    public CinnabarException(string problem, string remedy, Exception? inner = null)
        : base(remedy.Length == 0 ? problem : $"{problem} {remedy}", inner)
    {
    }

    /// <summary>Index of the hole that no text fits because of its constraint; null: it is about something else.</summary>
    public int? Hole { get; init; }

    /// <summary>Whether a constraint was refused because its automaton would be too large, or take too long to make.</summary>
    public bool IsTooLarge { get; init; }
}
