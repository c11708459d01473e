using System.CommandLine;
using Cinnabar.Checkpoints;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Cli;

/// <summary>The options of benchmarks with made-up weights: their element type and, where a whole network is measured, its sizes.</summary>
internal sealed class MadeUpModelArguments
{
    private readonly Option<string> _weights;
    private readonly Option<string> _shape;

    /// <summary>Makes the options.</summary>
    /// <param name="shape">The network that is measured unless another is asked for.</param>
    /// <param name="weights">Likewise, the element type.</param>
    public MadeUpModelArguments(string shape = "llada-100m", string weights = "int8")
    {
        _weights = new("--weights")
        {
            Description = "Element type of the matrices: int8, int4, bf16.",
            HelpName = "type",
            DefaultValueFactory = _ => weights,
        };
        _weights.AcceptOnlyFromAmong("int8", "int4", "bf16");
        _shape = new("--shape")
        {
            Description = $"Sizes of the network: {string.Join(", ", DenoiserBenchmark.Shapes.Keys)}.",
            HelpName = "name",
            DefaultValueFactory = _ => shape,
        };
        _shape.AcceptOnlyFromAmong([.. DenoiserBenchmark.Shapes.Keys]);
    }

    public void AddWeightsTo(Command command) => command.Add(_weights);

    public void AddTo(Command command)
    {
        command.Add(_shape);
        command.Add(_weights);
    }

    public string Shape(ParseResult parsed) => parsed.GetValue(_shape)!;

    public DType Weights(ParseResult parsed) => Enum.Parse<DType>(parsed.GetValue(_weights)!, ignoreCase: true);

    /// <summary>The precision of products with these weights, whose peak they are measured against.</summary>
    public MatMulPrecision Precision(ParseResult parsed) => Weights(parsed).IsInteger() ? MatMulPrecision.Int8 : MatMulPrecision.BF16;

    /// <summary>The network, its matrices stored as asked for.</summary>
    public ModelConfig Config(ParseResult parsed)
    {
        ModelConfig config = DenoiserBenchmark.Shapes[Shape(parsed)];
        DType type = Weights(parsed);
        return type.IsInteger() ? config with { Quantization = WeightQuantization.For(type, config) } : config;
    }
}
