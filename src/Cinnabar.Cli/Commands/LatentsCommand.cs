// cinnabar latents write | rebuild: models that write through latents.
using System.CommandLine;
using System.Globalization;
using Cinnabar.Evaluation;
using Cinnabar.Latents;
using Cinnabar.Training.Corpora;

namespace Cinnabar.Cli.Commands;

internal static class LatentsCommand
{
    public static Command Create() => new("latents", "Write texts through latents, or look at what latents keep of a text.")
    {
        Write(), Rebuild(),
    };

    private static Option<string> ModelOption() => new("--model", "-m")
    {
        Description = "Name of a model under models/, or path of a model folder.", HelpName = "name or path", Required = true,
    };

    private static Option<bool> RawOption() => new("--raw")
    {
        Description = "Decode latents as they are. [default: their nearest codes, if the model has codes]",
    };

    private static Command Write()
    {
        Argument<string> prompt = new("prompt")
        {
            Description = "How the text begins; - reads standard input. [default: from nothing]", DefaultValueFactory = _ => "",
        };
        Option<string?> suffix = new("--suffix-file") { Description = "Text behind what is written. [default: none]", HelpName = "file" };
        Option<int> tokens = new("--tokens", "-n")
        {
            Description = "Room for what is written, in tokens.", HelpName = "n", DefaultValueFactory = _ => 192,
        };
        Option<int> steps = new("--steps")
        {
            Description = "Passes through the denoiser.", HelpName = "n", DefaultValueFactory = _ => new LatentOptions().Steps,
        };
        Option<string> method = LatentArguments.Method();
        Option<double> guidance = new("--guidance")
        {
            Description = "Weight of classifier-free guidance by the known text; 1: none.", DefaultValueFactory = _ => 1,
        };
        Option<bool> raw = RawOption();
        Option<ulong> seed = new("--seed") { Description = "Decides the noise.", HelpName = "n", DefaultValueFactory = _ => 0 };
        Option<string> model = ModelOption();
        DeviceArguments device = new();
        Command command = new("write", "Write a text, or the middle of one, all latents denoised together.")
        {
            prompt, suffix, tokens, steps, method, guidance, raw, seed, model,
        };
        device.AddTo(command);
        tokens.RequireRange(1, 1 << 20);
        steps.RequireRange(1, LatentArguments.MostSteps);
        command.SetWork((parsed, _) =>
        {
            string given = parsed.GetValue(prompt)!;
            string before = given == InputText.StandardInput ? InputText.Read(given) : given;
            string after = parsed.GetValue(suffix) is string file ? InputText.Read(file) : "";
            LatentTextModel loaded = LatentTextModel.Load(parsed.GetValue(model)!, device.Kernels(parsed));
            LatentResult result = loaded.Write(before, after, parsed.GetValue(tokens), new LatentOptions
            {
                Method = LatentArguments.MethodOf(parsed.GetValue(method)!),
                Steps = parsed.GetValue(steps),
                Guidance = parsed.GetValue(guidance),
                UsesCodes = !parsed.GetValue(raw),
                Seed = parsed.GetValue(seed),
            });
            string text = before + result.Text + after;
            Console.WriteLine(Screen.Detect(plain: false).ResultIsShown ? TerminalText.Safe(text) : text);
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Ids.Count} tokens in {result.Passes} passes, {result.Seconds:F1} s."));
            return 0;
        });
        return command;
    }

    private static Command Rebuild()
    {
        Option<string> corpus = new("--corpus")
        {
            Description = "Folder written by 'cinnabar corpus'.", HelpName = "folder", Required = true,
        };
        Option<string> split = new("--split") { Description = "Which texts.", DefaultValueFactory = _ => HeldOutText.TestSplit };
        Option<int> count = new("--count") { Description = "Windows of text.", HelpName = "n", DefaultValueFactory = _ => 64 };
        Option<double> noise = new("--noise")
        {
            Description = "Deviation of Gaussian noise that is added to the latents.", HelpName = "x", DefaultValueFactory = _ => 0,
        };
        Option<bool> raw = RawOption();
        Option<string> model = ModelOption();
        DeviceArguments device = new();
        Command command = new("rebuild", "Measure which share of held-out tokens comes back from latents, and how many codes are used.")
        {
            corpus, split, count, noise, raw, model,
        };
        device.AddTo(command);
        split.AcceptOnlyFromAmong("train", "validation", "test");
        count.RequireRange(1, 1_000_000);
        noise.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0 and <= 100))
            {
                result.AddError($"Expected --noise to be 0 … 100, found {result.Tokens[0].Value}.");
            }
        });
        command.SetWork((parsed, cancellation) =>
        {
            LatentTextModel loaded = LatentTextModel.Load(parsed.GetValue(model)!, device.Kernels(parsed));
            List<int[]> windows = WindowsOf(parsed.GetValue(corpus)!, parsed.GetValue(split)!, parsed.GetValue(count), loaded);
            LatentRebuilding rebuilding = LatentRebuilding.Measure(
                loaded,
                windows,
                usesCodes: !parsed.GetValue(raw),
                parsed.GetValue(noise),
                new EvaluationProgress("rebuilding", "windows", windows.Count).Show,
                cancellation);
            Console.WriteLine(rebuilding.ToString());
            return 0;
        });
        return command;
    }

    private static List<int[]> WindowsOf(string corpus, string split, int count, LatentTextModel model)
    {
        TokenDataset data = TokenDataset.Open(corpus, split);
        int length = model.Config.MaxSequenceLength;
        return data.VocabularySize == model.Tokenizer.VocabularySize && data.TokenCount >= length
            ? data.Windows(length, count)
            : throw new CinnabarException(
                $"{corpus}: expected at least {length} {split} tokens in the model's vocabulary of {model.Tokenizer.VocabularySize}, "
                + $"found {data.TokenCount} of a vocabulary of {data.VocabularySize}.",
                "Use the corpus that the model was trained on.");
    }
}
