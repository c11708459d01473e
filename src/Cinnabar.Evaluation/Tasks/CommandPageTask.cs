// tldr pages: what a program can be asked for, and the command line that does it.
//
//   pages_en.jsonl: {"platform", "name", "page"}; a page is Markdown: "# title", "> description", then pairs of
//   "- What you want:" and "`command`".
//
// A pair is an example. Its prompt is what a user would type:
//
//   [platform ]title: What you want\n          "tar: List the contents of a file", "windows choco: Display help"
//
// The title of the page is taken, not its file name (`git commit`, not `git-commit`). The platform is left out where it is "common",
// since nobody would type that. Brackets that point at the letter of an option are removed ("[c]reate" → "create"). Commands stay as
// they are, {{places}} for values included.
// Splits: by SHA-256 of the file name, modulo 20: 0 validation, 1 test, else train. So all pages of a name, which platforms share, are
// in one split.
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Cinnabar.Evaluation.Tasks;

/// <summary>"tldr": a program and a wish → its command line. Measures "exact match", "BLEU" and "edit similarity".</summary>
public sealed partial class CommandPageTask : EvaluationTask
{
    private const string Origin = "github.com/tldr-pages/tldr, as JSON lines";
    private const string FileName = "pages_en.jsonl";

    /// <inheritdoc/>
    public override string Name => "tldr";

    /// <inheritdoc/>
    public override string Description =>
        "The name of a program and what it is wanted for are to be answered by a command line; right is that of its tldr page, exactly.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 300;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TextMeasures.ExactMatch(answers, text => text.Trim()),
        TextMeasures.CorpusBleu(answers),
        TextMeasures.MeanSimilarity(answers, text => text.Trim()),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        TaskFile file = TaskFile.Open(source, Origin, FileName);
        return TaskRecord.OfLines(file)
            .Where(page => SplitOf(page.Text("name")) == source.Split)
            .SelectMany(Pairs)
            .Take(source.Count);
    }

    private static TaskSplit SplitOf(string name)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(name));
        return (BinaryPrimitives.ReadUInt32LittleEndian(hash) % 20) switch
        {
            0 => TaskSplit.Validation,
            1 => TaskSplit.Test,
            _ => TaskSplit.Train,
        };
    }

    private static IEnumerable<TaskExample> Pairs(TaskRecord page)
    {
        string platform = page.Text("platform");
        string program = platform == "common" ? "" : platform + " ";
        string? title = null;
        string? wish = null;
        foreach (string line in page.Text("page").Split('\n').Select(line => line.Trim()))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
            {
                title = line[2..].Trim();
            }
            else if (line.StartsWith("- ", StringComparison.Ordinal))
            {
                wish = wish is null ? line[2..].TrimEnd(':').Trim() : throw page.Wrong("a command under every wish", "two wishes in a row");
            }
            else if (line.StartsWith('`'))
            {
                string command = line.Length > 2 && line.EndsWith('`')
                    ? line[1..^1].Trim()
                    : throw page.Wrong("a command between backticks", "one backtick only");
                string said = OptionLetters().Replace(wish ?? throw page.Wrong("a wish ('- …') over every command", "none"), "${letters}");
                string name = title ?? throw page.Wrong("a title ('# …') at the top of the page", "none");
                yield return new TaskExample("", $"{program}{name}: {said}\n", command);
                wish = null;
            }
        }

        if (wish is not null)
        {
            throw page.Wrong("a command under every wish", "none under the last");
        }
    }

    // Up to three letters or digits in brackets that are a part of a word.
    [GeneratedRegex(@"(?<=\w)\[(?<letters>\w{1,3})\]|\[(?<letters>\w{1,3})\](?=[\w\[])", RegexOptions.CultureInvariant)]
    private static partial Regex OptionLetters();
}
