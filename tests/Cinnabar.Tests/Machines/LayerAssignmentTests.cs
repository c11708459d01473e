using System.Reflection;
using System.Text;
using Cinnabar.Checkpoints;
using Cinnabar.Machines;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Tests.Models.Plain;

namespace Cinnabar.Tests.Machines;

/// <summary>What a machine is told of a network is all that its layers need.</summary>
public sealed class LayerAssignmentTests
{
    public static TheoryData<string> Published => [.. typeof(PlainConfigs).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Where(constant => constant.IsLiteral && constant.Name is not (nameof(PlainConfigs.Mdlm) or nameof(PlainConfigs.Bd3lm)
            or nameof(PlainConfigs.DiffusionGemma)))
        .Select(constant => constant.Name)];

    public static TheoryData<string> Kinds => [.. TestNetwork.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Parse_WhatWasWritten_IsTheSame(string kind) => Check(TestNetwork.Of(kind).Config);

    [Theory]
    [MemberData(nameof(Published))]
    public void Parse_PublishedModels_ArePossible(string name) => Check(ConfigOf(name));

    [Fact]
    public void Published_AreMany() => Assert.InRange(Published.Count, 9, 20);

    [Fact]
    public void Parse_LargestSizes_ArePossible() => Check(TestNetwork.Of("full").Config with
    {
        HiddenSize = 1 << 14,
        NumAttentionHeads = 128,
        NumKeyValueHeads = 8,
        HeadSize = 128,
        IntermediateSize = 1 << 16,
        MaxSequenceLength = 1 << 20,
        NumHiddenLayers = 200,
        RopeTheta = 1e9,
        RmsNormEps = 1e-8,
    });

    // What readers of config.json and of GGUF files let through.
    [Fact]
    public void Parse_LimitsOfTheFiles_ArePossible()
    {
        Check(TestNetwork.Of("full").Config with { RopeTheta = 1e12 });
        Check(TestNetwork.Of("full").Config with { MaxSequenceLength = 1 << 24 });
        ExpertConfig experts = new() { Count = (1 << 18) / 4, ActiveCount = 1, IntermediateSize = 1 };
        Check(TestNetwork.Of("full").Config with { Experts = experts }, hasFewWeights: false);
    }

    private static ModelConfig ConfigOf(string name) => ModelConfig.Parse(
        "config.json", Encoding.UTF8.GetBytes((string)typeof(PlainConfigs).GetField(name)!.GetRawConstantValue()!));

    private static void Check(ModelConfig config, bool hasFewWeights = true)
    {
        foreach (MatMulPrecision precision in Enum.GetValues<MatMulPrecision>())
        {
            int count = config.NumHiddenLayers - 1;
            LayerAssignment written = LayerAssignment.Of(config, "naïve 日本", first: 1, count, precision);
            LayerAssignment read = LayerAssignment.Parse(written.ToJson());
            Assert.Equal(written, read);
            Assert.True(!hasFewWeights || WeightsOf(config).SequenceEqual(WeightsOf(read.ToConfig())));
        }

        static IEnumerable<string> WeightsOf(ModelConfig config) => LladaWeightNames.Expected(config)
            .Where(weight => weight.Block >= 1)
            .Select(weight => $"{weight.Name} [{string.Join(", ", weight.Shape)}]");
    }
}
