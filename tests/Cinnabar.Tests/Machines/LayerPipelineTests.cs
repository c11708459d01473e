using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Autograd;

namespace Cinnabar.Tests.Machines;

/// <summary>A network with its last layers elsewhere gives the same bits as one that has them all.</summary>
public sealed class LayerPipelineTests
{
    public static TheoryData<string, string, int> Networks
    {
        get
        {
            TheoryData<string, string, int> all = [];
            foreach (int machines in (int[])[1, 2])
            {
                foreach (string kind in TestNetwork.Kinds)
                {
                    all.Add(kind, "bf16", machines);
                }

                foreach (string form in TestNetwork.Forms.Where(form => form != "bf16"))
                {
                    all.Add("full", form, machines);
                }
            }

            all.Add("experts", "int8", 2);
            all.Add("grouped-experts", "exact", 2);
            all.Add("norms-biases", "f16", 1);
            all.Add("learned", "int8", 1);
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Logits_AreTheSameBits(string kind, string form, int machines)
    {
        TestNetwork network = TestNetwork.Of(kind, form);
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here();
        TransformerDenoiser divided = elsewhere.Divided(network);
        DeterministicRandom random = new(3);
        foreach (int length in (int[])[1, 2, 7, 40, 13])
        {
            int[] ids = network.Ids(length, seed: length);
            int[] rows = [.. Enumerable.Range(0, length).Where(i => i == length - 1 || random.NextInt(2) == 0)];
            TestMachines.AssertSame(here.Logits(ids, rows), divided.Logits(ids, rows));
        }
    }

    // So that the test above cannot pass with layers that do nothing.
    [Fact]
    public void Logits_OfOtherWeightsInTheLastLayer_AreOthers()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(1);
        int[] ids = network.Ids(9);
        float[] before = elsewhere.Network(network, 1).Logits(ids, [4]).Floats.ToArray();
        string name = network.Weights.Keys.Last(key => key.Contains("blocks.3.", StringComparison.Ordinal));
        network.Weights[name] = Tensor.Zeros(DType.BF16, network.Weights[name].Shape);
        float[] after = elsewhere.Network(network, 1).Logits(ids, [4]).Floats.ToArray();
        Assert.NotEqual(before, after);
        TestMachines.AssertSame(network.Here().Logits(ids, [4]).Floats, after);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Parameters_OfLayersElsewhere_AreNotHere(int machines)
    {
        TestNetwork network = TestNetwork.Of("grouped-experts");
        using TestMachines elsewhere = new(machines);
        string[] names = [.. elsewhere.Divided(network).Parameters.Select(parameter => parameter.Name)];
        int first = machines == 1 ? 2 : 1;
        Assert.Equal(network.Weights.Keys.Where(name => BlockOf(name) is not int block || block < first), names);

        static int? BlockOf(string name)
        {
            string[] parts = name.Split('.');
            return parts[2] == "blocks" ? int.Parse(parts[3], System.Globalization.CultureInfo.InvariantCulture) : null;
        }
    }

    [Fact]
    public void Forward_ToTrain_IsRefused()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines elsewhere = new(1);
        TransformerDenoiser divided = elsewhere.Network(network, 2);
        Tape tape = new(KernelTable.Create(threads: 1), recording: true);
        Assert.Throws<NotSupportedException>(() => divided.Forward(tape, network.Ids(4), batch: 1, [0]));
    }

    [Fact]
    public void Connect_ToNoMachines_LeavesAllLayersHere()
    {
        TestNetwork network = TestNetwork.Of("full");
        using TestMachines nobody = new(0);
        TestMachines.AssertSame(network.Here().Logits(network.Ids(5), [2]), nobody.Network(network).Logits(network.Ids(5), [2]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ReadCausally_InTurnWithTheOtherReading_IsTheSameBits(int machines)
    {
        TestNetwork network = TestNetwork.Of("shifted");
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        ICachingDenoiser causalHere = here.ReadCausally(), causal = divided.ReadCausally();
        KeyValueCache cacheHere = causalHere.CreateCache(12), cache = causal.CreateCache(12);
        for (int i = 1; i < 11; i++)
        {
            int[] ids = network.Ids(12, seed: i / 4);
            TestMachines.AssertSame(
                causalHere.Logits(ids, [i, i + 1], cacheHere, [i - 1]), causal.Logits(ids, [i, i + 1], cache, [i - 1]));
            TestMachines.AssertSame(here.Logits(ids, [0, i]), divided.Logits(ids, [0, i]));
            TestMachines.AssertSame(causalHere.Logits(ids, [0, i]), causal.Logits(ids, [0, i]));
        }
    }

    [Theory]
    [InlineData("full", 1)]
    [InlineData("learned", 2)]
    [InlineData("experts", 2)]
    public void LogitsWithShadows_AreTheSameBits(string kind, int machines)
    {
        TestNetwork network = TestNetwork.Of(kind);
        using TestMachines elsewhere = new(machines);
        TransformerDenoiser here = network.Here(), divided = elsewhere.Divided(network);
        int[][] shadows = [[], [0], [5, 2, 2, 8], [.. Enumerable.Range(0, 11)], [.. Enumerable.Range(0, 40).Select(i => i % 11)]];
        foreach (int[] shadowed in shadows)
        {
            int[] ids = network.Ids(11, seed: shadowed.Length);
            TestMachines.AssertSame(here.LogitsWithShadows(ids, [1, 9], shadowed), divided.LogitsWithShadows(ids, [1, 9], shadowed));
        }
    }

    [Fact]
    public void Logits_OfTwoNetworksOnTheSameMachines_DoNotMix()
    {
        using TestMachines elsewhere = new(2);
        TestNetwork[] networks = [TestNetwork.Of("full"), TestNetwork.Of("experts", "int8")];
        TransformerDenoiser[] here = [.. networks.Select(network => network.Here())];
        TransformerDenoiser[] divided = [.. networks.Select(network => elsewhere.Divided(network))];
        Parallel.For(0, 2, i =>
        {
            for (int pass = 0; pass < 20; pass++)
            {
                int[] ids = networks[i].Ids(5 + pass, seed: pass);
                TestMachines.AssertSame(here[i].Logits(ids, [0, 4]), divided[i].Logits(ids, [0, 4]));
            }
        });
    }
}
