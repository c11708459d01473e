// The measures of some texts of one kind, each with its standard error over the texts. Perplexity is that under a judge, a model that
// writes left to right: e^(mean over texts of nats per token), given the begin of a text; its error is the mean's times the perplexity.
// It is never to be read alone: text of few tokens, or that repeats itself, is easy to predict (Zheng et al. 2024, arXiv 2409.02908), which
// entropy and repeated n-grams show. Far context is how much easier a token is to predict given all that the judge sees than given the 64
// to 127 tokens before it: sentences that have nothing to do with those of long before gain nothing. Texts that end by themselves differ in
// length, on which entropy and n-grams depend: then it is said, too. A text without a token has neither perplexity nor variety: it is
// counted, and left out of both.
using System.Text.Json;
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Tasks;

namespace Cinnabar.Evaluation.Writing;

/// <summary>What was measured of some texts.</summary>
/// <param name="Name">Who wrote them, and how.</param>
/// <param name="Texts">How many there are.</param>
/// <param name="Measures">In the order of <see cref="MeasureNames"/>; those that the texts do not have are left out.</param>
public sealed record WritingResult(string Name, int Texts, IReadOnlyList<TaskMeasure> Measures)
{
    private const string Perplexity = "perplexity";
    private const string Tokens = "tokens";
    private const string SelfBleu = "self-BLEU";
    private const string NamesAgain = "names again";
    private const string FarContext = "nats by far context";
    private const string InsideSegments = "inside segments";
    private const string AtSeams = "at seams / inside";
    private const string InOverlaps = "in overlaps / inside";
    private const string Passes = "passes";

    /// <summary>The measure that says how many texts have no token: the share.</summary>
    public const string EmptyTexts = "empty texts";

    // Of this many tokens the judge sees half or more where it is not to see far.
    private const int NearContext = 128;

    /// <summary>The names of all measures.</summary>
    public static IReadOnlyList<string> MeasureNames { get; } =
    [
        Perplexity, EmptyTexts, Tokens, FarContext, "entropy", "distinct-1", "distinct-2", "distinct-3", SelfBleu, "repeated 4-grams",
        NamesAgain, InsideSegments, AtSeams, InOverlaps, Passes, "positions/token", "seconds", "tokens/s",
    ];

    /// <summary>The measure of that name; null if the texts do not have it.</summary>
    public TaskMeasure? this[string measure] => Measures.FirstOrDefault(own => own.Name == measure);

    /// <summary>Members of a JSON object.</summary>
    public void WriteMembers(Utf8JsonWriter json)
    {
        json.WriteString("texts_of", Name);
        json.WriteNumber("texts", Texts);
        json.WriteStartObject("measures");
        foreach (TaskMeasure measure in Measures)
        {
            string key = measure.Name.ToLowerInvariant().Replace(" / ", "_to_").Replace("/s", "_per_second").Replace("/", "_per_");
            json.WriteStartObject(key.Replace(' ', '_').Replace('-', '_'));
            json.WriteNumber("value", measure.Value);
            json.WriteNumber("standard_error", measure.StandardError ?? 0);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>Measures texts.</summary>
    /// <param name="name">Who wrote them, and how.</param>
    /// <param name="texts">At least one.</param>
    /// <param name="judge">Gives perplexity; null: none is measured.</param>
    /// <param name="beginning">What stands before a text, for the judge: one token or more.</param>
    /// <param name="partsOf">Cuts a text into the parts that <see cref="EntityConsistency"/> compares.</param>
    /// <param name="borders">Where segments of a collage would meet in a text of this length, however it was written.</param>
    public static WritingResult Of(
        string name,
        IReadOnlyList<WrittenText> texts,
        AutoregressiveLikelihood? judge,
        IReadOnlyList<int> beginning,
        Func<WrittenText, IReadOnlyList<string>> partsOf,
        IReadOnlyList<int> borders)
    {
        List<TaskMeasure> measures = [];
        double[][] nats = NatsOf(null);
        AddPerplexity(Perplexity, [.. nats.Where(own => own.Length > 0).Select(own => own.Average())]);
        WrittenText[] filled = [.. texts.Where(text => text.Ids.Length > 0)];
        if (filled.Length < texts.Count)
        {
            AddMean(EmptyTexts, [.. texts.Select(text => text.Ids.Length == 0 ? 1.0 : 0)]);
        }

        if (texts.Any(text => text.Ids.Length != texts[0].Ids.Length))
        {
            AddMean(Tokens, [.. texts.Select(text => (double)text.Ids.Length)]);
        }

        AddMean(FarContext, [.. NatsOf(NearContext).Zip(nats)
            .Where(both => both.First.Length > NearContext)
            .Select(both => both.First.Average() - both.Second.Average())]);
        AddMean("entropy", [.. filled.Select(text => TextDiversity.UnigramEntropy(text.Ids))]);
        foreach (int n in (int[])[1, 2, 3])
        {
            AddMean($"distinct-{n}", [.. filled.Select(text => TextDiversity.Distinct(text.Text, n))]);
        }

        AddMean(SelfBleu, TextDiversity.SelfBleu([.. filled.Select(text => text.Text)]));
        AddMean("repeated 4-grams", [.. filled.Select(text => 1 - TextDiversity.Distinct(text.Text, 4))]);
        AddMean(NamesAgain, [.. texts.Select(text => EntityConsistency.Of(partsOf(text))).OfType<double>()]);
        SeamPerplexity[] seams = [.. nats.Select(own => SeamPerplexity.Of(own, borders)).OfType<SeamPerplexity>()];
        AddPerplexity(InsideSegments, [.. seams.Select(seam => seam.Inside)]);
        AddPerplexity(AtSeams, [.. seams.Select(seam => seam.Seam - seam.Inside)]);
        AddPerplexity(InOverlaps, [.. seams.Select(seam => seam.Overlap - seam.Inside).OfType<double>()]);
        if (texts.Any(text => text.Passes > 0))
        {
            AddMean(Passes, [.. texts.Select(text => (double)text.Passes)]);
            AddMean("positions/token", [.. texts.Select(text => text.Positions / Math.Max(1.0, text.Ids.Length))]);
            AddMean("seconds", [.. texts.Select(text => text.Seconds)]);
            AddMean("tokens/s", [.. texts.Select(text => text.Ids.Length / Math.Max(text.Seconds, 1e-9))]);
        }

        return new WritingResult(name, texts.Count, measures);

        double[][] NatsOf(int? context) => judge is null
            ? []
            : [.. texts.Select(text => judge.NatsOfTokens([.. beginning, .. text.Ids], context)[(beginning.Count - 1)..])];

        void AddMean(string measure, double[] values)
        {
            if (values.Length > 0)
            {
                measures.Add(TaskMeasure.Mean(measure, values));
            }
        }

        void AddPerplexity(string measure, double[] values)
        {
            if (values.Length > 0)
            {
                SampleMean mean = SampleMean.Of(values);
                measures.Add(new TaskMeasure(measure, Math.Exp(mean.Mean), Math.Exp(mean.Mean) * mean.StandardError));
            }
        }
    }
}
