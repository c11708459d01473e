// cinnabar eval writing: texts that a model writes freely, all at once and block by block, beside what people wrote: how easily a judge
// predicts them, how varied they are, whether long ones hang together, and what they cost.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Diffusion;
using Cinnabar.Evaluation.Tasks;
using Cinnabar.Evaluation.Writing;
using Cinnabar.Models;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;

namespace Cinnabar.Cli.Commands;

internal sealed class EvalWritingCommand
{
    private const string Emptiness = "Empty texts are a share of all; perplexity, entropy and n-grams are those of the others. ";

    private readonly Option<int> _count = Number("--count", "Texts of each kind.", 20);
    private readonly Option<int?> _tokens = new("--tokens")
    {
        Description = "Tokens of a text. [default: what the model sees at once]", HelpName = "n",
    };

    private readonly Option<int> _block = Number("--block", "Tokens of a block, for block by block; 0 leaves that way out.", 64);
    private readonly Option<int> _examples = Number("--examples", "Also print so many texts of each kind.", 0);

    private readonly Option<int?> _overlap = new("--overlap")
    {
        Description = "Tokens that two neighbouring segments share. [default: an eighth of the model's context]", HelpName = "n",
    };

    private readonly Option<string?> _judge = new("--judge")
    {
        Description = "A model that writes left to right, with the same tokens, for perplexity. [default: none is measured]",
        HelpName = "name or path",
    };

    private readonly Option<string[]> _compare = new("--compare")
    {
        Description = "Another model with the same tokens; may be repeated. [default: none]", HelpName = "name or path",
    };

    private readonly Option<int[]> _latentSteps = new("--latent-steps")
    {
        Description = "Steps of a model that writes through latents; may be repeated. [default: the model's]", HelpName = "n",
    };

