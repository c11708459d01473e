using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests;
using Cinnabar.Tests.Models;
using Cinnabar.Tests.Sampling.Golden;
using Cinnabar.Tokenizers;
using Cinnabar.Training.Corpora;
using Cinnabar.Training.Networks;
using Cinnabar.Training.Objectives;
using Cinnabar.Training;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Whole networks on the GPU against the same ones on the processor.</summary>
public sealed class NetworkOnDeviceTests(Device device) : IClassFixture<Device>
{
    private const string Model = "models/csharp-12m";

    // Of the norm of logits: products sum in another order, which rounds activations between layers to other neighbours, and attention
    // rounds queries, keys, values and their weights by up to 2⁻⁸, which the processor does not. Measured: 2e-3 to 3e-3 without the latter,
    // 4e-3 to 5e-3 with it.
    private const double RoundedNetwork = 1e-2;

    [CudaTheory]
    [InlineData(AttentionKind.Full, false, false)]
    [InlineData(AttentionKind.Causal, true, true)]
    [InlineData(AttentionKind.BlockCausal, false, true)]
    public void Training_TenSteps_HasTheLossesOfTheProcessor(AttentionKind attention, bool shifted, bool normed)
    {
        ModelConfig config = new()
        {
            HiddenSize = 96,
            NumHiddenLayers = 3,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            IntermediateSize = 200,
            VocabularySize = 300,
            EmbeddingSize = 300,
            MaxSequenceLength = 64,
            MaskTokenId = 0,
            EosTokenId = 1,
            PadTokenId = 2,
            AttentionKind = attention,
            AttentionBlockSize = 8,
            ShiftLogits = shifted,
            QueryKeyNorm = normed,
        };
        AssertSameLosses(config);
    }

