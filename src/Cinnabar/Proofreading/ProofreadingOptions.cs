namespace Cinnabar.Proofreading;

/// <summary>What is looked for, and how thoroughly.</summary>
public sealed record ProofreadingOptions
{
    /// <summary>Least score of a suggestion, in bits, 0 … 1000. Default 12: about one in 30 lines of C# with an error.</summary>
    public double Threshold { get; init; } = 12;

    /// <summary>Most suggestions, the best are kept, 1 … 100,000. Default 100.</summary>
    public int Most { get; init; } = 100;

    /// <summary>Most replacements that a suggestion offers, 1 … 10. Default 3.</summary>
    public int Alternatives { get; init; } = 3;

    /// <summary>
    /// Places at which edits are tried, for every 100 tokens of text, most suspicious first, 0 … 100. Default 2. 0: none are tried; every
    /// suspicious token is a suggestion, and the most probable token in its place the replacement: several times as fast.
    /// </summary>
    public int PlacesPerHundredTokens { get; init; } = 2;

    /// <summary>Checks the values.</summary>
    /// <exception cref="CinnabarException">One is out of range.</exception>
    public void Validate()
    {
        Check(Threshold is >= 0 and <= 1000, "threshold", "0 … 1000 bits", Threshold);
        Check(Most is >= 1 and <= 100_000, "number of suggestions", "1 … 100000", Most);
        Check(Alternatives is >= 1 and <= 10, "number of replacements", "1 … 10", Alternatives);
        Check(PlacesPerHundredTokens is >= 0 and <= 100, "number of places in 100 tokens", "0 … 100", PlacesPerHundredTokens);
    }

    private static void Check(bool holds, string what, string expected, double found)
    {
        if (!holds)
        {
            throw new CinnabarException($"Expected the {what} of proofreading to be {expected}, found {found}.", "Change the option.");
        }
    }
}
