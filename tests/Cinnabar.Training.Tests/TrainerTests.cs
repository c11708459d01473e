using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;

namespace Cinnabar.Training.Tests;

public sealed class TrainerTests(TrainingRuns runs) : IClassFixture<TrainingRuns>
{
    [Fact]
    public void Run_ThirtySteps_LowersTheLoss()
    {
        TrainingOptions options = runs.Options(runs.NewFolder()) with
        {
            Steps = 30,
            BatchSize = 8,
            MicroBatchSize = 4,
            EvaluateEvery = 29,
            CheckpointEvery = 30,
            InfillShare = 0,
            ContinuationShare = 0,
        };
        List<TrainingProgress> steps = TrainingRuns.Train(options);
        Assert.Equal(Enumerable.Range(1, 30), steps.Select(step => step.Step));
        double first = steps[..5].Average(step => step.Loss);
        double last = steps[^10..].Average(step => step.Loss);
        Assert.True(last < first - 0.5, $"The loss went from {first} to {last}.");
        Assert.Equal([29, 30], steps.Where(step => step.HeldOutBitsPerByte is not null).Select(step => step.Step));
        Assert.Equal(30 * 8 * 32, steps[^1].Tokens);
        Assert.All(steps, step => Assert.True(step.GradientNorm > 0 && step.TokensPerSecond > 0));
    }

    [Fact]
    public void Run_SameSeedAnyThreads_GivesTheSameBits()
    {
        string one = runs.NewFolder();
        TrainingOptions Options(string output) => runs.Options(output) with { Steps = 4 };
        TrainingRuns.Train(Options(one), threads: 1);
        foreach (int threads in (int[])[1, 2, 5])
        {
            string other = runs.NewFolder();
            TrainingRuns.Train(Options(other), threads);
            TrainingRuns.AssertSameResult(one, other);
        }

        string otherSeed = runs.NewFolder();
        TrainingRuns.Train(Options(otherSeed) with { Seed = 2 });
        Assert.NotEqual(TrainingRuns.ResultOf(one).Losses, TrainingRuns.ResultOf(otherSeed).Losses);
    }

    [Fact]
    public void Run_Finished_LeavesTheFilesThatTheDocumentationNames()
    {
        string output = runs.NewFolder();
        TrainingOptions options = runs.Options(output) with { Steps = 3 };
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        trainer.Run(_ => { }, CancellationToken.None);
        trainer.Export(trainer.ModelPath, ModelCard.Write(options, trainer.Mark));
        string[] files = ["checkpoint", "loss.csv", "loss.svg", "model", "options.json", "tokenizer.json"];
        Assert.Equal([.. files, "train.lock"], FilesIn(output));
        trainer.Dispose();
        Assert.Equal(files, FilesIn(output));
        Assert.Equal(3, TrainingOptions.Load(Path.Combine(output, "options.json")).Steps);
        ModelFolder model = ModelFolder.Open(trainer.ModelPath);
        Assert.Equal(runs.Config, model.Config);
        Dictionary<string, Tensor> averages =
            TrainingCheckpoint.Load(trainer.CheckpointFolder, LladaWeightNames.Expected(runs.Config)).Averages.ToDictionary();
        Assert.All(model.Tensors, tensor => Assert.Equal(
            averages[tensor.Key].To(DType.BF16).To(DType.F32).Floats.ToArray(), tensor.Value.To(DType.F32).Floats.ToArray()));
        string card = File.ReadAllText(Path.Combine(trainer.ModelPath, "README.md"));
        Assert.Contains($"# {Path.GetFileName(output)}\n", card, StringComparison.Ordinal);
        Assert.Contains($"{3 * 4 * 32} in 3 steps", card, StringComparison.Ordinal);
    }

    // Such passes are laid out as holes are for reading left to right.
    [Theory]
    [InlineData(0.0, 0.3, AttentionKind.Full, false)]
    [InlineData(0.5, 0.0, AttentionKind.Full, false)]
    [InlineData(0.5, null, AttentionKind.Full, true)]
    [InlineData(0.5, 0.3, AttentionKind.Full, true)]
    [InlineData(0.5, 0.3, AttentionKind.BlockCausal, false)]
    public void Export_CausalPassesWithHoles_SaysThatItFillsThem(
        double causalShare, double? infillShare, AttentionKind attention, bool expected)
    {
        ModelConfig config = runs.Config with
        {
            ShiftLogits = true, AttentionKind = attention, AttentionBlockSize = attention == AttentionKind.BlockCausal ? 4 : 1,
        };
        bool otherwise = attention == AttentionKind.Full && !expected; // what a configuration says does not matter
        TrainingOptions options = runs.Options(runs.NewFolder(), config with { CausalInfill = otherwise }) with
        {
            CausalShare = causalShare, InfillShare = infillShare, Steps = 1,
        };
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        trainer.Export(trainer.ModelPath, "card");
        Assert.Equal(config with { CausalInfill = expected }, ModelFolder.Open(trainer.ModelPath).Config);
    }

