// Syntax tree → NFA → DFA → minimal automaton.
namespace Cinnabar.Constraints;

/// <summary>Compiles syntax trees.</summary>
internal static class RegexCompiler
{
    private const int StepsOfAutomaton = 2000; // the least that making one takes: some tens of microseconds

    /// <summary>The minimal automaton of a tree that is not ∅.</summary>
    /// <exception cref="CinnabarException">It would be too large.</exception>
    public static ByteAutomaton Compile(RegexNode tree, CompilationBudget budget)
    {
        if (tree is RegexNode.Automaton compiled)
        {
            return compiled.Value;
        }

        budget.Spend(StepsOfAutomaton);
        return DfaMinimizer.Minimize(DfaBuilder.Build(ByteNfa.Of(tree, budget), budget), budget);
    }

    /// <summary>The texts that all of some trees, at least one, accept.</summary>
    /// <exception cref="CinnabarException">An automaton on the way would be too large.</exception>
    public static RegexNode Intersect(IReadOnlyList<RegexNode> trees, CompilationBudget budget)
    {
        if (trees.Count == 1)
        {
            return trees[0];
        }

        if (trees.Any(tree => tree.IsNothing))
        {
            return RegexNode.Nothing;
        }

        ByteAutomaton? common = Compile(trees[0], budget);
        foreach (RegexNode tree in trees.Skip(1))
        {
            budget.Spend(StepsOfAutomaton);
            common = AutomatonProduct.Intersect(common, Compile(tree, budget), budget);
            if (common is null)
            {
                return RegexNode.Nothing;
            }
        }

        return new RegexNode.Automaton(common);
    }
}
