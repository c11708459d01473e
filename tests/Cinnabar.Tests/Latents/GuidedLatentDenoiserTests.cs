using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models;

namespace Cinnabar.Tests.Latents;

/// <summary>Guidance beside latents that are known, and what the network is told of those.</summary>
public sealed class GuidedLatentDenoiserTests
{
    private const int Size = 2;
    private const int Count = 4 * Size;
    private static readonly bool[] s_known = [true, false, false, true];
    private static readonly GaussianSchedule s_schedule = GaussianSchedule.Cosine();

    [Fact]
    public void Denoise_LatentThatIsKnown_IsThatOfTheFreeNetwork()
    {
        bool[] known = [true, false];
        float[] clean = new float[4];
        new GuidedLatentDenoiser(new Telling(3), new Telling(1), 2, known, size: 2).Denoise([0, 0, 0, 0], 0.5, [0, 0, 0, 0], clean);
        Assert.Equal([1f, 1, 5, 5], clean);
    }

    [Theory]
    [InlineData(LatentMethod.Ddim)]
    [InlineData(LatentMethod.Ddpm)]
    [InlineData(LatentMethod.DpmSolver)]
    public void Steps_FreeNetworkThatKnowsNothing_AreMovedByTheWeightExactly(LatentMethod method)
    {
        // u is 1 everywhere, c is 3; of known latents the condition says something else, which must go nowhere.
        foreach (float told in (float[])[100, -7])
        {
            LatentSteps steps = new(
                new GuidedLatentDenoiser(new Telling(3, told), new Telling(1), 2.5, s_known, Size),
                s_schedule,
                method,
                steps: 6,
                Count,
                new DeterministicRandom(5));
            while (!steps.IsFinished)
            {
                steps.Take();
                for (int i = 0; i < Count; i++)
                {
                    Assert.Equal(s_known[i / Size] ? 1f : 1 + (2.5f * (3 - 1)), steps.Guess[i]);
                }
            }
        }
    }

    [Theory]
    [InlineData(LatentMethod.Ddim)]
    [InlineData(LatentMethod.Ddpm)]
    [InlineData(LatentMethod.DpmSolver)]
    public void Steps_FreeNetwork_IsGivenNothingOfTheCondition(LatentMethod method)
    {
        // c tells of the condition in every latent.
        Telling[] free = [new(1), new(1)];
        float[] told = [100, -7];
        for (int run = 0; run < 2; run++)
        {
            new LatentSteps(
                new GuidedLatentDenoiser(new Telling(told[run], told[run]), free[run], 2, s_known, Size),
                s_schedule,
                method,
                steps: 5,
                Count,
                new DeterministicRandom(5)).Finish();
        }

        Assert.Equal(5, free[0].Noisy.Count);
        Assert.Equal(new float[Count], free[0].Before[0]);
        for (int step = 0; step < 5; step++)
        {
            // x̂ of the step before is its own, and the noise of known latents is what its own guesses made of it.
            Assert.Equal(step == 0 ? new float[Count] : free[0].Given[step - 1], free[0].Before[step]);
            Assert.Equal(free[0].Before[step], free[1].Before[step]);
            Assert.Equal(Known(free[0].Noisy[step]), Known(free[1].Noisy[step]));
        }

        Assert.NotEqual(free[0].Noisy[4], free[1].Noisy[4]); // where nothing is known, guidance has its way

        static float[] Known(float[] latents) => [.. latents.Where((_, i) => s_known[i / Size])];
    }

    [Fact]
    public void Denoise_FirstStepOfAnotherPath_ForgetsTheOneBefore()
    {
        Telling free = new(4);
        GuidedLatentDenoiser guided = new(new Telling(3), free, 2);
        float[] clean = new float[2];
        foreach (float[] before in (float[][])[[0, 0], [1, 1], [0, 0]])
        {
            guided.Denoise([0, 0], 0.5, before, clean);
        }

        Assert.Equal([[0f, 0], [4, 4], [0, 0]], free.Before);
    }

    [Fact]
    public void Denoise_KnownLatents_ReplaceThoseOfTheStepBeforeAsInTraining()
    {
        ModelConfig config = TinyModelFolder.WithLatents(TinyNetwork.Config);
        Dictionary<string, Tensor> weights = InitialWeights.Draw(LatentWeights.OfDenoiser(config), layers: 1, seed: 3);
        foreach (Tensor tensor in weights.Values.Where(tensor => tensor.Shape.Length > 1))
        {
            foreach (ref float value in tensor.Floats)
            {
                value *= 20; // so that everything matters
            }
        }

        LatentUNet network = new(config, weights);
        KernelTable kernels = KernelTable.Create(threads: 1);
        int size = network.Size;
        float[] noisy = Drawn(1);
        float[] clean = Drawn(2);
        LatentDenoiser denoiser = new(network, s_schedule, kernels, batch: 1, s_known, clean, MatMulPrecision.F32);
        float[] before = Drawn(3);
        float[] asTrained = WithKnown(before);
        Assert.NotEqual(Guess(before), Guess(asTrained));
        Assert.Equal(Guess(asTrained), Denoised(before));

        // In the first step nothing was guessed, of known latents neither.
        float[] zeros = new float[before.Length];
        Assert.NotEqual(Guess(zeros), Guess(WithKnown(zeros)));
        Assert.Equal(Guess(zeros), Denoised(zeros));

        float[] Drawn(ulong seed)
        {
            DeterministicRandom random = new(seed);
            return [.. Enumerable.Range(0, s_known.Length * size).Select(_ => (float)random.NextGaussian())];
        }

        float[] WithKnown(float[] latents) => [.. latents.Select((value, i) => s_known[i / size] ? clean[i] : value)];

        float[] Denoised(float[] given)
        {
            float[] cleaned = new float[given.Length];
            denoiser.Denoise(noisy, 0.4, given, cleaned);
            return cleaned;
        }

        // The same from the network itself.
        float[] Guess(float[] given)
        {
            Tape tape = new(kernels, recording: false, MatMulPrecision.F32);
            float[] guessed = new float[given.Length];
            Tensor velocity = network.Velocity(tape, WithKnown(noisy), given, s_known, [0.4]).Value;
            LatentTargets.Clean(s_schedule, 0.4, noisy, velocity.Floats, guessed);
            return WithKnown(guessed);
        }
    }

    /// <summary>Says one number everywhere, or another where something is known, and remembers what it was given.</summary>
    private sealed class Telling(float value, float? ofKnown = null) : ILatentDenoiser
    {
        public List<float[]> Noisy { get; } = [];

        public List<float[]> Before { get; } = [];

        public List<float[]> Given { get; } = [];

        public void Denoise(ReadOnlySpan<float> noisy, double t, ReadOnlySpan<float> before, Span<float> clean)
        {
            Noisy.Add(noisy.ToArray());
            Before.Add(before.ToArray());
            for (int i = 0; i < clean.Length; i++)
            {
                clean[i] = ofKnown is float known && s_known[i / Size] ? known : value;
            }

            Given.Add(clean.ToArray());
        }
    }
}
