// What the text of a hole must be. The sampler draws only tokens that keep the whole canvas completable (Sampling/ConstrainedStep.cs).
using System.Collections.Immutable;
using Cinnabar.Constraints;

namespace Cinnabar.Diffusion;

public sealed partial class Canvas
{
    private ImmutableDictionary<int, TokenAutomaton> _automata = ImmutableDictionary<int, TokenAutomaton>.Empty;

    /// <summary>Whether the text of any hole is constrained.</summary>
    internal bool IsConstrained => _automata.Count > 0;

    /// <summary>Lets a hole hold only text that an automaton accepts, which may have as many tokens as there are positions.</summary>
    /// <param name="hole">Index of the hole.</param>
    /// <param name="automaton">Over the tokens of the model, with the end tokens of the hole.</param>
    internal void Constrain(int hole, TokenAutomaton automaton)
    {
        _automata = _automata.SetItem(hole, automaton);

        // That no token of the text begins with a word says nothing of how it goes on behind the word; a line end can always be repeated.
        ReadOnlyMemory<int> notFirst = _holes[hole].Lead.StartsWith('\n') ? _holes[hole].NotFirst : default;
        _holes = [.. _holes.Select((other, i) => i == hole ? other with { MostText = null, NotFirst = notFirst } : other)];
    }

    /// <summary>What the text of a hole must be; null: anything.</summary>
    internal TokenAutomaton? AutomatonOf(int hole) => _automata.GetValueOrDefault(hole);
}