    private readonly Option<string?> _corpus = new("--corpus")
    {
        Description = "Folder written by 'cinnabar corpus': as many texts of its test split, as long, for reference. [default: none]",
        HelpName = "folder",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object. [default: a table]" };
    private readonly SamplerArguments _sampler = new();
    private readonly ModelArguments _model = new();

    public static Command Create()
    {
        EvalWritingCommand eval = new();
        eval._count.RequireRange(1, 100_000);
        eval._tokens.RequireRange(1, 1_000_000);
        eval._block.RequireRange(0, 1_000_000);
        eval._examples.RequireRange(0, 100_000);
        eval._latentSteps.RequireRange(1, 10_000);
        Command command = new("writing", "Let a model write freely: perplexity under a judge, variety, names that return, passes, time.")
        {
            eval._count, eval._tokens, eval._block, eval._overlap, eval._judge, eval._compare, eval._latentSteps, eval._corpus,
            eval._examples, eval._json,
        };
        eval._sampler.AddTo(command);
        eval._model.AddTo(command);
        command.SetWork(eval.Run);
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancellation)
    {
        DiffusionModel model = _model.Load(parsed, cancellation);
        DiffusionModel? judge = parsed.GetValue(_judge) is string name ? _model.Load(parsed, name, cancellation, beside: model) : null;
        if (judge is { Config.IsAutoregressive: false })
        {
            throw new CinnabarException(
                $"Expected as --judge a model that writes left to right, whose likelihood is exact, found {judge.Name}.",
                "Use the autoregressive twin.");
        }

        DiffusionModel[] others =
            [.. (parsed.GetValue(_compare) ?? []).Select(other => _model.Load(parsed, other, cancellation, beside: model))];
        foreach (DiffusionModel other in judge is null ? others : [judge, .. others])
        {
            RequireSameTokens(model, other.Name, other.Tokenizer);
        }

        DiffusionModel[] models = [model, .. others];
        string[] names = ModelLabels.Of([.. models.Select(writer => (writer.Name, writer.Path))]);
        WritingModel[] writers =
            [.. models.Zip(names, (writer, called) => new WritingModel(writer, called, _sampler.Read(parsed, writer.DefaultOptions)))];
        RequireNoLimits(writers[0].Options);
        int? overlap = parsed.GetValue(_overlap);
        int segment = model.Config.MaxSequenceLength;
        int part = segment - (overlap ?? CollageDenoiser.DefaultOverlap(segment)) - 1; // what a segment adds
        int tokens = parsed.GetValue(_tokens) ?? LongTextWriter.MostAtOnce(model);
        int[] borders = new LongTextWriter(model, tokens, writers[0].Options).BordersOf(overlap);
        AutoregressiveLikelihood? likelihood = judge is null ? null : new AutoregressiveLikelihood(judge.Denoiser, judge.Kernels);
        int[] beginning = judge is null ? [] : [judge.Config.BosTokenId ?? judge.Config.EosTokenId];
        WritingWays ways = new(
            parsed.GetValue(_count), tokens, parsed.GetValue(_block), overlap, parsed.GetValue(_latentSteps) ?? []);
        IEnumerable<WrittenTexts> written = writers.SelectMany(writer => ways.Of(writer, cancellation));
        List<WritingResult> results = [];
        foreach (WrittenTexts kind in HeldOut(parsed, model, tokens).Concat(written))
        {
            results.Add(WritingResult.Of(kind.Kind, kind.Texts, likelihood, beginning, PartsOf, borders));
            PrintExamples(parsed, kind);
        }

        Print(parsed, writers[0], judge, tokens, part, results);
        return 0;

        IReadOnlyList<string> PartsOf(WrittenText text) =>
            [.. text.Ids.Chunk(Math.Max(1, part)).Select(ids => model.Tokenizer.Decode(ids))];
    }

    // What people wrote, if a corpus was given.
    private IEnumerable<WrittenTexts> HeldOut(ParseResult parsed, DiffusionModel model, int tokens)
    {
        if (parsed.GetValue(_corpus) is not string corpus)
        {
            yield break;
        }

        int count = parsed.GetValue(_count);
        IReadOnlyList<WrittenText> passages = HeldOutPassages.Take(
            HeldOutText.Documents(HeldOutText.Open(corpus, HeldOutText.TestSplit, model)), model.Tokenizer, tokens, count);
        if (passages.Count < count)
        {
            Console.Error.WriteLine($"The test split has only {passages.Count} such passages, fewer than the {count} asked for.");
        }

        if (passages.Min(passage => passage.Ids.Length) < tokens)
        {
            Console.Error.WriteLine(
                $"No document of the test split has {tokens} tokens: its longest are measured, of "
                + $"{passages.Min(passage => passage.Ids.Length)} to {passages.Max(passage => passage.Ids.Length)} tokens.");
        }

        yield return new WrittenTexts("held-out text", passages);
    }

    // They would bound a text written at once, and each block of one written in blocks.
    private static void RequireNoLimits(SamplerOptions options)
    {
        if (options.MaxPasses is not null || options.Deadline is not null)
        {
            throw new CinnabarException(
                "Expected neither --max-passes nor --deadline-ms, which mean other things for a text and for a block.", "Give --steps.");
        }
    }

    private static void RequireSameTokens(DiffusionModel model, string other, Tokenizer tokens)
    {
        int size = model.Tokenizer.VocabularySize;
        int? differs = tokens.VocabularySize != size
            ? Math.Min(size, tokens.VocabularySize)
            : Enumerable.Range(0, size).Cast<int?>().FirstOrDefault(id => TextOf(model.Tokenizer, id!.Value) != TextOf(tokens, id.Value));
        if (differs is int at)
        {
            throw new CinnabarException(
                $"Expected {other} to have the tokens of {model.Name}, found another token {at}.",
                "Use models of one corpus, or of one tokenizer (cinnabar corpus --tokenizer).");
        }

        static string TextOf(Tokenizer tokenizer, int id) => tokenizer.Decode([id], skipSpecialTokens: false);
    }

    private void PrintExamples(ParseResult parsed, WrittenTexts kind)
    {
        TextWriter writer = parsed.GetValue(_json) ? Console.Error : Console.Out;
        foreach (WrittenText text in kind.Texts.Take(parsed.GetValue(_examples)))
        {
            writer.WriteLine(TerminalText.Safe($"--- {kind.Kind}\n{text.Text}\n"));
        }
    }

    private void Print(
        ParseResult parsed, WritingModel writer, DiffusionModel? judge, int tokens, int part, List<WritingResult> results)
    {
        ulong seed = writer.Options.Seed;
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", writer.Model.Name);
                json.WriteString("task", "writing");
                if (judge is not null)
                {
                    json.WriteString("judge", judge.Name);
                }

                json.WriteNumber("tokens", tokens);
                json.WriteNumber("part_tokens", part);
                json.WriteNumber("seed", seed);
                json.WriteStartArray("results");
                foreach (WritingResult result in results)
                {
                    json.WriteStartObject();
                    result.WriteMembers(json);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
            return;
        }

        IEnumerable<string> measured = WritingResult.MeasureNames.Where(name => results.Any(result => result[name] is not null));
        ResultTable.Write(
            ["", .. results.Select(result => result.Name)],
            [
                ["texts", .. results.Select(result => result.Texts.ToString(CultureInfo.InvariantCulture))],
                .. measured.Select(name => (string[])
                    [name, .. results.Select(result => result[name] is { } measure ? Shown(measure) : "")]),
            ],
            textColumns: 1);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Texts of {tokens} tokens, or on average as many as are told, from nothing, seed {seed}; "
            + $"perplexity under {judge?.Name ?? "no judge"}; entropy of tokens in bits; n-grams of words. Nats by far context: how much "
            + $"less the judge is surprised by a token if it sees more than the 64 to 127 before it. Names again: of the "
            + $"names in parts of {part} tokens, the share that a later part has too. Passes follow one another. At seams: within "
            + $"{SeamPerplexity.Reach} tokens of where a segment that stays begins or ends, in every text; ratios of perplexities. "
            + $"{(results.Any(result => result[WritingResult.EmptyTexts] is not null) ? Emptiness : "")}± are standard errors."));
    }

    private static string Shown(TaskMeasure measure)
    {
        string digits = measure.Value >= 100 ? "F0" : measure.Value >= 10 ? "F1" : measure.Value >= 2 ? "F2" : "F3";
        string error = measure.StandardError is double wide ? $" ± {wide.ToString(digits, CultureInfo.InvariantCulture)}" : "";
        return measure.Value.ToString(digits, CultureInfo.InvariantCulture) + error;
    }

    private static Option<int> Number(string name, string description, int standard) =>
        new(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => standard };
}
