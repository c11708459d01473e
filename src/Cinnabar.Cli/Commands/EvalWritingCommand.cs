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

        RequireNoLimits(parsed, model);
        int segment = model.Config.MaxSequenceLength;
        int part = segment - (parsed.GetValue(_overlap) ?? CollageDenoiser.DefaultOverlap(segment)) - 1; // what a segment adds
        int tokens = TokensOf(parsed, model);
        int[] borders = new LongTextWriter(model, tokens, model.DefaultOptions).BordersOf(parsed.GetValue(_overlap));
        AutoregressiveLikelihood? likelihood = judge is null ? null : new AutoregressiveLikelihood(judge.Denoiser, judge.Kernels);
        int[] beginning = judge is null ? [] : [judge.Config.BosTokenId ?? judge.Config.EosTokenId];
        List<WritingResult> results = [];
        foreach ((string kind, IReadOnlyList<WrittenText> texts) in Texts(parsed, model, others, cancellation))
        {
            results.Add(WritingResult.Of(kind, texts, likelihood, beginning, PartsOf, borders));
            PrintExamples(parsed, kind, texts);
        }

        Print(parsed, model, judge, part, results);
        return 0;

        IReadOnlyList<string> PartsOf(WrittenText text) =>
            [.. text.Ids.Chunk(Math.Max(1, part)).Select(ids => model.Tokenizer.Decode(ids))];
    }

    // Each kind of texts with its name, written when it is asked for.
    private IEnumerable<(string Kind, IReadOnlyList<WrittenText> Texts)> Texts(
        ParseResult parsed, DiffusionModel model, DiffusionModel[] others, CancellationToken cancellation)
    {
        (int count, int tokens, int block) = (parsed.GetValue(_count), TokensOf(parsed, model), parsed.GetValue(_block));
        if (parsed.GetValue(_corpus) is string corpus)
        {
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

            yield return ("held-out text", passages);
        }

        DiffusionModel[] writers = [model, .. others];
        string[] names = ModelLabels.Of([.. writers.Select(writer => (writer.Name, writer.Path))]);
        foreach ((DiffusionModel writer, string name) in writers.Zip(names))
        {
            if (writer.Denoiser.Noise == NoiseKind.Gaussian)
            {
                foreach (SamplerOptions own in LatentOptionsFor(parsed, writer))
                {
                    LongTextWriter through = new(writer, tokens, own);
                    bool inBlocks = block > 0 && !through.FitsAtOnce;
                    yield return inBlocks
                        ? Written($"{name}, blocks of {block}, {own.Steps} steps", i => through.InBlocks(i, block, cancellation))
                        : Written($"{name}, {own.Steps} steps", i => through.AtOnce(i, cancellation));
                }

                continue;
            }

            LongTextWriter texts = new(writer, tokens, OptionsFor(parsed, writer, count));
            if (texts.HasSegments)
            {
                int? overlap = parsed.GetValue(_overlap);
                yield return Written($"{name}, all at once", i => texts.InSegments(i, overlap, stay: false, cancellation));
                if (texts.BordersOf(overlap).Length > 0)
                {
                    yield return Written($"{name}, segments that stay", i => texts.InSegments(i, overlap, stay: true, cancellation));
                }
            }

            if (block > 0)
            {
                string way = writer.Config.IsAutoregressive ? "left to right" : $"blocks of {block}";
                yield return Written($"{name}, {way}", i => texts.InBlocks(i, block, cancellation));
            }
        }

        (string, IReadOnlyList<WrittenText>) Written(string kind, Func<int, WrittenText> write)
        {
            EvaluationProgress progress = new($"writing, {kind}", "texts", count);
            List<WrittenText> written = [];
            while (written.Count < count)
            {
                written.Add(write(written.Count));
                progress.Show(written.Count);
            }

            return (kind, written);
        }
    }

    private SamplerOptions OptionsFor(ParseResult parsed, DiffusionModel model, int count)
    {
        SamplerOptions options = _sampler.Read(parsed, model.DefaultOptions);
        return count == 1 || options.Temperature > 0 ? options : throw new CinnabarException(
            $"Expected a temperature above 0 for {count} texts that begin with nothing, found 0, which writes the same text each time.",
            "Give --temperature, such as 1.");
    }

    // They would bound a text written at once, and each block of one written in blocks.
    private void RequireNoLimits(ParseResult parsed, DiffusionModel model)
    {
        SamplerOptions options = _sampler.Read(parsed, model.DefaultOptions);
        if (options.MaxPasses is not null || options.Deadline is not null)
        {
            throw new CinnabarException(
                "Expected neither --max-passes nor --deadline, which mean other things for a text and for a block.", "Give --steps.");
        }
    }

    private int TokensOf(ParseResult parsed, DiffusionModel model) =>
        parsed.GetValue(_tokens) ?? model.Config.MaxSequenceLength - (model.Config.BosTokenId is null ? 0 : 1);

    // Of the sampler's options those alone that latents know, and steps as their own option says: the others are for the models beside
    // them.
    private IEnumerable<SamplerOptions> LatentOptionsFor(ParseResult parsed, DiffusionModel model)
    {
        SamplerOptions read = _sampler.Read(parsed, model.DefaultOptions);
        SamplerOptions standard = model.DefaultOptions with { Latents = read.Latents, CfgScale = read.CfgScale, Seed = read.Seed };
        return parsed.GetValue(_latentSteps) is { Length: > 0 } given ? given.Select(steps => standard with { Steps = steps }) : [standard];
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

    private void PrintExamples(ParseResult parsed, string kind, IReadOnlyList<WrittenText> texts)
    {
        TextWriter writer = parsed.GetValue(_json) ? Console.Error : Console.Out;
        foreach (WrittenText text in texts.Take(parsed.GetValue(_examples)))
        {
            writer.WriteLine(TerminalText.Safe($"--- {kind}\n{text.Text}\n"));
        }
    }

    private void Print(ParseResult parsed, DiffusionModel model, DiffusionModel? judge, int part, List<WritingResult> results)
    {
        int tokens = TokensOf(parsed, model);
        ulong seed = _sampler.Read(parsed, model.DefaultOptions).Seed;
        if (parsed.GetValue(_json))
        {
            ResultWriter.WriteJson(json =>
            {
                json.WriteString("model", model.Name);
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
            + $"± are standard errors."));
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
