// Translation of lines: line N of one file is the question, line N of the other a right answer.
//
//   java-cs   {train,valid,test}.java-cs.txt.java → .cs    (CodeXGLUE, code to code: functions, one a line)
//   nl2bash   {train,dev,test}.nl → .cm                    (a request in English → a Bash command)
//
// A test file may be a half of the published one: test_half_a.… is read where test.… is not there.
// Prompt = question + "\n", Reference = answer, the space around both removed.
// Exact match is equality of trimmed lines and BLEU that of Bleu.cs: for java-cs both are what CodeXGLUE's evaluator prints.
namespace Cinnabar.Evaluation.Tasks;

/// <summary>A line in one language is asked for in another.</summary>
public sealed class TranslationTask : EvaluationTask
{
    private readonly string _origin;
    private readonly string _validation;
    private readonly string _from;
    private readonly string _to;
    private readonly bool _measuresSimilarity;

    private TranslationTask(
        string name,
        string description,
        int maxAnswerCharacters,
        string origin,
        string validation,
        string from,
        string to,
        bool measuresSimilarity)
    {
        Name = name;
        Description = description;
        MaxAnswerCharacters = maxAnswerCharacters;
        _origin = origin;
        _validation = validation;
        _from = from;
        _to = to;
        _measuresSimilarity = measuresSimilarity;
    }

    /// <summary>"java-cs": a Java function → the same in C#. Measures "exact match" and "BLEU".</summary>
    public static TranslationTask JavaToCSharp { get; } = new(
        "java-cs",
        "A Java function on one line is to be written in C#; right is the line of the C# project, exactly.",
        2_000,
        "github.com/microsoft/CodeXGLUE, Code-Code/code-to-code-trans/data",
        "valid",
        ".java-cs.txt.java",
        ".java-cs.txt.cs",
        measuresSimilarity: false);

    /// <summary>"nl2bash": English → a Bash command. Measures "exact match", "BLEU" and "edit similarity".</summary>
    public static TranslationTask EnglishToBash { get; } = new(
        "nl2bash",
        "A request in English is to be answered by one line of Bash; right is the line of the data set, exactly.",
        600,
        "github.com/TellinaTool/nl2bash, data/bash",
        "dev",
        ".nl",
        ".cm",
        measuresSimilarity: true);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override int MaxAnswerCharacters { get; }

    /// <summary>
    /// A translation is in proportion to its original: of the Java functions 0.6 % need more room than this in C#.
    /// </summary>
    public override int AnswerTokens(int promptTokens, int suffixTokens, int most) => Math.Min(most, (promptTokens * 3 / 2) + 32);

    /// <inheritdoc/>
    public override IReadOnlyList<TaskMeasure> Score(IReadOnlyList<TaskAnswer> answers)
    {
        List<TaskMeasure> measures = [TextMeasures.ExactMatch(answers, text => text.Trim()), TextMeasures.CorpusBleu(answers)];
        if (_measuresSimilarity)
        {
            measures.Add(TextMeasures.MeanSimilarity(answers, text => text.Trim()));
        }

        return measures;
    }

    /// <inheritdoc/>
    protected override IEnumerable<TaskExample> Read(TaskSource source)
    {
        string[] stems = source.Split switch
        {
            TaskSplit.Train => ["train"],
            TaskSplit.Validation => [_validation],
            _ => ["test", "test_half_a"],
        };
        (TaskFile from, TaskFile to) = TaskFile.OpenPair(source, _origin, [.. stems.Select(stem => (stem + _from, stem + _to))]);
        return Enumerable.Range(0, from.Lines.Count)
            .Select(i => new TaskExample("", from.Text(i) + "\n", to.Text(i)))
            .Take(source.Count);
    }
}