    [Fact]
    public void Constructor_InitialModel_StartsFromItsWeights()
    {
        string initial = runs.NewFolder();
        TrainingOptions otherSeed = runs.Options(runs.NewFolder()) with { Seed = 7 };
        using (Trainer trainer = new(otherSeed, KernelTable.Create(1, KernelForm.Vector), resume: false))
        {
            trainer.Export(initial, "# initial\n");
        }

        string output = runs.NewFolder();
        TrainingOptions options = runs.Options(output) with { InitialModel = initial, Steps = 1, LearningRate = 0 };
        TrainingRuns.Train(options);
        TrainingCheckpoint state = TrainingCheckpoint.Load(Path.Combine(output, "checkpoint"), LladaWeightNames.Expected(runs.Config));
        Assert.All(ModelFolder.Open(initial).Tensors, tensor => Assert.Equal(
            tensor.Value.To(DType.F32).Floats.ToArray(), state.Weights[tensor.Key].Floats.ToArray()));
    }

    [Fact]
    public void Constructor_InitialModelOfOtherSizes_NamesATensor()
    {
        string initial = runs.NewFolder();
        using (Trainer trainer = new(runs.Options(runs.NewFolder()), KernelTable.Create(1, KernelForm.Vector), resume: false))
        {
            trainer.Export(initial, "# initial\n");
        }

        ModelConfig fewer = runs.Config with { NumHiddenLayers = 1 };
        ModelConfig more = runs.Config with { NumHiddenLayers = 3 };
        ModelConfig wider = runs.Config with { IntermediateSize = 32 };
        foreach (ModelConfig config in (ModelConfig[])[fewer, more, wider])
        {
            TrainingOptions options = runs.Options(runs.NewFolder(), config) with { InitialModel = initial };
            CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(options));
            Assert.Contains("blocks.", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Constructor_InitialModelOfAnotherNetworkWithTheSameShapes_NamesTheKey()
    {
        string initial = runs.NewFolder();
        using (Trainer trainer = new(runs.Options(runs.NewFolder()), KernelTable.Create(1, KernelForm.Vector), resume: false))
        {
            trainer.Export(initial, "# initial\n");
        }

        foreach ((string key, ModelConfig config) in ((string, ModelConfig)[])
            [("rope_theta", runs.Config with { RopeTheta = 500 }), ("rms_norm_eps", runs.Config with { RmsNormEps = 1e-3 })])
        {
            TrainingOptions options = runs.Options(runs.NewFolder(), config) with { InitialModel = initial };
            Assert.Contains(key, Assert.Throws<CinnabarException>(() => TrainingRuns.Train(options)).Message, StringComparison.Ordinal);
        }

        // What a run may change.
        TrainingOptions shifted = runs.Options(runs.NewFolder(), runs.Config with { ShiftLogits = true });
        TrainingRuns.Train(shifted with { InitialModel = initial, Steps = 1 });
    }

    [Fact]
    public void ModelCard_OutputEndsWithASlash_IsStillNamed()
    {
        string card = ModelCard.Write(runs.Options("runs/mine/"), new TrainingProgressMark());
        Assert.Contains("# mine\n", card, StringComparison.Ordinal);
        Assert.Contains("not measured", card, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_FolderHoldsARun_AsksForResume()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 1);
        string before = TrainingRuns.ResultOf(output).Losses;
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output)));
        Assert.Contains(output, error.Message, StringComparison.Ordinal);
        Assert.Contains("--resume", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, TrainingRuns.ResultOf(output).Losses);
    }

    [Fact]
    public void Constructor_ResumeWithoutACheckpoint_SaysSo()
    {
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(runs.NewFolder()), resume: true));
        Assert.Contains("no checkpoint", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vocab_size")]
    [InlineData("mask_token_id")]
    [InlineData("eos_token_id")]
    [InlineData("pad_token_id")]
    [InlineData("bos_token_id")]
    public void Constructor_ModelDoesNotFitTheTokenizer_NamesTheKey(string key)
    {
        ModelConfig config = runs.Config;
        config = key switch
        {
            "vocab_size" => config with { VocabularySize = config.VocabularySize + 1, EmbeddingSize = config.VocabularySize + 1 },
            "mask_token_id" => config with { MaskTokenId = 77 },
            "eos_token_id" => config with { EosTokenId = 77 },
            "bos_token_id" => config with { BosTokenId = 77 },
            _ => config with { PadTokenId = 77 },
        };
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(runs.NewFolder(), config)));
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_CorpusWasBuiltAnewMeanwhile_HasTheTokenizerThatTheRunBeganWith()
    {
        using Corpora.SourceFolder folder = new();
        folder.WriteMany(20);
        new CorpusBuilder(folder.Options).Build(folder.Corpus);
        string tokenizer = Path.Combine(folder.Corpus, "tokenizer.json");
        byte[] before = File.ReadAllBytes(tokenizer);
        TrainingOptions options = runs.Options(runs.NewFolder()) with { Corpus = folder.Corpus };
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        File.WriteAllText(tokenizer, "of another corpus");
        trainer.Export(trainer.ModelPath, "# model\n");
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(trainer.ModelPath, "tokenizer.json")));
    }

    [Fact]
    public void Constructor_FamilyThatIsNotTrained_SaysWhichAre()
    {
        JsonObject model = JsonNode.Parse(runs.Config.ToJson())!.AsObject();
        model["architectures"] = new JsonArray("DreamModel");
        model["model_type"] = "Dream";
        (string Key, JsonNode Value)[] more =
        [
            ("hidden_size", 16), ("num_hidden_layers", 1), ("num_attention_heads", 2), ("num_key_value_heads", 1),
            ("intermediate_size", 16), ("max_position_embeddings", 32),
        ];
        foreach ((string key, JsonNode value) in more)
        {
            model[key] = value;
        }

        TrainingOptions options = runs.Options(runs.NewFolder()) with { Model = JsonDocument.Parse(model.ToJsonString()).RootElement };
        string message = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(options)).Message;
        Assert.Contains("LLaDAModelLM or CinnabarLatentModel", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_KeyOfExamplesForPlainText_IsRefused()
    {
        TrainingOptions options = runs.Options(runs.NewFolder()) with { AnswerPadding = 3 };
        string message = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(options)).Message;
        Assert.Contains("\"answer_padding\" should be left out for a corpus of plain text", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_CorpusShorterThanASequence_SaysSo()
    {
        ModelConfig config = runs.Config with { MaxSequenceLength = 100_000 };
        CinnabarException error = Assert.Throws<CinnabarException>(
            () => TrainingRuns.Train(runs.Options(runs.NewFolder(), config) with { SequenceLength = 100_000 }));
        Assert.Contains("100000", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_NoHeldOutText_TrainsWithoutMeasuring()
    {
        using Corpora.SourceFolder folder = new();
        folder.WriteMany(3);
        CorpusManifest manifest = new CorpusBuilder(folder.Options with { ValidationShare = 0, TestShare = 0 }).Build(folder.Corpus);
        Assert.Equal(0, manifest.Splits["validation"].Tokens);
        int vocabulary = manifest.VocabularySize;
        ModelConfig config = runs.Config with { VocabularySize = vocabulary, EmbeddingSize = vocabulary };
        TrainingOptions options = runs.Options(runs.NewFolder(), config);
        List<TrainingProgress> steps = TrainingRuns.Train(options with { Corpus = folder.Corpus, Steps = 4 });
        Assert.Equal(4, steps.Count);
        Assert.All(steps, step => Assert.Null(step.HeldOutBitsPerByte));
    }

    [Fact]
    public void Run_PaddedEmbedding_TrainsAndMeasures()
    {
        string output = runs.NewFolder();
        ModelConfig config = runs.Config with { EmbeddingSize = runs.Config.VocabularySize + 20 };
        TrainingOptions options = runs.Options(output, config) with { Steps = 5 };
        using Trainer trainer = new(options, KernelTable.Create(1, KernelForm.Vector), resume: false);
        trainer.Run(_ => { }, CancellationToken.None);
        Assert.True(double.IsFinite(trainer.Mark.SmoothedLoss) && trainer.Mark.HeldOutBitsPerByte > 0);
        trainer.Export(trainer.ModelPath, "# padded\n");
        ModelFolder model = ModelFolder.Open(trainer.ModelPath);
        Assert.Equal(config, model.Config);
        Assert.Equal([config.EmbeddingSize, config.HiddenSize], model.Tensors[LladaWeightNames.Embedding].Shape.ToArray());
    }

    // The batches of a step are drawn while the one before runs, if it is the one that comes next.
    [Fact]
    public void AddGradients_StepsInAnyOrder_HaveTheLossesOfTheirNumbers()
    {
        TrainingOptions options = runs.Options("nowhere");
        TokenDenoiserTraining one = Training();
        double[] inOrder = [.. Enumerable.Range(1, 4).Select(step => one.AddGradients(step).Loss)];
        TokenDenoiserTraining other = Training();
        Assert.All((int[])[3, 4, 1, 3, 2, 2], step => Assert.Equal(inOrder[step - 1], other.AddGradients(step).Loss));
        Assert.Equal(4, inOrder.Distinct().Count());

        TokenDenoiserTraining Training()
        {
            TrainingCheckpoint state = TrainingCheckpoint.Start(TransformerDenoiser.Initialize(runs.Config, 1));
            TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(runs.Corpus, "train"), runs.Tokenizer);
            return new TokenDenoiserTraining(options, state, objective, KernelTable.Create(1, KernelForm.Vector));
        }
    }

    [Fact]
    public void Take_PoisonedWeight_ChangesNothing()
    {
        TrainingOptions options = runs.Options("nowhere");
        TrainingCheckpoint state = TrainingCheckpoint.Start(TransformerDenoiser.Initialize(runs.Config, 1));
        TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(runs.Corpus, "train"), runs.Tokenizer);
        KernelTable kernels = KernelTable.Create(1, KernelForm.Vector);
        TrainingStep step = new(options, state, new TokenDenoiserTraining(options, state, objective, kernels), kernels);
        step.Take(1, 1e-3);
        state.Weights[LladaWeightNames.OfBlock(1, "up_proj")].Floats[5] = float.NaN;
        string before = Fingerprint(state);
        (double loss, double norm, _) = step.Take(2, 1e-3);
        Assert.False(double.IsFinite(loss) && double.IsFinite(norm));
        Assert.Equal(before, Fingerprint(state));

        // Healed, the next step is a good one: nothing of the failed one lingers.
        state.Weights[LladaWeightNames.OfBlock(1, "up_proj")].Floats[5] = 0;
        (loss, norm, _) = step.Take(2, 1e-3);
        Assert.True(double.IsFinite(loss) && double.IsFinite(norm));
        Assert.NotEqual(before, Fingerprint(state));
    }

    [Fact]
    public void Take_InfiniteGradient_ChangesNothing()
    {
        TrainingOptions options = runs.Options("nowhere");
        TrainingCheckpoint state = TrainingCheckpoint.Start(TransformerDenoiser.Initialize(runs.Config, 1));
        TrainingObjective objective = TrainingObjective.Create(options, TokenDataset.Open(runs.Corpus, "train"), runs.Tokenizer);
        KernelTable kernels = KernelTable.Create(1, KernelForm.Vector);
        TrainingStep step = new(options, state, new TokenDenoiserTraining(options, state, objective, kernels), kernels);
        state.Weights[LladaWeightNames.FinalNorm].Floats.Fill(float.MaxValue);
        string before = Fingerprint(state);
        (double loss, double norm, _) = step.Take(1, 1e-3);
        Assert.False(double.IsFinite(loss) && double.IsFinite(norm));
        Assert.Equal(before, Fingerprint(state));
    }

    [Fact]
    public void Run_PoisonedWeight_StopsAndKeepsTheCheckpoint()
    {
        string output = runs.NewFolder();
        TrainingRuns.Train(runs.Options(output), stopAfter: 3);
        string folder = Path.Combine(output, "checkpoint");
        TrainingCheckpoint state = TrainingCheckpoint.Load(folder, LladaWeightNames.Expected(runs.Config));
        state.Weights[LladaWeightNames.OfBlock(0, "q_proj")].Floats[0] = float.NaN;
        state.Save(folder);
        byte[] before = TrainingRuns.ResultOf(output).Tensors;
        CinnabarException error = Assert.Throws<CinnabarException>(() => TrainingRuns.Train(runs.Options(output), resume: true));
        Assert.Contains("step 4", error.Message, StringComparison.Ordinal);
        Assert.Contains("the loss is NaN", error.Message, StringComparison.Ordinal);
        Assert.Contains("is intact", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, TrainingRuns.ResultOf(output).Tensors);
        Assert.Equal(3, LossLog.Read(Path.Combine(output, "loss.csv")).Count());
    }

    private static IEnumerable<string?> FilesIn(string folder) =>
        Directory.GetFileSystemEntries(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private static string Fingerprint(TrainingCheckpoint state)
    {
        StringBuilder text = new();
        foreach (IReadOnlyDictionary<string, Tensor> group in
            (IReadOnlyDictionary<string, Tensor>[])[state.Weights, state.FirstMoments, state.SecondMoments, state.Averages])
        {
            foreach ((string name, Tensor tensor) in group)
            {
                text.Append(name).AppendLine(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(tensor.Bytes)));
            }
        }

        return text.ToString();
    }
}
