// cinnabar score FILE: the likelihood of a text in bits per byte: the bound with its standard error, or exact if the model is
// autoregressive.
//
// The text is cut into windows of the model's context, each scored by itself (so the first tokens of a window have no text before them,
// and the figure is a little higher than with a sliding window). Figures of windows add; their standard errors are independent and add
// in squares.
using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Cinnabar.Diffusion;

namespace Cinnabar.Cli.Commands;

internal static class ScoreCommand
{
    private const int DefaultSamples = 32;
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(5);

    public static Command Create()
    {
        Argument<string> file = new("file") { Description = "Text file in UTF-8; - is standard input." };
        Option<int> samples = new("--samples")
        {
            Description = "Passes through the network per window of text; more makes the standard error smaller. An exact score takes one.",
            HelpName = "n",
            DefaultValueFactory = _ => DefaultSamples,
        };
        Option<ulong> seed = new("--seed") { Description = "Start of the random masks.", HelpName = "n", DefaultValueFactory = _ => 0 };
        Option<bool> json = new("--json") { Description = "Print one JSON object. [default: a line for people]" };
        Command command = new("score", "Measure how well a model predicts a text: bits per byte, an upper bound or exact.")
        {
            file, samples, seed, json,
        };
        samples.RequireRange(1, 1_000_000);
        ModelArguments arguments = new ModelArguments().AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            string text = InputText.Read(parsed.GetValue(file)!);
            DiffusionModel model = arguments.Load(parsed, cancellation);
            Score score = Measure(model, text, parsed.GetValue(samples), parsed.GetValue(seed), cancellation);
            Print(score, model, parsed.GetValue(json));
            return 0;
        });
        return command;
    }

    /// <summary>Scores a text.</summary>
    /// <exception cref="CinnabarException">It is empty.</exception>
    internal static Score Measure(DiffusionModel model, string text, int samples, ulong seed, CancellationToken cancellation)
    {
        int[] ids = model.Tokenizer.Encode(text);
        if (ids.Length == 0)
        {
            throw new CinnabarException("Expected a text of at least one byte, found an empty one.", "Give some text.");
        }

        bool exact = model.Config.IsAutoregressive;
        AutoregressiveLikelihood likelihood = new(model.Denoiser, model.Kernels);
        LikelihoodBound bound = new(model.Denoiser, model.Kernels);
        DeterministicRandom random = new(seed);
        int length = model.Config.MaxSequenceLength;
        int windows = (ids.Length + length - 1) / length;
        double nats = 0;
        double variance = 0;
        Stopwatch time = Stopwatch.StartNew();
        TimeSpan told = s_quiet - s_interval;
        for (int w = 0; w < windows; w++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] window = ids[(w * length)..Math.Min(ids.Length, (w + 1) * length)];
            LikelihoodEstimate estimate = exact
                ? new LikelihoodEstimate(likelihood.Nats(window), StandardError: 0)
                : LikelihoodEstimate.MeanOf([.. bound.Samples(window, samples, random.Fork((ulong)w)).Select(Checked)]);
            nats += estimate.Nats;
            variance += estimate.StandardError * estimate.StandardError;
            if (time.Elapsed - told > s_interval && w < windows - 1)
            {
                told = time.Elapsed;
                double left = (windows - w - 1) * time.Elapsed.TotalSeconds / (w + 1);
                Console.Error.WriteLine($"{w + 1} of {windows} windows, about {left:F0} s left");
            }
        }

        // Asked after each pass.
        double Checked(double sample)
        {
            cancellation.ThrowIfCancellationRequested();
            return sample;
        }

        long bytes = Encoding.UTF8.GetByteCount(text);
        LikelihoodEstimate perByte = new LikelihoodEstimate(nats, Math.Sqrt(variance)).BitsPer(bytes);
        return new Score(exact, perByte, bytes, ids.Length, windows, exact ? 1 : samples, seed, time.Elapsed);
    }

    private static void Print(Score score, DiffusionModel model, bool asJson)
    {
        if (!asJson)
        {
            string error = score.Exact || score.Samples == 1 ? "" : $" ± {score.BitsPerByte.StandardError:F4}"; // one sample shows none
            string kind = score.Exact ? ", exact" : "";
            string passes = score.Exact ? "" : $" × {score.Samples} samples";
            Console.WriteLine(
                $"{score.BitsPerByte.Nats:F4}{error} bits per byte{kind} "
                + $"({score.Bytes} bytes, {score.Tokens} tokens, {score.Windows} windows{passes}, model {model.Name})");
            return;
        }

        ResultWriter.WriteJson(json =>
        {
            json.WriteBoolean("exact", score.Exact);
            json.WriteNumber("bits_per_byte", score.BitsPerByte.Nats);
            json.WriteNumber("standard_error", score.BitsPerByte.StandardError);
            json.WriteNumber("bytes", score.Bytes);
            json.WriteNumber("tokens", score.Tokens);
            json.WriteNumber("windows", score.Windows);
            json.WriteNumber("samples", score.Samples);
            json.WriteNumber("forward_passes", (long)score.Windows * score.Samples);
            json.WriteNumber("seconds", Math.Round(score.Elapsed.TotalSeconds, 4));
            json.WriteNumber("seed", score.Seed);
            json.WriteString("model", model.Name);
        });
    }

    // BitsPerByte holds bits, not nats.
    internal sealed record Score(
        bool Exact, LikelihoodEstimate BitsPerByte, long Bytes, int Tokens, int Windows, int Samples, ulong Seed, TimeSpan Elapsed);
}
