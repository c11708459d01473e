using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Tests.Diffusion;

namespace Cinnabar.Tests.Latents;

public sealed class LatentStepsTests
{
    private const int Draws = 8000;

    // Of 8,000 draws from the exact distribution, one set in a thousand is farther from it than this (Kolmogorov: 1.95/√n).
    private const double SamplingError = 0.0218;

    private static readonly (double, double, double)[] s_parts = [(0.3, -1.5, 0.2), (0.5, 0.4, 0.5), (0.2, 2, 0.1)];

    public static TheoryData<string, LatentMethod, int> Settings => new()
    {
        { "cosine", LatentMethod.Ddim, 250 },
        { "cosine", LatentMethod.Ddpm, 500 },
        { "cosine", LatentMethod.DpmSolver, 50 },
        { "shifted", LatentMethod.Ddim, 250 },
        { "shifted", LatentMethod.Ddpm, 500 },
        { "shifted", LatentMethod.DpmSolver, 50 },
        { "linear", LatentMethod.Ddim, 250 },
        { "linear", LatentMethod.Ddpm, 500 },
        { "linear", LatentMethod.DpmSolver, 50 },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Draw_Mixture_IsExactWithinSamplingError(string schedule, LatentMethod method, int steps)
    {
        Mixture mixture = new(ScheduleOf(schedule), s_parts);
        Assert.InRange(mixture.DistanceOf(Draw(mixture, schedule, method, steps)), 0, SamplingError);
        Assert.Equal(steps, mixture.Passes);
    }

    [Theory]
    [InlineData(LatentMethod.Ddim)]
    [InlineData(LatentMethod.Ddpm)]
    [InlineData(LatentMethod.DpmSolver)]
    public void Draw_MoreSteps_ComesNearer(LatentMethod method)
    {
        double[] distances = [.. new[] { 5, 20, 100 }.Select(steps =>
        {
            Mixture mixture = new(ScheduleOf("cosine"), s_parts);
            return mixture.DistanceOf(Draw(mixture, "cosine", method, steps));
        })];
        Assert.True(distances[0] > distances[1] && distances[1] > distances[2], string.Join(", ", distances));
    }

    [Theory]
    [MemberData(nameof(Settings))]
    public void Draw_Grammar_SentencesHaveTheirProbabilities(string schedule, LatentMethod method, int steps)
    {
        const int Length = 4;
        const int Sentences = 3000;
        Grammar grammar = new(ScheduleOf(schedule), Length);
        LatentSteps path = new(
            grammar, ScheduleOf(schedule), method, steps / 4, Sentences * grammar.Width, new DeterministicRandom(3));
        float[] latents = path.Finish().ToArray();
        Dictionary<string, double> counts = [];
        foreach (float[] sentence in latents.Chunk(grammar.Width))
        {
            int[] words = Grammar.WordsOf(sentence);
            Assert.True(Grammar.ProbabilityOf(words) > 0, $"The sentence {string.Join(' ', words)} is not of the grammar.");
            string key = string.Join(' ', words);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }

        (double Count, double Probability)[] all = [.. from a in Enumerable.Range(0, 3)
            from b in Enumerable.Range(0, 3)
            from c in Enumerable.Range(0, 3)
            from d in Enumerable.Range(0, 3)
            let probability = Grammar.ProbabilityOf([a, b, c, d])
            where probability > 0
            select (counts.GetValueOrDefault($"{a} {b} {c} {d}"), probability)];
        Assert.Equal(1, all.Sum(sentence => sentence.Probability), 1e-9);
        Assert.True(ChiSquare.Fits([.. all.Select(s => s.Count)], [.. all.Select(s => s.Probability)]));
    }

    [Fact]
    public void Draw_SameSeed_SameLatents()
    {
        foreach (LatentMethod method in Enum.GetValues<LatentMethod>())
        {
            float[] first = Draw(new Mixture(ScheduleOf("cosine"), s_parts), "cosine", method, 10);
            Assert.Equal(first, Draw(new Mixture(ScheduleOf("cosine"), s_parts), "cosine", method, 10));
        }
    }

    [Fact]
    public void Draw_AnyStep_IsGivenTheGuessBefore()
    {
        Remembering network = new();
        LatentSteps path = new(network, ScheduleOf("cosine"), LatentMethod.DpmSolver, 8, 3, new DeterministicRandom(1));
        List<float[]> guesses = [];
        while (!path.IsFinished)
        {
            path.Take();
            guesses.Add(path.Guess.ToArray());
        }

        Assert.Equal(8, network.Before.Count);
        Assert.Equal([0f, 0, 0], network.Before[0]);
        Assert.Equal(network.Given[..^1], network.Before[1..]);
        Assert.Equal(network.Given, guesses);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(100)]
    public void Take_AnyNumberOfSteps_SpendsNoPassOnTheEnd(int steps)
    {
        Remembering network = new();
        new LatentSteps(network, ScheduleOf("cosine"), LatentMethod.Ddim, steps, 3, new DeterministicRandom(1)).Finish();
        Assert.Equal(steps, network.Times.Count);
        for (int i = 0; i < steps; i++)
        {
            Assert.Equal(1 - ((double)i / steps), network.Times[i], 2 * GaussianSchedule.MinimumTime);
        }
    }

    [Fact]
    public void Denoise_Guidance_LeansAwayFromTheFreeGuess()
    {
        float[] clean = new float[2];
        new GuidedLatentDenoiser(new Constant(3), new Constant(1), 2.5).Denoise([0, 0], 0.5, [0, 0], clean);
        Assert.Equal([6f, 6f], clean);
    }

    [Fact]
    public void Constructor_NoSteps_Throws() => Assert.Throws<ArgumentOutOfRangeException>(
        () => new LatentSteps(new Constant(1), GaussianSchedule.Cosine(), LatentMethod.Ddim, 0, 1, new DeterministicRandom(1)));

    private static float[] Draw(Mixture mixture, string schedule, LatentMethod method, int steps) =>
        new LatentSteps(mixture, ScheduleOf(schedule), method, steps, Draws, new DeterministicRandom(7)).Finish().ToArray();

    private static GaussianSchedule ScheduleOf(string name) => name switch
    {
        "cosine" => GaussianSchedule.Cosine(),
        "shifted" => GaussianSchedule.Cosine(0.5),
        _ => GaussianSchedule.Linear(),
    };

    private sealed class Constant(float value) : ILatentDenoiser
    {
        public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean) => clean.Fill(value);
    }

    private sealed class Remembering : ILatentDenoiser
    {
        public List<float[]> Before { get; } = [];

        public List<float[]> Given { get; } = [];

        public List<double> Times { get; } = [];

        public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
        {
            Times.Add(t);
            Before.Add(before.ToArray());
            for (int i = 0; i < clean.Length; i++)
            {
                clean[i] = noisy[i] * Given.Count;
            }

            Given.Add(clean.ToArray());
        }
    }
}