    // Without codes, of which rounding may choose others. A causal decoder joins latents and tokens.
    [CudaTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void TrainingOfAutoencoder_TenSteps_HasTheLossesOfTheProcessor(bool isCausal)
    {
        ModelConfig config = new()
        {
            HiddenSize = 64,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 4,
            IntermediateSize = 96,
            VocabularySize = 300,
            EmbeddingSize = 300,
            MaxSequenceLength = 64,
            WeightTying = true,
            MaskTokenId = 0,
            EosTokenId = 1,
            PadTokenId = 2,
            Latents = new LatentShape
            {
                Downsampling = 4, Size = 16, CodebookGroups = 4, CodebookSize = 0, TokenLayers = 1, HasCausalDecoder = isCausal,
            },
        };
        AssertSameLosses(config);
    }

    [CudaTheory]
    [InlineData(null, CacheKind.None)]
    [InlineData(0.9, CacheKind.None)]
    [InlineData(0.9, CacheKind.Dual)]
    public void Infill_ShippedModelWithoutNoise_WritesWhatTheProcessorWrites(double? threshold, CacheKind cache)
    {
        string root = RequireModel();
        DiffusionModel onProcessor = DiffusionModel.Load(Path.Combine(root, Model));
        DiffusionModel onDevice = DiffusionModel.Load(Path.Combine(root, Model), device.Kernels);

        // Token by token the long text takes many passes, which are those with a threshold but for what they have filled. None of the
        // holes is a matter of taste, such as how often a loop runs: where two tokens are equally likely, rounding decides.
        string[] texts =
        [
            .. threshold is null ? (string[])[] : [File.ReadAllText(Path.Combine(root, "samples", "Stack.cs"))],
            "public int Add(int a, int b)\n{\n    return <fill:8>;\n}\n",
            "using System;\n\nstring[] names = GetNames();\nfor (int i = 0; <fill:8>)\n{\n    Console.WriteLine(<fill:4>);\n}\n",
        ];
        foreach (string text in texts)
        {
            SamplerOptions options = onProcessor.DefaultOptions with { Threshold = threshold, Cache = cache };
            GenerationResult expected = onProcessor.Infill(text, options);
            GenerationResult found = onDevice.Infill(text, options);
            Assert.Equal(expected.Text, found.Text);
        }
    }

    [CudaFact]
    public void Logits_ShippedModel_AreThoseOfTheProcessorButForRounding()
    {
        string root = RequireModel();
        DiffusionModel onProcessor = DiffusionModel.Load(Path.Combine(root, Model));
        DiffusionModel onDevice = DiffusionModel.Load(Path.Combine(root, Model), device.Kernels);
        int[] ids = [.. Enumerable.Range(0, 200).Select(i => i % 3 == 0 ? onProcessor.Config.MaskTokenId : 300 + (i * 7 % 5000))];
        int[] rows = [.. Enumerable.Range(0, 200)];
        float[] expected = onProcessor.Denoiser.Logits(ids, rows).Floats.ToArray();
        for (int pass = 0; pass < 4; pass++)
        {
            double error = Comparison.Distance(expected, onDevice.Denoiser.Logits(ids, rows).Floats);
            Assert.True(error < RoundedNetwork, $"pass {pass + 1}: the logits are {error:E1} of their norm apart.");
        }
    }

    // The same weights with causal attention, behind passes that see both sides.
    [CudaFact]
    public void Logits_ShippedModelReadLeftToRight_AreThoseOfTheProcessorButForRounding()
    {
        string root = RequireModel();
        float[][] rows = [.. ((KernelTable?[])[null, device.Kernels]).Select(kernels =>
        {
            var network = (ITwoWayDenoiser)DiffusionModel.Load(Path.Combine(root, Model), kernels).Denoiser;
            ICachingDenoiser causal = network.ReadCausally();
            int[] ids = [.. Enumerable.Range(0, 48).Select(i => 300 + (i * 7 % 5000))];
            KeyValueCache cache = causal.CreateCache(ids.Length);
            network.Logits(ids, [5]);
            causal.Logits(ids, [40], cache, [.. Enumerable.Range(0, 40)]);
            return causal.Logits(ids, [41, 44, 47], cache, [.. Enumerable.Range(40, 8)]).Floats.ToArray();
        })];
        double error = Comparison.Distance(rows[0], rows[1]);
        Assert.True(error < RoundedNetwork, $"The logits are {error:E1} of their norm apart.");
    }

    // A pass of few rows is as fast as its launches are few: per layer two norms, the rows stored, attention and its
    // splits, and the gate, beside products.
    [CudaFact]
    public void Pass_BesideACache_LaunchesSixKernelsALayerBesideProducts()
    {
        DiffusionModel model = DiffusionModel.Load(Path.Combine(RequireModel(), Model), device.Kernels);
        var denoiser = (ICachingDenoiser)model.Denoiser;
        int[] ids = [.. Enumerable.Range(0, 64).Select(i => 300 + (i * 11 % 4000))];
        KeyValueCache cache = denoiser.CreateCache(ids.Length);
        Pass(first: 0);
        IReadOnlyList<(string Name, double Seconds)> commands = ((CudaDevice)device.Kernels.Device!).Trace(() => Pass(first: 32));
        string[] kernels = [.. commands.Select(command => command.Name).Where(name => name != "copy to the GPU" && !IsProduct(name))];
        int layers = model.Config.NumHiddenLayers;

        // And the tokens' embedding, the choice of rows, and the last norm.
        Assert.True(kernels.Length <= (6 * layers) + 3, $"{kernels.Length} kernels in {layers} layers: {string.Join(", ", kernels)}");
        int copies = commands.Count(command => command.Name == "copy to the GPU");
        Assert.True(copies <= 4, $"Expected few copies to the GPU, found {copies}.");

        void Pass(int first) => _ = denoiser.Logits(ids, [.. Enumerable.Range(first, ids.Length - first)], cache, []).Floats[0];

        static bool IsProduct(string name) => name.StartsWith("cuBLASLt", StringComparison.Ordinal) || name == "product_few_rows";
    }

    [CudaTheory]
    [InlineData("llada-tiny-F32")]
    [InlineData("llada-tied-F32")]
    [InlineData("dream-tiny-F32")]
    [InlineData("llada-moe-tiny-F32")]
    [InlineData("rnd1-tiny-F32")]
    public void Logits_OfExactWeights_AreThoseOfLlamaCpp(string model)
    {
        Assert.SkipWhen(GoldenFolder.Path is null, "The folder ../shared/golden/llamacpp beside the checkout is absent.");
        double error = GoldenLogits.ErrorOf(GoldenLogits.PathOf(model), model, device.Kernels);
        Assert.True(error < 1e-4, $"{model}: the logits are {error:E1} of their norm apart.");
    }

    private void AssertSameLosses(ModelConfig config)
    {
        double[] expected = Losses(config, KernelTable.Create(threads: null));
        double[] found = Losses(config, device.Kernels);
        for (int step = 0; step < expected.Length; step++)
        {
            double error = Math.Abs(found[step] - expected[step]) / expected[step];
            Assert.True(error < 5e-3, $"step {step + 1}: expected a loss of {expected[step]:F5}, found {found[step]:F5}.");
        }

        Assert.True(found[^1] < found[0], "The loss does not fall.");
    }

    private static double[] Losses(ModelConfig config, KernelTable kernels)
    {
        TrainingOptions options = new()
        {
            Corpus = "made-up tokens",
            Output = "nowhere",
            Model = JsonDocument.Parse(config.ToJson()).RootElement,
            Objective = config.Latents is not null ? TrainingObjective.Autoencoder
                : config.IsAutoregressive ? TrainingObjective.Autoregressive
                : TrainingObjective.MaskedDiffusion,
            SequenceLength = 64,
            BatchSize = 8,
            MicroBatchSize = 4,
        };
        options.Validate();
        var random = new Random(5);
        ushort[] tokens = [.. Enumerable.Range(0, 20_000).Select(i => (ushort)(10 + (i % 7 * 30) + random.Next(20)))];
        TokenDataset data = TokenDataset.FromTokens(tokens, config.VocabularySize);
        var tokenizer = Tokenizer.Load(TokenizerPath());
        TrainingCheckpoint state = TrainingCheckpoint.Start(FirstWeights.Of(options));
        TrainedNetwork network = config.Latents is not null
            ? new AutoencoderTraining(options, state, SequenceSource.Create(options, data, tokenizer), kernels)
            : new TokenDenoiserTraining(options, state, TrainingObjective.Create(options, data, tokenizer), kernels);
        TrainingStep step = new(options, state, network, kernels);
        return [.. Enumerable.Range(1, 10).Select(s => step.Take(s, learningRate: 3e-3).Loss)];
    }

    private static string TokenizerPath() => Path.Combine(Root(), "models", "sudoku-3m", "tokenizer.json");

    private static string RequireModel()
    {
        string root = Root();
        Assert.SkipUnless(File.Exists(Path.Combine(root, Model, "model.safetensors")), $"The model {Model} is not here.");
        return root;
    }

    private static string Root() => Path.GetFullPath(Path.Combine(ShippedModels.PathOf(""), ".."));
}
