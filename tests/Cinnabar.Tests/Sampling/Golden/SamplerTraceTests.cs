// Step-by-step traces of other programs' samplers on the same networks, every one of them: LLaDA's and Dream's published loops, and
// llama.cpp's own loop. What llama.cpp does differently on purpose or by mistake is a policy of LlamaCppPolicies (README of the goldens).
//
// The traces were made without forbidding any token, which is what generating from ids does.
using System.Text.Json;
using Cinnabar.Checkpoints;
using Cinnabar.Numerics;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling.Golden;

public sealed class SamplerTraceTests
{
    [GoldenTheory]
    [InlineData("llada-tiny-F32")]
    [InlineData("dream-tiny-F32")]
    [InlineData("llada-moe-tiny-F32")]
    [InlineData("rnd1-tiny-F32")]
    public void Generate_OfEveryCase_ReproducesTheTrace(string model)
    {
        string golden = GoldenFolder.Path!;
        DiffusionModel network = DiffusionModel.Load(
            Path.Combine(golden, "models", model + ".gguf"), KernelTable.Create(threads: 1), WeightForm.Exact);
        using JsonDocument traces = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "sampler", model + ".json")));
        foreach (JsonElement trace in traces.RootElement.GetProperty("cases").EnumerateArray())
        {
            Compare(network, trace, OptionsOf(trace));
        }
    }

    private static void Compare(DiffusionModel network, JsonElement trace, SamplerOptions options)
    {
        int[] prompt = Ids(trace.GetProperty("prompt"));
        int[][] before = [.. trace.GetProperty("tokens_before_step").EnumerateArray().Select(Ids)];
        int[] final = Ids(trace.GetProperty("final"));
        string name = $"{network.Name}: {trace.GetProperty("kind")}, {options}";
        List<int[]> found = [before[0]];
        GenerationResult result = network.Generate(
            prompt, options with { MaxNewTokens = final.Length - prompt.Length }, step => found.Add(step.Canvas.Ids.ToArray()));
        Assert.Equal(final, result.TokenIds);

        // Passes in which nothing is left to do (llama.cpp has some at the ends of blocks) are not compared.
        List<int[]> changes = Changes(found);
        List<int[]> expected = Changes([.. before, final]);
        for (int i = 0; i < Math.Min(changes.Count, expected.Count); i++)
        {
            Assert.True(expected[i].SequenceEqual(changes[i]), $"{name}: change {i} differs.");
        }

        Assert.Equal(expected.Count, changes.Count);
    }

    private static List<int[]> Changes(IEnumerable<int[]> states)
    {
        List<int[]> changes = [];
        foreach (int[] state in states)
        {
            if (changes.Count == 0 || !changes[^1].SequenceEqual(state))
            {
                changes.Add(state);
            }
        }

        return changes;
    }

    private static SamplerOptions OptionsOf(JsonElement trace)
    {
        int steps = trace.GetProperty("steps").GetInt32();
        return trace.GetProperty("kind").GetString() switch
        {
            "reference-llada" => new()
            {
                Steps = steps,
                BlockSize = trace.GetProperty("block").GetInt32(),
                CfgScale = trace.GetProperty("cfg").GetDouble(),
            },
            "reference-dream" => new()
            {
                Steps = steps,
                Transfer = Transfer.Timestep,
                Remasking = OrderOf(trace.GetProperty("alg").GetString()),
            },
            "llamacpp-greedy" => OfLlamaCpp(trace, steps, trace.GetProperty("algorithm_name").GetString()!),
            "llamacpp-literal-topk1" => OfLlamaCpp(trace, steps, "literal"),
            string other => throw new InvalidDataException($"Unknown kind of trace '{other}'."),
            null => throw new InvalidDataException("A trace without a kind."),
        };
    }

    private static SamplerOptions OfLlamaCpp(JsonElement trace, int steps, string algorithm)
    {
        uint seed = trace.GetProperty("seed").GetUInt32();
        SamplerOptions options = algorithm switch
        {
            "confidence" or "margin" => new() { Remasking = OrderOf(algorithm) },
            "origin" => new() { Policy = () => new LlamaCppOrigin(seed) },
            "random order" => new() { Policy = () => new LlamaCppRandom(seed) },
            "literal" => new() { Policy = () => new LeftToRight() },
            _ when algorithm.StartsWith("entropy", StringComparison.Ordinal) => new() { Policy = () => new HighestEntropyFirst() },
            _ => throw new InvalidDataException($"Unknown algorithm '{algorithm}'."),
        };
        if (trace.GetProperty("schedule").GetString() == "timestep")
        {
            return options with { Steps = steps, Transfer = Transfer.Timestep };
        }

        int blockSize = trace.GetProperty("block_length").GetInt32();
        int length = trace.GetProperty("max_length").GetInt32();
        int blocks = (length - trace.GetProperty("prompt").GetArrayLength() + blockSize - 1) / blockSize;
        return options with
        {
            Steps = steps / (length / blockSize) * blocks,
            BlockSize = blockSize,
            CfgScale = trace.GetProperty("cfg_scale").GetDouble(),
        };
    }

    private static Remasking OrderOf(string? name) => name switch
    {
        "maskgit_plus" or "confidence" => Remasking.LowConfidence,
        "topk_margin" or "margin" => Remasking.Margin,
        "entropy" => Remasking.Entropy,
        _ => throw new InvalidDataException($"Unknown order '{name}'."),
    };

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];
}
