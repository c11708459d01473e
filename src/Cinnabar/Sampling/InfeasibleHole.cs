using Cinnabar.Constraints;
using Cinnabar.Diffusion;

namespace Cinnabar.Sampling;

/// <summary>A hole that no text fits which its constraint allows: why, in words about the canvas.</summary>
internal static class InfeasibleHole
{
    /// <summary>Throws if there is a reason why no text is possible.</summary>
    /// <param name="infeasible">The reason; null: there is none.</param>
    /// <param name="canvas">The canvas.</param>
    /// <param name="hole">Index of the hole.</param>
    /// <exception cref="CinnabarException">There is one.</exception>
    public static void ThrowIf(Infeasibility? infeasible, Canvas canvas, int hole)
    {
        if (infeasible is not Infeasibility reason)
        {
            return;
        }

        Hole place = canvas.Holes[hole];
        string which = canvas.Holes.Count > 1 ? $"hole {hole}" : "the hole";
        int position = place.Start + reason.Slot;
        (string found, string remedy) = reason.Kind switch
        {
            InfeasibilityKind.FixedToken => (
                $"that the token {canvas.Ids[position]}, which stands at position {position}, is in none",
                "Do not pin it, or change the constraint."),
            InfeasibilityKind.Excluded => (
                $"that at position {position} no token may be written with which one goes on",
                "Ban fewer tokens, or change the constraint."),
            InfeasibilityKind.TooLong => (
                $"that every one ends before position {position}",
                "Ask for at most as many tokens instead of exactly as many, or for fewer."),
            _ when reason.SlotsNeeded == TokenAutomaton.Never => (
                "that the tokens of the model spell none", "Change the constraint."),
            _ => (
                $"that the shortest needs {reason.SlotsNeeded}", "Ask for more tokens, or change the constraint."),
        };
        throw new CinnabarException(
            $"Expected {which} of {place.Length} tokens to have room for a text that the constraint allows, found {found}.", remedy)
        {
            Hole = hole,
        };
    }
}
