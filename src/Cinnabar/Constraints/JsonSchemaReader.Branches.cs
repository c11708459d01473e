// The branches of anyOf and oneOf. Those of oneOf must exclude each other, which shows in the texts that two of them have in common.
//
// A value has more than one text: 1 is 1.0 as well, and members may come in any order. A branch that gives its values (const, enum) or
// names its members allows one text of each value only, and another branch perhaps a different one of the same value. So branches are
// compared in a reading of their own, the canonical one: given numbers without exponent and without zeros that say nothing, members sorted
// by name. All other parts of a schema allow that text beside others, and strings have one form already (JsonStrings), so that two branches
// that allow one value have a text in common.
using System.Text;
using Cinnabar.Checkpoints;

namespace Cinnabar.Constraints;

/// <content>Branches.</content>
internal sealed partial class JsonSchemaReader
{
    private bool _isCanonical; // whether what is read serves only to compare branches

    private RegexNode ReadBranches(SchemaKeywords keywords, string choice, IReadOnlyList<SchemaElement> branches)
    {
        RegexNode[] trees = [.. branches.Select(branch => ReadBranch(keywords, choice, branch))];

        // Branches inside of those that are compared were compared when they were read before.
        if (choice == "oneOf" && branches.Count > 1 && !_isCanonical)
        {
            _isCanonical = true;
            RequireExclusive(branches, [.. branches.Select(branch => ReadBranch(keywords, choice, branch))]);
            _isCanonical = false;
        }

        return RegexNode.Either(trees);
    }

    private RegexNode ReadBranch(SchemaKeywords keywords, string choice, SchemaElement branch)
    {
        _budget.Spend(StepsOfPart * keywords.Size);
        return Read(new SchemaKeywords(keywords, choice, branch.Place), [branch]);
    }

    private void RequireExclusive(IReadOnlyList<SchemaElement> branches, RegexNode[] trees)
    {
        List<(SchemaPlace Place, ByteAutomaton Automaton)> earlier = [];
        for (int i = 0; i < trees.Length; i++)
        {
            if (trees[i].IsNothing)
            {
                continue;
            }

            ByteAutomaton automaton = RegexCompiler.Compile(trees[i], _budget);
            foreach ((SchemaPlace place, ByteAutomaton other) in earlier)
            {
                if (AutomatonProduct.CommonText(other, automaton, _budget) is byte[] common)
                {
                    throw branches[i].Place.Error(
                        "a branch of oneOf that no other branch overlaps, as only one may hold",
                        $"that {place} allows {ErrorText.Quote(Encoding.UTF8.GetString(common))} as well",
                        "Write anyOf, or make the branches exclude each other.");
                }
            }

            earlier.Add((branches[i].Place, automaton));
        }
    }
}
