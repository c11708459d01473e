// Do constrained texts satisfy their constraints, and what does it cost?
//
//   for each made-up constraint: compile it, lift it to the tokens of the model (both timed), a canvas of 64 … 128
//   tokens, or as many as asked for
//     for each temperature: a text under the constraint, checked by other code; the same canvas, seed and options without it
//
// A constraint whose automaton would be too large is refused; another is made up in its place, and the refusals are counted.
//
// A text may end before the canvas is full, and then takes fewer passes. Time is compared over the passes that both took: the first n
// steps, n the fewer of the two. Each pair is one ratio, and which of the two goes first changes from pair to pair.
using System.Diagnostics;
using Cinnabar.Constraints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Evaluation.Constrained;

/// <summary>Evaluates a model under made-up constraints; not thread-safe.</summary>
/// <param name="model">A model whose noise is the mask token.</param>
/// <param name="options">How to sample; temperature and seed are set for each text.</param>
/// <param name="tokens">Positions of each canvas; null: 64 … 128, at random.</param>
public sealed class ConstraintEvaluation(DiffusionModel model, SamplerOptions options, int? tokens = null)
{
    private const string Prompt = "var value = ";
    private const int ShortestCanvas = 64;
    private const int LongestCanvas = 128;
    private static readonly double[] s_temperatures = [0, 0.7, 1.5];

    private readonly List<InvalidText> _invalid = [];

    /// <summary>Texts that do not satisfy their constraint.</summary>
    public IReadOnlyList<InvalidText> Invalid => _invalid;

    /// <summary>Evaluates constraints of both kinds.</summary>
    /// <param name="count">How many of each kind.</param>
    /// <param name="seed">Start of the random numbers.</param>
    /// <param name="done">Told the number of constraints done.</param>
    /// <param name="cancellation">Looked at before every pass.</param>
    /// <returns>A result for each kind and temperature, and for each kind what preparing took.</returns>
    /// <exception cref="CinnabarException">The noise of the model is uniform, or an option is out of range.</exception>
    public (IReadOnlyList<ConstraintResult> Results, IReadOnlyList<ConstraintPreparation> Preparation) Run(
        int count, ulong seed, Action<int>? done = null, CancellationToken cancellation = default)
    {
        model.Denoiser.RequireMask("comparing texts at several temperatures");
        List<ConstraintResult> results = [];
        List<ConstraintPreparation> preparation = [];
        ConstraintKind[] kinds = [ConstraintKind.Regex, ConstraintKind.JsonSchema];
        for (int i = 0; i < kinds.Length; i++)
        {
            int before = i * count;
            OfKind of = new(kinds[i]);
            DeterministicRandom random = new DeterministicRandom(seed).Fork((ulong)kinds[i]);
            ConstraintSampler sampler = new(random);
            for (int number = 0; number < count; number++)
            {
                cancellation.ThrowIfCancellationRequested();
                SampledConstraint sampled = kinds[i] == ConstraintKind.Regex ? sampler.NextRegex() : sampler.NextSchema();
                int length = tokens ?? ShortestCanvas + random.NextInt(LongestCanvas - ShortestCanvas + 1);
                if (Prepare(of, sampled, length) is not Constraint constraint)
                {
                    number--;
                    continue;
                }

                Evaluate(of, sampled, constraint, length, seed + (ulong)number, constrainedFirst: number % 2 == 0, cancellation);
                done?.Invoke(before + number + 1);
            }

            results.AddRange(of.Results());
            preparation.Add(of.Preparation());
        }

        return (results, preparation);
    }

    // Compiles and lifts a constraint, both timed; null: it is refused.
    private Constraint? Prepare(OfKind of, SampledConstraint sampled, int length)
    {
        TextCanvas canvas = model.CanvasFor(Prompt, length);
        Stopwatch time = Stopwatch.StartNew();
        try
        {
            Constraint constraint = sampled.Compile();
            double compiled = time.Elapsed.TotalSeconds;
            canvas.Constrain(hole: 0, constraint);
            of.Compile.Add(compiled);
            of.Lift.Add(time.Elapsed.TotalSeconds - compiled);
            return constraint;
        }
        catch (CinnabarException refusal) when (refusal.IsTooLarge)
        {
            of.Refused++;
            return null;
        }
    }

    private void Evaluate(
        OfKind of,
        SampledConstraint sampled,
        Constraint constraint,
        int length,
        ulong seed,
        bool constrainedFirst,
        CancellationToken cancellation)
    {
        foreach (double temperature in s_temperatures)
        {
            Texts texts = of.At(temperature);
            SamplerOptions how = options with { MaxNewTokens = length, Temperature = temperature, Seed = seed };
            Timed free = constrainedFirst ? default : Write(how, constraint: null, cancellation);
            Timed bound;
            try
            {
                bound = Write(how, constraint, cancellation);
            }
            catch (CinnabarException none) when (none.Message.Contains("room for a text", StringComparison.Ordinal))
            {
                texts.TooLong++;
                continue;
            }

            free = constrainedFirst ? Write(how, constraint: null, cancellation) : free;
            texts.Add(bound, free);
            if (sampled.Holds(bound.Text))
            {
                texts.Valid++;
            }
            else
            {
                _invalid.Add(new InvalidText(sampled, temperature, seed, bound.Text));
            }
        }
    }

    private Timed Write(SamplerOptions how, Constraint? constraint, CancellationToken cancellation)
    {
        List<double> steps = [];
        Stopwatch time = Stopwatch.StartNew();
        GenerationResult result = model.Generate(Prompt, how, _ => steps.Add(time.Elapsed.TotalSeconds), cancellation, constraint);
        return new Timed(result.Holes[0].Text, time.Elapsed.TotalSeconds, steps);
    }

    private static double Median(List<double> values) => values.Count == 0 ? 0 : MatMulBenchmark.Median(values);

    /// <summary>A text with the time until the end of each of its steps.</summary>
    private readonly record struct Timed(string Text, double Seconds, List<double> Steps);

    private sealed class OfKind(ConstraintKind kind)
    {
        private readonly SortedDictionary<double, Texts> _texts = [];

        public List<double> Compile { get; } = [];

        public List<double> Lift { get; } = [];

        public int Refused { get; set; }

        public Texts At(double temperature) =>
            _texts.TryGetValue(temperature, out Texts? texts) ? texts : _texts[temperature] = new Texts();

        public IEnumerable<ConstraintResult> Results() => _texts.Select(each => each.Value.Result(kind, each.Key));

        public ConstraintPreparation Preparation() =>
            new(kind, Compile.Count, Refused, Median(Compile), Compile.DefaultIfEmpty().Max(), Median(Lift), Lift.DefaultIfEmpty().Max());
    }

    private sealed class Texts
    {
        private readonly List<double> _seconds = [];
        private readonly List<double> _freeSeconds = [];
        private readonly List<double> _ratios = [];

        public int Valid { get; set; }

        public int TooLong { get; set; }

        public void Add(Timed bound, Timed free)
        {
            _seconds.Add(bound.Seconds);
            _freeSeconds.Add(free.Seconds);
            int steps = Math.Min(bound.Steps.Count, free.Steps.Count);
            _ratios.Add(bound.Steps[steps - 1] / free.Steps[steps - 1]);
        }

        public ConstraintResult Result(ConstraintKind kind, double temperature) => new(
            kind, temperature, Valid, _seconds.Count, TooLong, Median(_seconds), Median(_freeSeconds), Median(_ratios) - 1);
    }
}
