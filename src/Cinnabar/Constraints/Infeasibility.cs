namespace Cinnabar.Constraints;

/// <summary>Why no text fits the slots of a hole.</summary>
internal enum InfeasibilityKind
{
    /// <summary>A known token stands where no allowed text has it.</summary>
    FixedToken,

    /// <summary>In an open slot every token that the text could go on with is excluded (−∞).</summary>
    Excluded,

    /// <summary>An open slot comes after the end of every allowed text, and there is no end token to fill it with.</summary>
    TooLong,

    /// <summary>The slots end before any allowed text does.</summary>
    TooShort,
}

/// <summary>Why no text fits the slots of a hole, and where that shows first from the left.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="Slot">The first slot that no allowed text reaches beyond; the number of slots where they are too few.</param>
/// <param name="SlotsNeeded">
/// How many slots the shortest allowed text with these known tokens needs, where they are too few; <see cref="TokenAutomaton.Never"/> if
/// it has no end that tokens of this vocabulary spell; 0 otherwise.
/// </param>
internal readonly record struct Infeasibility(InfeasibilityKind Kind, int Slot, int SlotsNeeded);
