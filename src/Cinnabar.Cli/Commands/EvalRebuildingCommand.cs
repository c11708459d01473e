// cinnabar eval rebuilding: what a model's latents keep of held-out text.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Cinnabar.Evaluation;
using Cinnabar.Latents;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal static class EvalRebuildingCommand
{
    public static Command Create(Option<string> corpus, Option<bool> json)
    {
        Option<string> split = new("--split") { Description = "Which texts.", DefaultValueFactory = _ => HeldOutText.TestSplit };
        Option<int> count = new("--count") { Description = "Windows of text.", HelpName = "n", DefaultValueFactory = _ => 64 };
        Option<double> noise = new("--noise")
        {
            Description = "Deviation of Gaussian noise that is added to the latents.", HelpName = "x", DefaultValueFactory = _ => 0,
        };
        Option<bool> raw = new("--raw")
        {
            Description = "Decode latents as they are. [default: their nearest codes, if the model has codes]",
        };
        Option<bool> area = new("--au-bleu")
        {
            Description = "Measure with noise of 0, 10 … 90 % of the variance, and BLEU's mean over them (PLANNER's AuBLEU).",
        };
        Command command = new("rebuilding", "The share of held-out tokens that comes back from latents, and how many codes are used.")
        {
            corpus, split, count, noise, raw, area, json,
        };
        ModelArguments model = new ModelArguments().AddTo(command);
        split.AcceptOnlyFromAmong("train", "validation", "test");
        count.RequireRange(1, 1_000_000);
        noise.RequireRange(0, 100);
        command.Validators.Add(result =>
        {
            if (result.GetValue(area) && result.GetResult(noise) is { Implicit: false })
            {
                result.AddError("Expected one of --noise and --au-bleu, found both.");
            }
        });
        command.SetWork((parsed, cancellation) =>
        {
            DiffusionModel loaded = model.Load(parsed, cancellation);
            LatentTextDenoiser network = loaded.Denoiser as LatentTextDenoiser ?? throw new CinnabarException(
                $"Expected a model that writes through latents, found {loaded.Name}, which denoises tokens.",
                "Train one: recipes/stories-codes.json.");
            TokenDataset data = HeldOutText.Open(parsed.GetValue(corpus)!, parsed.GetValue(split)!, loaded);
            int step = network.Shape.Downsampling;
            long whole = Math.Min(loaded.Config.MaxSequenceLength, data.TokenCount / step * step);
            List<int[]> windows = data.Windows((int)whole, parsed.GetValue(count));
            bool isJson = parsed.GetValue(json);
            if (!parsed.GetValue(area))
            {
                double deviation = parsed.GetValue(noise);
                LatentRebuilding rebuilding = Measure(deviation, "rebuilding");
                if (isJson)
                {
                    WriteJson(parsed.GetValue(split)!, loaded.Name, [(deviation, rebuilding)], area: false);
                }
                else
                {
                    Console.WriteLine(rebuilding.ToString());
                }

                return 0;
            }

            List<(double Noise, LatentRebuilding Rebuilding)> all = [];
            foreach (double share in LatentRebuilding.NoiseShares)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"noise {share:P0}");
                double deviation = LatentRebuilding.DeviationOf(share);
                LatentRebuilding rebuilding = Measure(deviation, name);
                all.Add((deviation, rebuilding));
                if (!isJson)
                {
                    Console.WriteLine($"{name}: {rebuilding}");
                }
            }

            if (isJson)
            {
                WriteJson(parsed.GetValue(split)!, loaded.Name, all, area: true);
            }
            else
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"AuBLEU {all.Average(one => one.Rebuilding.Bleu):F1}"));
            }

            return 0;

            LatentRebuilding Measure(double added, string name) => LatentRebuilding.Measure(
                network,
                loaded.Tokenizer,
                windows,
                parsed.GetValue(raw),
                added,
                new EvaluationProgress(name, "windows", windows.Count).Show,
                cancellation);
        });
        return command;
    }

    // One result, or with area a list of them, one for each noise.
    private static void WriteJson(
        string split, string model, IReadOnlyList<(double Noise, LatentRebuilding Rebuilding)> all, bool area) =>
        ResultWriter.WriteJson(json =>
        {
            json.WriteString("model", model);
            json.WriteString("task", "rebuilding");
            json.WriteString("split", split);
            json.WriteNumber("windows", all[0].Rebuilding.Windows);
            if (!area)
            {
                WriteMembers(json, all[0].Noise, all[0].Rebuilding);
                return;
            }

            json.WriteNumber("au_bleu", all.Average(one => one.Rebuilding.Bleu));
            json.WriteStartArray("results");
            foreach ((double noise, LatentRebuilding rebuilding) in all)
            {
                json.WriteStartObject();
                WriteMembers(json, noise, rebuilding);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });

    private static void WriteMembers(Utf8JsonWriter json, double noise, LatentRebuilding rebuilding)
    {
        json.WriteNumber("noise", noise);
        json.WriteNumber("tokens_rebuilt", rebuilding.Tokens.Mean);
        json.WriteNumber("standard_error", rebuilding.Tokens.StandardError);
        json.WriteNumber("bleu", rebuilding.Bleu);
        if (rebuilding.CodebookSize > 0)
        {
            json.WriteNumber("codes_used", rebuilding.UsedCodes);
            json.WriteNumber("code_perplexity", rebuilding.CodePerplexity);
            json.WriteNumber("codebook_size", rebuilding.CodebookSize);
        }
    }
}
