using System.Runtime.CompilerServices;
using Cinnabar.Checkpoints;
using Cinnabar.Machines;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tests.Checkpoints;
using Cinnabar.Tests.Models;
using Cinnabar.Tests.Models.Gemma;

namespace Cinnabar.Tests.Machines;

/// <summary>Whole models with their last layers elsewhere write what they write here.</summary>
public sealed class DividedModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("masked", WeightForm.AsStored, 1)]
    [InlineData("masked", WeightForm.Int8, 2)]
    [InlineData("masked", WeightForm.Int4, 1)]
    [InlineData("masked", WeightForm.Exact, 2)]
    [InlineData("block-causal", WeightForm.AsStored, 2)]
    [InlineData("autoregressive", WeightForm.AsStored, 2)]
    [InlineData("drafting", WeightForm.AsStored, 1)]
    [InlineData("drafting", WeightForm.Int8, 2)]
    [InlineData("learned", WeightForm.AsStored, 1)]
    public void Generate_GivesTheSameTokens(string kind, WeightForm form, int machines)
    {
        string path = Written(kind);
        using TestMachines elsewhere = new(machines);
        DiffusionModel here = DiffusionModel.Load(path, KernelTable.Create(threads: 1), form);
        DiffusionModel divided = DiffusionModel.Load(path, KernelTable.Create(threads: 1), form, machines: elsewhere.List());
        Assert.Null(here.Placement);
        Assert.NotNull(divided.Placement);
        foreach (SamplerOptions options in (SamplerOptions[])[
            here.DefaultOptions with { MaxNewTokens = 24 }, here.DefaultOptions with { MaxNewTokens = 16, Temperature = 1, Seed = 7 }])
        {
            GenerationResult expected = here.Generate("public static int", options);
            GenerationResult found = divided.Generate("public static int", options);
            Assert.Equal(expected.TokenIds, found.TokenIds);
            Assert.Equal(expected.ForwardPasses, found.ForwardPasses);
        }
    }

    [Fact]
    public void Infill_GivesTheSameTokens()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(1);
        TextWithHoles text = new(["int a", "; return ", ";"], [5, 9]);
        DiffusionModel here = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        DiffusionModel divided = DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: elsewhere.List(3));
        SamplerOptions options = new() { Temperature = 1, Seed = 3, Threshold = 0.01, VerifyThreshold = 0.005 };
        Assert.Equal(here.Infill(text, options).TokenIds, divided.Infill(text, options).TokenIds);
    }

    [Theory]
    [InlineData("masked")]
    [InlineData("autoregressive")]
    [InlineData("drafting")]
    public void Generate_MachineThatGoes_IsALostDevice(string kind)
    {
        using TestMachines elsewhere = new(1);
        DiffusionModel divided = DiffusionModel.Load(Written(kind), KernelTable.Create(threads: 1), machines: elsewhere.List(2));
        SamplerOptions options = divided.DefaultOptions with { MaxNewTokens = 40 };
        DeviceException e = Assert.Throws<DeviceException>(
            () => divided.Generate("int", options, _ => elsewhere.Workers[0].Dispose()));
        Assert.True(e.IsLost);
        Assert.True(Assert.Throws<DeviceException>(() => divided.Generate("int", options)).IsLost);
    }

    // Keys and values of a long text have no room; the model is as good as before.
    [Fact]
    public void Generate_WithoutMemoryForItsCache_FailsAndAShorterTextIsWritten()
    {
        string path = Written("autoregressive");
        long weights;
        using (TestMachines ample = new(1))
        {
            DiffusionModel model = DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: ample.List(2));
            weights = TestMachines.Memory - ample.Offered();
            GC.KeepAlive(model);
        }

        DiffusionModel here = DiffusionModel.Load(path, KernelTable.Create(threads: 1));
        long position = 2L * 2 * here.Config.NumKeyValueHeads * here.Config.HeadSize * sizeof(float); // of two layers
        using TestMachines elsewhere = new(1, memory: weights + (20 * position));
        DiffusionModel divided = DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: elsewhere.List(2));
        SamplerOptions shorter = here.DefaultOptions with { MaxNewTokens = 4 }, longer = shorter with { MaxNewTokens = 40 };
        for (int i = 0; i < 2; i++)
        {
            DeviceException e = Assert.Throws<DeviceException>(() => divided.Generate("int", longer));
            Assert.False(e.IsLost);
            Assert.Contains("bytes for keys and values, found ", e.Message);
            Assert.Equal(here.Generate("int", shorter).TokenIds, divided.Generate("int", shorter).TokenIds);
        }
    }

    [Fact]
    public void Generate_ManyTexts_TakesTheMemoryOfOneCanvas()
    {
        string path = Written("autoregressive");
        using TestMachines elsewhere = new(1);
        DiffusionModel divided = DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: elsewhere.List(2));
        SamplerOptions options = divided.DefaultOptions with { MaxNewTokens = 40 };
        List<long> offered = [];
        for (int i = 0; i < 10; i++)
        {
            divided.Generate("int", options);
            offered.Add(elsewhere.Offered());
        }

        Assert.Single(offered.Distinct());
    }

    [Fact]
    public void Placement_SaysWhichLayersAreWhere()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(2);
        string[] places = [.. elsewhere.Workers.Select(worker => $"127.0.0.1:{worker.EndPoint.Port} ({TestMachines.Kernels})")];
        Assert.Equal($"layers 1–2 here, layer 3 on {places[0]}, layer 4 on {places[1]}", Placement(1, 1));
        Assert.Equal($"layer 1 here, layers 2–3 on {places[0]}, layer 4 on {places[1]}", Placement(2, 1));

        string? Placement(int first, int second) => DiffusionModel.Load(
            path, KernelTable.Create(threads: 1), machines: elsewhere.List(first, second)).Placement;
    }

    [Fact]
    public void Load_Progress_ReachesAllWeights()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(1);
        List<LoadProgress> told = [];
        DiffusionModel model = DiffusionModel.Load(
            path, KernelTable.Create(threads: 1), progress: new Told(told.Add), machines: elsewhere.List(2));
        Assert.Equal(new LoadProgress(model.Config.ParameterCount, model.Config.ParameterCount), told[^1]);
    }

    [Fact]
    public void Load_TooFewLayers_IsRefusedAndTheMachinesAreFree()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(1);
        CinnabarException e = Assert.Throws<CinnabarException>(
            () => DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: elsewhere.List(4)));
        Assert.Contains("each of 2 machines, this one among them, found 4 layers", e.Message);
        TestMachines.Eventually(() => !elsewhere.Log.IsEmpty, "the machine is told");
        Assert.EndsWith(": gone", Assert.Single(elsewhere.Log));
        GoodProgram.Works(elsewhere);
    }

    // A checkpoint that fails in the middle, or somebody who stops.
    [Fact]
    public void Load_ThatIsStopped_GivesTheMemoryOfTheMachineBack()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(1);
        int weights = 0;
        Assert.Throws<OperationCanceledException>(() => DiffusionModel.Load(
            path,
            KernelTable.Create(threads: 1),
            progress: new Told(_ =>
            {
                if (++weights == 35)
                {
                    throw new OperationCanceledException();
                }
            }),
            machines: elsewhere.List(3)));
        TestMachines.Eventually(
            () => elsewhere.Log.LastOrDefault()?.EndsWith(": gone", StringComparison.Ordinal) == true, "the machine is told");
        TestMachines.Eventually(() => elsewhere.Offered() == TestMachines.Memory, "the memory is offered again");
    }

    [Fact]
    public void Model_ThatNobodyHas_GivesTheMemoryOfTheMachineBack()
    {
        string path = Written("masked");
        using TestMachines elsewhere = new(1);
        Use(path, elsewhere.List(2));
        TestMachines.Eventually(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return elsewhere.Log.Any(line => line.Contains(": gone", StringComparison.Ordinal)
                    || line.Contains(": lost", StringComparison.Ordinal));
            },
            "the connection ends");
        TestMachines.Eventually(() => elsewhere.Offered() == TestMachines.Memory, "the memory is offered again");
    }

    [Fact]
    public void Connect_NetworksThatAreNotOneLayerBehindTheOther_AreRefused()
    {
        using DiffusionTransformerFolder mdlm = new(DiffusionTransformerFolder.Mdlm);
        using TinyGemma gemma = new();
        string latents = _folder["latents"];
        TinyModelFolder.Write(latents, TinyModelFolder.WithLatents);

        // Nobody listens there, which is not what is said.
        MachineList nobody = MachineList.Parse("127.0.0.1:1", MachineKey.None);
        foreach (string path in (string[])[mdlm.Path, gemma.Path, latents])
        {
            Checkpoint checkpoint = Checkpoint.Open(path);
            CinnabarException e = Assert.Throws<CinnabarException>(
                () => ModelReading.Connect(nobody, checkpoint, WeightForm.AsStored, KernelTable.Create(threads: 1)));
            Assert.Equal(
                $"Expected a network whose layers can be on several machines, found {checkpoint.Name}, of the family "
                + $"{checkpoint.Config.Family.Name}. Leave --machines out.",
                e.Message);
        }

        Assert.Contains(
            "Leave --machines out.",
            Assert.Throws<CinnabarException>(() => DiffusionModel.Load(latents, KernelTable.Create(threads: 1), machines: nobody)).Message);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Use(string path, MachineList machines) =>
        DiffusionModel.Load(path, KernelTable.Create(threads: 1), machines: machines)
            .Generate("int", new SamplerOptions { MaxNewTokens = 4 });

    private string Written(string kind)
    {
        string path = _folder["tiny"];
        ModelConfig Changed(ModelConfig config) => kind switch
        {
            "block-causal" => config with { AttentionKind = AttentionKind.BlockCausal, AttentionBlockSize = 4 },
            "autoregressive" => config with { AttentionKind = AttentionKind.Causal, ShiftLogits = true },
            "drafting" => config with { ShiftLogits = true },
            "learned" => config with { LearnedPositions = true, WeightTying = true },
            _ => config,
        };
        GenerationConfig? generation = kind switch
        {
            "block-causal" => new GenerationConfig { MaxNewTokens = 12, BlockSize = 4 },
            "drafting" => new GenerationConfig { MaxNewTokens = 12, BlockSize = 4, DraftTokens = 6 },
            _ => null,
        };
        TinyModelFolder.Write(path, config => Changed(config) with { NumHiddenLayers = 4 }, generation);
        return path;
    }

    private sealed class Told(Action<LoadProgress> tell) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => tell(value);
    }
}
