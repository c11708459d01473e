// cinnabar eval rebuilding: what a model's latents keep of held-out text.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Evaluation;
using Cinnabar.Latents;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal static class EvalRebuildingCommand
{
    public static Command Create(Option<string> corpus)
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
            corpus, split, count, noise, raw, area,
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
            if (!parsed.GetValue(area))
            {
                Console.WriteLine(Measure(parsed.GetValue(noise), "rebuilding").ToString());
                return 0;
            }

            List<double> bleus = [];
            foreach (double share in LatentRebuilding.NoiseShares)
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"noise {share:P0}");
                LatentRebuilding rebuilding = Measure(LatentRebuilding.DeviationOf(share), name);
                Console.WriteLine($"{name}: {rebuilding}");
                bleus.Add(rebuilding.Bleu);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"AuBLEU {bleus.Average():F1}"));
            return 0;

            LatentRebuilding Measure(double deviation, string name) => LatentRebuilding.Measure(
                network,
                loaded.Tokenizer,
                windows,
                parsed.GetValue(raw),
                deviation,
                new EvaluationProgress(name, "windows", windows.Count).Show,
                cancellation);
        });
        return command;
    }
}
