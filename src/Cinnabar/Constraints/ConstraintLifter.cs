using Cinnabar.Diffusion;
using Cinnabar.Tokenizers;

namespace Cinnabar.Constraints;

/// <summary>
/// Lifts constraints to the tokens of one model and keeps what it lifted, as that walks the whole vocabulary. Thread-safe.
/// </summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="vocabularySize">V of the network, which may have more rows than the tokenizer has tokens.</param>
internal sealed class ConstraintLifter(Tokenizer tokenizer, int vocabularySize)
{
    private const long MostEdgesKept = 8 << 20;

    private readonly Lazy<VocabularyTrie> _vocabulary = new(() => new VocabularyTrie(tokenizer.Definition.Tokens));
    private readonly Lazy<int[]> _returns = new(() => WithReturn(tokenizer.Definition.Tokens));
    private readonly RecentlyUsed<Key, TokenAutomaton> _kept = new(MostEdgesKept);

    /// <summary>A constraint for a hole.</summary>
    /// <param name="constraint">What its text must be.</param>
    /// <param name="kind">What kind of hole it is.</param>
    /// <param name="tokens">The special ids of the canvas.</param>
    /// <param name="lead">What does not count at the start of the text: it stands before it, or is not needed; of ASCII.</param>
    /// <param name="lfOnly">Whether LF alone ends lines, so that no carriage return is written.</param>
    /// <param name="beginsText">Whether a text begins with the hole, so that its first token has the bytes of a first one.</param>
    /// <exception cref="CinnabarException">The constraint is too complex.</exception>
    public TokenAutomaton Lift(
        Constraint constraint, HoleKind kind, CanvasTokens tokens, string lead, bool lfOnly = false, bool beginsText = true)
    {
        (int[] forbidden, int[] ends) = (tokens.Forbidden(kind), [.. tokens.EndsOf(kind)]);
        bool hasFirstForms = beginsText && _vocabulary.Value.FirstForms.Count > 0; // else both automata are the same
        Key key = new(constraint, string.Join(' ', forbidden), string.Join(' ', ends), lead, lfOnly, hasFirstForms);
        return _kept.Get(
            key,
            _ => TokenAutomatonBuilder.Build(
                constraint.Automaton,
                _vocabulary.Value,
                vocabularySize,
                lfOnly ? [.. forbidden, .. _returns.Value] : forbidden,
                ends,
                lead,
                hasFirstForms),
            automaton => automaton.EdgeCount + automaton.StateCount);
    }

    private static int[] WithReturn(TokenBytes tokens) => [.. Enumerable.Range(0, tokens.Count)
        .Where(id => tokens[id, first: false].Contains((byte)'\r') || tokens[id, first: true].Contains((byte)'\r'))];

    private readonly record struct Key(
        Constraint Constraint, string Forbidden, string Ends, string Lead, bool LfOnly, bool HasFirstForms);
}
