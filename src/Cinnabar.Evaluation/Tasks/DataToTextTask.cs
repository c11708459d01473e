// E2E restaurant descriptions: a meaning (names and values) → a sentence that says it (Novikova et al. 2017, as prepared by
// harvardnlp/neural-template-gen). Sentences are tokenised: "family - friendly .".
//
//   src_{train,valid,test}.txt   __start_name__ Blue Spice __end_name__ __start_eatType__ pub __end_eatType__ …
//   {train,valid,test}.txt       the sentence, then " <eos>|||" and places of values, which are cut off
//   src1_test.txt                instead of the test pair, as Diffusion-LM has it: "name : Blue Spice | Type : pub||the sentence"
//
// Prompt = "name: Blue Spice | eatType: pub\n". In training every sentence is an example. Elsewhere an example is a meaning, its first
// sentence the reference and the others references too. A test file may be a half of the whole: then its name ends in _half_a.
// Measures: BLEU against all sentences of a meaning (Bleu.cs; the challenge's own script divides and smooths otherwise), and "slots",
// the mean share of values that stand in the answer as they are, whole words only. Values "yes" and "no" (familyFriendly) are not
// counted, for no sentence says them so. People reword values too: the first sentences of the validation part have 0.855.
namespace Cinnabar.Evaluation.Tasks;

/// <summary>"e2e": a meaning → a sentence. Measures "BLEU" and "slots".</summary>
public sealed class DataToTextTask : EvaluationTask
{
    private const string Origin = "github.com/harvardnlp/neural-template-gen, data/e2e_aligned.tar.gz";
    private const string TestOrigin = "github.com/XiangLi1999/Diffusion-LM, datasets/e2e_data";
    private const string EndOfSentence = " <eos>|||";
    private const string EndOfMeaning = "||";
    private static readonly string[] s_singleFiles = ["src1_test.txt", "src1_test_half_a.txt"];

    /// <inheritdoc/>
    public override string Name => "e2e";

    /// <inheritdoc/>
    public override string Description =>
        "Names and values of a restaurant are to be said in a sentence; it is compared with all sentences that people wrote for them.";

    /// <inheritdoc/>
    public override int MaxAnswerCharacters => 500;

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers) =>
    [
        TaskMeasure.Mean("slots", answers.Select(answer => RestaurantMeaning.ShareSaid(answer.Example.Prompt, answer.Text))),
        TextMeasures.CorpusBleu(answers),
    ];

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        IEnumerable<TaskExample> sentences = source.Split switch
        {
            TaskSplit.Train => Pairs(source, ("src_train.txt", "train.txt")),
            TaskSplit.Validation => Pairs(source, ("src_valid.txt", "valid.txt")),
            TaskSplit.Test when s_singleFiles.Any(name => TaskFile.IsHeld(source, name)) => SingleFile(source),
            _ => Pairs(source, ("src_test.txt", "test.txt"), ("src_test_half_a.txt", "test_half_a.txt")),
        };
        IEnumerable<TaskExample> examples = source.Split == TaskSplit.Train ? sentences : sentences
            .GroupBy(sentence => sentence.Prompt)
            .Select(meaning => meaning.First() with { OtherReferences = [.. meaning.Skip(1).Select(sentence => sentence.Reference)] });
        return examples.Take(source.Count);
    }

    private static IEnumerable<TaskExample> Pairs(TaskSource source, params IReadOnlyList<(string Meaning, string Sentence)> names)
    {
        (TaskFile meanings, TaskFile sentences) = TaskFile.OpenPair(source, Origin, names);
        return Enumerable.Range(0, meanings.Lines.Count).Select(i =>
        {
            string prompt = RestaurantMeaning.PromptOfMarks(meanings.Text(i))
                ?? throw meanings.Wrong(i, "a meaning such as '__start_name__ Blue Spice __end_name__'", "something else");
            int end = sentences.Text(i).IndexOf(EndOfSentence, StringComparison.Ordinal);
            return end > 0
                ? new TaskExample("", prompt, sentences.Text(i)[..end])
                : throw sentences.Wrong(i, $"a sentence and '{EndOfSentence}'", end < 0 ? "no such mark" : "no sentence");
        });
    }

    private static IEnumerable<TaskExample> SingleFile(TaskSource source)
    {
        TaskFile file = TaskFile.Open(source, TestOrigin, s_singleFiles);
        return Enumerable.Range(0, file.Lines.Count).Select(i =>
        {
            string[] parts = file.Text(i).Split(EndOfMeaning, 2);
            string? prompt = RestaurantMeaning.PromptOfBars(parts[0]);
            return parts.Length == 2 && prompt is not null && parts[1].Trim().Length > 0
                ? new TaskExample("", prompt, parts[1].Trim())
                : throw file.Wrong(i, "a line such as 'name : Blue Spice | Type : pub||A sentence .'", "something else");
        });
    }
}
