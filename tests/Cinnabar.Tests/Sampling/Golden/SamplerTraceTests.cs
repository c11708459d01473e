// Step-by-step traces of other programs' samplers on the same networks: LLaDA's and Dream's published loops, and llama.cpp's own loop where
// it does what the references do (README of the goldens). Not comparable and left out: llama.cpp's entropy order (sign), its random
// orders (another generator), its literal chain with top-k 1.
//
// The traces were made without forbidding any token, so the special ids here are chosen to forbid the mask only.
using System.Text.Json;
using Cinnabar.Checkpoints.Gguf;
using Cinnabar.Diffusion;
using Cinnabar.Sampling;

namespace Cinnabar.Tests.Sampling.Golden;

public sealed class SamplerTraceTests
{
    [GoldenTheory]
    [InlineData("llada-tiny-F32", "reference-llada", 4)]
    [InlineData("dream-tiny-F32", "reference-dream", 6)]
    [InlineData("llada-tiny-F32", "llamacpp-greedy", 7)]
    [InlineData("dream-tiny-F32", "llamacpp-greedy", 5)]
    public void Run_GoldenNetwork_ReproducesTheTrace(string model, string kind, int cases)
    {
        string golden = GoldenFolder.Path!;
        using GgufFile file = GgufFile.Open(Path.Combine(golden, "models", model + ".gguf"));
        using JsonDocument traces = JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "sampler", model + ".json")));
        int compared = 0;
        foreach (JsonElement trace in traces.RootElement.GetProperty("cases").EnumerateArray())
        {
            if (trace.GetProperty("kind").GetString() == kind && OptionsOf(trace) is SamplerOptions options)
            {
                Compare(new GoldenNetwork(file), trace, options);
                compared++;
            }
        }

        Assert.Equal(cases, compared);
    }

    private static void Compare(GoldenNetwork network, JsonElement trace, SamplerOptions options)
    {
        int[] prompt = Ids(trace.GetProperty("prompt"));
        int[][] before = [.. trace.GetProperty("tokens_before_step").EnumerateArray().Select(Ids)];
        int[] final = Ids(trace.GetProperty("final"));
        var tokens = new CanvasTokens(network.MaskTokenId, null, null);
        Canvas canvas = Canvas.ForContinuation(prompt, final.Length - prompt.Length, tokens);
        string name = $"{trace.GetProperty("kind")}, {options}";

        int step = 0;
        foreach (DenoisingStep report in new Sampler(network).Steps(canvas, options))
        {
            step = report.Step;
            int[] expected = step < before.Length ? before[step] : final;
            Assert.True(expected.SequenceEqual(canvas.Ids.ToArray()), $"{name}: step {step} differs.");
        }

        // llama.cpp counts blocks over the prompt as well, so its last passes find nothing left to do.
        Assert.All(before.Skip(step), ids => Assert.Equal(final, ids));
        Assert.Equal(final, canvas.Ids.ToArray());
    }

    // Null: this program does something else there.
    private static SamplerOptions? OptionsOf(JsonElement trace)
    {
        string? kind = trace.GetProperty("kind").GetString();
        int steps = trace.GetProperty("steps").GetInt32();
        switch (kind)
        {
            case "reference-llada":
                return new()
                {
                    Steps = steps,
                    BlockSize = trace.GetProperty("block").GetInt32(),
                    CfgScale = trace.GetProperty("cfg").GetDouble(),
                };
            case "reference-dream":
                return new() { Steps = steps, Transfer = Transfer.Timestep, Remasking = OrderOf(trace.GetProperty("alg").GetString()) };
            case "llamacpp-greedy" when trace.GetProperty("algorithm_name").GetString() is "confidence" or "margin":
                Remasking order = OrderOf(trace.GetProperty("algorithm_name").GetString());
                if (trace.GetProperty("schedule").GetString() == "timestep")
                {
                    return new() { Steps = steps, Transfer = Transfer.Timestep, Remasking = order };
                }

                int blockSize = trace.GetProperty("block_length").GetInt32();
                int length = trace.GetProperty("max_length").GetInt32();
                int blocks = (length - trace.GetProperty("prompt").GetArrayLength() + blockSize - 1) / blockSize;
                return new()
                {
                    Steps = steps / (length / blockSize) * blocks,
                    BlockSize = blockSize,
                    CfgScale = trace.GetProperty("cfg_scale").GetDouble(),
                    Remasking = order,
                };
            default:
                return null;
        }
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
