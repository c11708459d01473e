using Cinnabar.Checkpoints;
using Cinnabar.Checkpoints.Families;
using Cinnabar.Diffusion;
using Cinnabar.Latents;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests;

public sealed class LatentTrainingTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    private static readonly LatentDenoiserShape s_denoiser = new()
    {
        HiddenSize = 16, NumAttentionHeads = 2, IntermediateSize = 24, Layers = [1, 1],
    };

    private static readonly LatentShape s_shape = new()
    {
        Downsampling = 4, Size = 8, CodebookGroups = 2, CodebookSize = 16, TokenLayers = 1,
    };

    [Theory]
    [InlineData(false, 16)]
    [InlineData(true, 16)]
    [InlineData(false, 0)]
    public void Autoencoder_InterruptedAndResumed_IsTheSameRun(bool isCausal, int codes)
    {
        TrainingOptions whole = Autoencoder(runs.NewFolder(), s_shape with { HasCausalDecoder = isCausal, CodebookSize = codes });
        List<TrainingProgress> steps = TrainingRuns.Train(whole);
        TrainingOptions parts = whole with { Output = runs.NewFolder() };
        TrainingRuns.Train(parts, stopAfter: 4);
        TrainingRuns.Train(parts, threads: 3, resume: true);
        TrainingRuns.AssertSameResult(whole.Output, parts.Output);
        Assert.True(steps[^1].SmoothedLoss < steps[0].Loss);
        Assert.True(steps[^1].HeldOutBitsPerByte > 0);
    }

    [Fact]
    public void Autoencoder_TrainedLonger_LearnsToRebuildText()
    {
        TrainingOptions options = Autoencoder(runs.NewFolder(), s_shape with { CodebookGroups = 4, Size = 16 });
        options.LatentNoise = 0;
        options = options with { Steps = 150, EvaluateEvery = 150, DecaySteps = 30, CheckpointEvery = 150, EmaDecay = 0.9 };
        List<TrainingProgress> steps = TrainingRuns.Train(options);
        Assert.True(steps[^1].SmoothedLoss < 0.75 * steps[0].Loss, $"From {steps[0].Loss} to {steps[^1].SmoothedLoss}.");
    }

    [Fact]
    public void LatentDiffusion_WithEverySwitch_IsTheSameRunInPartsAndKeepsTheAutoencoder()
    {
        string autoencoder = TrainedAutoencoder();
        TrainingOptions whole = Denoiser(runs.NewFolder(), autoencoder) with
        {
            NoiseCurriculum = TrainingOptions.LowNoiseFirst, TokenWeight = 0.1, AdversarialWeight = 0.1,
        };
        TrainingRuns.Train(whole);
        TrainingOptions parts = whole with { Output = runs.NewFolder() };
        TrainingRuns.Train(parts, threads: 3, stopAfter: 5);
        TrainingRuns.Train(parts, resume: true);
        TrainingRuns.AssertSameResult(whole.Output, parts.Output);

        using Trainer trainer = new(parts, KernelTable.Create(1, KernelForm.Vector), resume: true);
        string path = Path.Combine(parts.Output, "model");
        trainer.Export(path, "card");
        ModelFolder exported = ModelFolder.Open(path);
        ModelFolder before = ModelFolder.Open(autoencoder);
        Assert.Equal(LatentWeights.Expected(parts.ModelConfig).Select(w => w.Name).Order(), exported.Tensors.Keys.Order());
        foreach ((string name, Tensor tensor) in before.Tensors)
        {
            Assert.True(tensor.Bytes.SequenceEqual(exported.Tensors[name].Bytes), name);
        }
    }

    [Fact]
    public void NoisyLatents_WhatIsKnown_IsCleanForTheDecoderToo()
    {
        const int Size = 2;
        float[] clean = [1, 2, 3, 4, 5, 6, 7, 8];
        bool[] known = [true, false, false, true];
        NoisyLatents latents = NoisyLatents.Draw(clean, known, [0.4, 0.7], GaussianSchedule.Cosine(), new DeterministicRandom(3));
        float[] velocity = [.. Enumerable.Range(0, clean.Length).Select(i => 0.3f * i)];
        float[] cleaned = [.. velocity.Select((v, i) => (latents.NegativeNoise[i / Size] * v) + latents.ScaledNoisy[i])];
        Assert.Equal(latents.CleanOf(velocity), cleaned, (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Equal([1f, 2, 7, 8], [cleaned[0], cleaned[1], cleaned[6], cleaned[7]]);
    }

    [Theory]
    [InlineData(0, 1, "in.", "known.", "time.gate", "down.0", "skip.0", "out.", "blocks.0.time", "blocks.1.up_proj")]
    [InlineData(20, 10, "in.", "down.0", "skip.0", "out.")] // the discriminator's opinion has its full weight in the last of ten steps
    public void LatentDiffusion_Gradient_IsThatOfItsLoss(double adversarialWeight, int step, params string[] parts)
    {
        // Along one direction of one tensor of each kind: (loss(w + δ) − loss(w − δ)) / 2δ, the same data and noise on both sides.
        string autoencoder = TrainedAutoencoder();
        TrainingOptions options = Denoiser(runs.NewFolder(), autoencoder) with
        {
            TokenWeight = 0.3, AdversarialWeight = adversarialWeight, SelfConditioningShare = 0, Precision = "f32",
        };
        KernelTable kernels = KernelTable.Create(1, KernelForm.Reference);
        TrainingCheckpoint state = TrainingCheckpoint.Start(FirstWeights.Of(options));
        SequenceSource source = SequenceSource.Create(options, TokenDataset.Open(runs.Corpus, "train"), runs.Tokenizer);
        LatentDiffusionTraining network = new(options, state, source, kernels);
        foreach (Parameter parameter in network.Parameters)
        {
            parameter.ZeroGradient();
        }

        network.AddGradients(step);
        Dictionary<string, float[]> gradients = network.Parameters.ToDictionary(p => p.Name, p => p.Gradient!.Floats.ToArray());
        foreach (string part in parts)
        {
            Parameter parameter = network.Parameters.First(p => p.Name.Contains("transformer." + part, StringComparison.Ordinal));
            float[] gradient = gradients[parameter.Name];
            double length = Math.Sqrt(gradient.Sum(g => (double)g * g));
            Assert.True(length > 1e-7, parameter.Name);
            double slope = (LossAt(parameter, gradient, 1e-2 / length) - LossAt(parameter, gradient, -1e-2 / length)) / 2e-2;
            Assert.Equal(1, slope / length, 2e-2);
        }

        double LossAt(Parameter parameter, float[] direction, double distance)
        {
            float[] kept = parameter.Value.Floats.ToArray();
            for (int i = 0; i < kept.Length; i++)
            {
                parameter.Value.Floats[i] += (float)(distance * direction[i]);
            }

            double loss = network.AddGradients(step).Loss;
            kept.CopyTo(parameter.Value.Floats);
            return loss;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Write_BetweenTwoTexts_IsTheSameForAnyThreadsAndHeedsTheOptions(bool isCausal)
    {
        string autoencoder = TrainedAutoencoder(s_shape with { HasCausalDecoder = isCausal });
        TrainingOptions options = Denoiser(runs.NewFolder(), autoencoder, isCausal);
        options.Steps = 4;
        string path = Trained(options);
        DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(1, KernelForm.Vector));
        SamplerOptions steps = model.DefaultOptions with { Steps = 4 };
        GenerationResult one = model.Infill("int a<fill:12>}", steps);
        GenerationResult three = DiffusionModel.Load(path, KernelTable.Create(3, KernelForm.Vector)).Infill("int a<fill:12>}", steps);
        Assert.Equal(one.TokenIds, three.TokenIds);
        Assert.Equal(4, one.ForwardPasses);
        Assert.Equal(8, model.Infill("int a<fill:12>}", steps with { CfgScale = 1 }).ForwardPasses);
        Assert.Equal(25, model.Generate("int a", model.DefaultOptions with { MaxNewTokens = 12 }).ForwardPasses);
        Assert.StartsWith("int a", one.Text, StringComparison.Ordinal);
        Assert.EndsWith("}", one.Text, StringComparison.Ordinal);
        Assert.InRange(one.Holes[0].TokenIds.Count, 0, 12);
        Assert.Contains(
            Enumerable.Range(1, 8),
            seed => model.Infill("int a<fill:12>}", steps with { Seed = (ulong)seed }).Text != one.Text);
    }

    [Fact]
    public void Rebuild_WithCodes_TellsEachLatentsCodes()
    {
        DiffusionModel model = DiffusionModel.Load(TrainedAutoencoder(), KernelTable.Create(1, KernelForm.Vector));
        LatentTextDenoiser network = Assert.IsType<LatentTextDenoiser>(model.Denoiser);
        int[] ids = [.. Enumerable.Range(10, 32)];
        (int[] rebuilt, int[] codes) = network.Rebuild(ids);
        Assert.Equal(ids.Length, rebuilt.Length);
        Assert.Equal(ids.Length / s_shape.Downsampling * s_shape.CodebookGroups, codes.Length);
        Assert.All(codes, code => Assert.InRange(code, 0, s_shape.CodebookSize - 1));
        Assert.Empty(network.Rebuild(ids, raw: true).Codes);
        Assert.False(network.CanWrite);
        string message = Assert.Throws<CinnabarException>(() => model.Generate("")).Message;
        Assert.Contains("denoiser", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nearest_OfEachPart_IsTheCodeAtTheLeastDistance()
    {
        Tensor book = Tensor.From([0, 0, 1, 0, 0, 1, /* second part */ 2, 2, -1, 0, 0, 3], 6, 2);
        LatentShape shape = s_shape with { Size = 4, CodebookGroups = 2, CodebookSize = 3 };
        VectorQuantizer quantizer = new(shape, book, KernelTable.Create(1, KernelForm.Vector));
        Tensor latents = Tensor.From([0.9f, 0.3f, -2, 1, 0.2f, 0.9f, 0.5f, 2.9f], 2, 4);
        int[] codes = quantizer.Nearest(latents);
        Assert.Equal([1, 1, 2, 2], codes);
        quantizer.Lookup(codes, latents);
        Assert.Equal([1, 0, -1, 0, 0, 1, 0, 3], latents.Floats.ToArray());
    }

    [Fact]
    public void Discriminator_Gradient_IsThatOfHingesAndPenalty()
    {
        TrainingOptions options = Denoiser(runs.NewFolder(), TrainedAutoencoder()) with { AdversarialWeight = 1 };
        KernelTable kernels = KernelTable.Create(1, KernelForm.Reference);
        TrainingCheckpoint state = TrainingCheckpoint.Start(FirstWeights.Of(options));
        Tape tape = new(kernels, recording: true, MatMulPrecision.F32);
        AdversarialLoss loss = new(options, state, tape);
        const int Batch = 2;
        float[] real = Drawn(1);
        float[] guessed = Drawn(2);
        DeterministicRandom noise = new(3);
        float[] nudged = [.. real.Select(x => (float)(x + (0.1 * noise.NextGaussian())))];

        // Scores of about ±1, so that the hinges bend in between.
        foreach (ref float weight in loss.Parameters[^1].Value.Floats)
        {
            weight *= 12;
        }

        NoisyLatents noisy = NoisyLatents.Draw(
            real, new bool[real.Length / s_shape.Size], [0.2, 0.6], GaussianSchedule.Cosine(), new DeterministicRandom(4));
        loss.Accumulate(
            tape.Input(guessed, real.Length / s_shape.Size, s_shape.Size), real, noisy, Batch, step: 1, new DeterministicRandom(3));
        tape.Reset();
        loss.AddOwnGradients();
        Parameter parameter = loss.Parameters.First(p => p.Name.Contains("blocks.0.up_proj", StringComparison.Ordinal));
        float[] gradient = parameter.Gradient!.Floats.ToArray();
        LatentDiscriminator network = new(options.ModelConfig, state.Weights);
        double length = Math.Sqrt(gradient.Sum(g => (double)g * g));
        double slope = (At(0.01 / length) - At(-0.01 / length)) / 0.02;
        Assert.True(length > 1e-4);
        Assert.Equal(1, slope / length, 2e-2);

        float[] Drawn(ulong seed)
        {
            DeterministicRandom random = new(seed);
            return [.. Enumerable.Range(0, Batch * 8 * s_shape.Size).Select(_ => (float)random.NextGaussian())];
        }

        // Each pass has half of the step's four sequences.
        double At(double distance)
        {
            float[] kept = parameter.Value.Floats.ToArray();
            for (int i = 0; i < kept.Length; i++)
            {
                parameter.Value.Floats[i] += (float)(distance * gradient[i]);
            }

            (float[] ofReal, float[] ofNudged, float[] ofGuessed) = (Scores(real), Scores(nudged), Scores(guessed));
            kept.CopyTo(parameter.Value.Floats);
            return 0.5 * (ofReal.Average(d => Math.Max(0, 1 - d)) + ofGuessed.Average(d => Math.Max(0, 1 + d))
                + (10 * ofReal.Zip(ofNudged).Average(pair => Math.Pow(pair.First - pair.Second, 2))));
        }

        float[] Scores(float[] latents)
        {
            float[] scores = network.Scores(tape, tape.Input(latents, latents.Length / s_shape.Size, s_shape.Size), Batch)
                .Value.Floats.ToArray();
            tape.Reset();
            return scores;
        }
    }

    [Fact]
    public void PlainWindows_ManyDraws_HalfBeginWithADocument()
    {
        TrainingOptions options = Autoencoder("nowhere", s_shape) with { BatchSize = 400, MicroBatchSize = 400, SequenceLength = 16 };
        SequenceSource source = SequenceSource.Create(options, TokenDataset.Open(runs.Corpus, "train"), runs.Tokenizer);
        SequenceBatch batch = source.Draw(1, new DeterministicRandom(1)).Batches[0];
        int begins = batch.Ids.Chunk(16).Count(window => window[0] == runs.Tokenizer.BeginOfTextTokenId);
        Assert.InRange(begins, 160, 240);
        Assert.All(batch.Wanted, Assert.True);
    }

    [Theory]
    [InlineData("autoencoder", true, "without \"denoiser\"")]
    [InlineData("latent_diffusion", false, "with \"denoiser\"")]
    [InlineData("masked_diffusion", false, "a model without \"latents\"")]
    public void Validate_ObjectiveAndModelThatDoNotFit_SayWhatWasExpected(string objective, bool hasDenoiser, string expected)
    {
        TrainingOptions options = runs.Options("nowhere", Config(s_shape with { Denoiser = hasDenoiser ? s_denoiser : null }));
        options.Objective = objective;
        Assert.Contains(expected, Assert.Throws<CinnabarException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"size\":8", "\"size\":9", "codebook_groups")]
    [InlineData("\"downsampling\":4", "\"downsampling\":5", "multiple of 5 tokens")]
    [InlineData("\"token_layers\":1", "\"token_layers\":3", "token_layers")]
    [InlineData("\"decoder\":\"parallel\"", "\"decoder\":\"backwards\"", "decoder")]
    public void Config_WrongShape_NamesTheKey(string good, string bad, string expected)
    {
        string json = System.Text.Encoding.UTF8.GetString(Config(s_shape).ToJson());
        Assert.Contains(good, json, StringComparison.Ordinal);
        byte[] wrong = System.Text.Encoding.UTF8.GetBytes(json.Replace(good, bad, StringComparison.Ordinal));
        Assert.Contains(
            expected, Assert.Throws<CinnabarException>(() => ModelConfig.Parse("config.json", wrong)).Message, StringComparison.Ordinal);
    }

    private string TrainedAutoencoder(LatentShape? shape = null) => Trained(Autoencoder(runs.NewFolder(), shape ?? s_shape));

    private static string Trained(TrainingOptions options)
    {
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        trainer.Run(_ => { }, CancellationToken.None);
        trainer.Export(trainer.ModelPath, ModelCard.Write(options, trainer.Mark));
        return trainer.ModelPath;
    }

    private TrainingOptions Autoencoder(string output, LatentShape shape)
    {
        TrainingOptions options = runs.Options(output, Config(shape));
        options.Objective = TrainingObjective.Autoencoder;
        options.LatentNoise = 0.05;
        return options;
    }

    private TrainingOptions Denoiser(string output, string autoencoder, bool isCausal = false)
    {
        TrainingOptions options = runs.Options(output, Config(s_shape with { Denoiser = s_denoiser, HasCausalDecoder = isCausal }));
        options.Objective = TrainingObjective.LatentDiffusion;
        options.InitialModel = autoencoder;
        return options;
    }

    private ModelConfig Config(LatentShape shape)
    {
        ModelConfig plain = runs.Config with { NumHiddenLayers = 4, Family = new LatentFamily(), Latents = shape };
        return ModelConfig.Parse("config.json", plain.ToJson());
    }
}
