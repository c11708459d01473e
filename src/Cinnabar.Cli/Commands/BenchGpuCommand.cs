// cinnabar bench gpu: what a GPU can do, and what share of it Cinnabar reaches, in one run on one card.
//
//   rates      bytes a large copy moves, operations of a large product: the ceilings
//   products   the products of training and of denoising
//   passes     a denoising pass of the shape of LLaDA-8B beside 512 cached tokens; its floor is the larger of bytes over the copy's rate
//              (weights, cached keys and values) and operations over the product's rate; a pass of 1 token is autoregressive decoding
//   streams    whole runs of the sampler: canvases of 512 known tokens and blocks of 64 masks, some tokens committed a pass
//   training   whole steps, operations counted as 6·N·tokens
using System.CommandLine;
using System.Diagnostics;
using Cinnabar.Checkpoints;
using Cinnabar.Diffusion;
using Cinnabar.Models;
using Cinnabar.Numerics;
using Cinnabar.Numerics.Cuda;
using Cinnabar.Numerics.Kernels;
using Cinnabar.Sampling;
using Cinnabar.Tokenizers;
using Cinnabar.Training;

namespace Cinnabar.Cli.Commands;

internal static class BenchGpuCommand
{
    private const string Large = "llada-8b";
    private const int Prompt = 512;
    private const int Block = 64;
    private const int Passes = 11;
    private const int Steps = 5;
    private const int MostShown = 24;
    private static readonly ModelConfig s_billion = DenoiserBenchmark.Shapes["llada-1.1b"] with
    {
        NumKeyValueHeads = 16,
        NumAttentionHeads = 16,
        NumHiddenLayers = 20,
    };

    private static readonly string[] s_parts = ["products", "passes", "streams", "training"];

    public static Command Create()
    {
        DeviceArguments device = new();
        Option<string[]> parts = new("--parts")
        {
            Description = "What to measure: products, passes, streams, training. [default: all]",
            HelpName = "part",
            AllowMultipleArgumentsPerToken = true,
        };
        parts.AcceptOnlyFromAmong(s_parts);
        MadeUpModelArguments network = new(Large, "bf16");
        Option<bool> profile = new("--profile")
        {
            Description = "Show where the time of a pass and of a training step goes. [default: off]",
        };
        Command command = new("gpu", "Copies, products, denoising passes, decoding and training on a GPU.") { parts, profile };
        network.AddTo(command);
        device.AddTo(command);
        command.SetWork((parsed, cancellation) =>
        {
            KernelTable kernels = device.Kernels(parsed);
            if (kernels.Device is null)
            {
                CudaKernels.IsAvailable(out string reason);
                throw new CinnabarException(
                    $"Expected a GPU to measure, found none: {reason}", "Run 'cinnabar bench model' and 'bench train' for this processor.");
            }

            string[] wanted = parsed.GetValue(parts) is { Length: > 0 } chosen ? chosen : s_parts;
            new Measurement(kernels, network.Shape(parsed), network.Config(parsed), parsed.GetValue(profile), cancellation).Run(wanted);
            return 0;
        });
        return command;
    }

    private sealed class Measurement(
        KernelTable kernels, string shape, ModelConfig network, bool showsProfile, CancellationToken cancellation)
    {
        private readonly CudaBenchmark _gpu = new(kernels);
        private readonly DType _weights = network.Quantization?.Type ?? DType.BF16;
        private double _bytesPerSecond;
        private double _operationsPerSecond;
        private double _networkOperationsPerSecond; // of products with its weights

        public void Run(string[] parts)
        {
            Console.WriteLine($"{string.Join("; ", kernels.Reasons)}");
            _bytesPerSecond = _gpu.CopyBytesPerSecond();
            _operationsPerSecond = 2 * Math.Pow(8192, 3) / _gpu.TimeProduct(8192, 8192, 8192).Seconds;
            Say($"copy: {_bytesPerSecond / 1e12:F2} TB/s read and written");
            Say($"product 8192 x 8192 x 8192: {_operationsPerSecond / 1e12:F0} TFLOP/s");
            _networkOperationsPerSecond = _weights == DType.BF16
                ? _operationsPerSecond
                : 2 * Math.Pow(8192, 3) / _gpu.TimeProduct(8192, 8192, 8192, DType.Int8).Seconds;
            if (_weights != DType.BF16)
            {
                Say($"the same of Int8, scales included: {_networkOperationsPerSecond / 1e12:F0} TOP/s");
            }

            if (parts.Contains("products"))
            {
                Products();
            }

            if (parts.Contains("passes") || parts.Contains("streams"))
            {
                Network(parts);
            }

            if (parts.Contains("training"))
            {
                Training("100 M", DenoiserBenchmark.Shapes["llada-100m"], batch: 64);
                Training("1 B", s_billion, batch: 32);
            }
        }

        private void Products()
        {
            (int M, int N, int K)[] shapes =
            [
                (16_384, 2048, 2048), (16_384, 5632, 2048), (16_384, 2048, 5632), (64, 4096, 4096), (64, 12_288, 4096), (64, 4096, 12_288),
                (64, 126_464, 4096),
            ];
            foreach ((int m, int n, int k) in shapes)
            {
                cancellation.ThrowIfCancellationRequested();
                DType type = m == Block ? _weights : DType.BF16;
                (double seconds, long bytes) = _gpu.TimeProduct(m, n, k, type);
                double rate = 2.0 * m * n * k / seconds;
                Say($"product {m} x {n} x {k} of {type}: {seconds * 1e6:F1} us, {rate / 1e12:F0} TFLOP/s, "
                    + $"{bytes / seconds / 1e12:F2} TB/s of weights");
            }
        }

        private void Network(string[] parts)
        {
            // Blocks see themselves and what is before: the keys and values of a finished block are exact.
            ModelConfig config = network with
            {
                AttentionKind = AttentionKind.BlockCausal,
                AttentionBlockSize = Block,
            };
            Stopwatch loading = Stopwatch.StartNew();
            DenoiserBenchmark benchmark = new(config, kernels);
            Say($"{shape}: {config.ParameterCount / 1e9:F2} B weights in {_weights} made and on the GPU in {loading.Elapsed.TotalSeconds:F0} s, "
                + $"{kernels.Device!.UsedBytes / 1e9:F1} GB there");
            if (parts.Contains("passes"))
            {
                foreach (int tokens in (int[])[1, 32, 64, 128, 256])
                {
                    Pass(benchmark, config, tokens);
                }

                benchmark.RunCached(Prompt + Block, Block); // makes the cache
                Profile($"a pass of {Block}", () => benchmark.RunCached(Prompt + Block, Block));
            }

            if (parts.Contains("streams"))
            {
                foreach ((int streams, int perPass) in ((int, int)[])[(1, 4), (1, 8), (1, 16), (8, 8), (32, 8)])
                {
                    Stream(benchmark, streams, perPass);
                }
            }
        }

        private void Pass(DenoiserBenchmark benchmark, ModelConfig config, int tokens)
        {
            List<double> times = [];
            for (int pass = 0; pass < Passes + 4; pass++)
            {
                cancellation.ThrowIfCancellationRequested();
                double seconds = benchmark.RunCached(Prompt + tokens, tokens);
                if (pass >= 4)
                {
                    times.Add(seconds);
                }
            }

            double time = MatMulBenchmark.Median(times);
            long ofLayer = (long)(Prompt + tokens) * config.NumKeyValueHeads * config.HeadSize;
            double cached = 2.0 * config.NumHiddenLayers * Tensor.BytesOf(DType.BF16, ofLayer);
            double bytes = benchmark.WeightBytes - BytesOfLookedUpTable(config) + cached;
            double floor = Math.Max(bytes / _bytesPerSecond, benchmark.OperationsOf(tokens) / _networkOperationsPerSecond);
            string what = tokens == 1 ? "autoregressive step, 1 token" : $"pass of {tokens} tokens";
            Say($"{what}: {time * 1e3:F2} ms, {floor / time:P0} of the roofline ({floor * 1e3:F2} ms)"
                + (tokens == 1 ? $", {1 / time:F0} tokens/s" : ""));
        }

        // Of the embedding table, of which a pass reads some rows, unless it is the head, too; a row of Int8 has a scale.
        private static long BytesOfLookedUpTable(ModelConfig config)
        {
            DType type = config.Quantization?.Type == DType.Int8 ? DType.Int8 : DType.BF16;
            long ofRow = Tensor.BytesOf(type, config.HiddenSize) + (type == DType.Int8 ? sizeof(float) : 0);
            return config.WeightTying ? 0 : config.EmbeddingSize * ofRow;
        }

        // The blocks behind the first half of them take as long as a stream does once its prompt is read.
        private void Stream(DenoiserBenchmark benchmark, int streams, int perPass)
        {
            int blocks = streams == 1 ? 6 : 4;
            (double half, _) = Best(benchmark, streams, perPass, blocks / 2);
            (double whole, int passes) = Best(benchmark, streams, perPass, blocks);
            double tokens = streams * blocks * Block;
            Say($"{streams} {(streams == 1 ? "stream" : "streams")}, {perPass} tokens per pass: {tokens / whole:F0} tokens/s "
                + $"({whole * 1e3 / passes:F2} ms per pass, prompt included; behind it {tokens / 2 / (whole - half):F0} tokens/s)");
        }

        private (double Seconds, int Passes) Best(DenoiserBenchmark benchmark, int streams, int perPass, int blocks)
        {
            int written = blocks * Block;
            SamplerOptions options = new() { MaxNewTokens = written, BlockSize = Block, Steps = written / perPass };
            Sampler sampler = new(benchmark.Network, kernels.Workers, statistics: kernels.TokenStatistics);
            (double best, int passes) = (double.PositiveInfinity, 0);
            for (int run = 0; run < 3; run++)
            {
                Canvas[] canvases = [.. Enumerable.Range(0, streams).Select(i => Canvas.ForContinuation(
                    [.. Enumerable.Range(0, Prompt).Select(p => 100 + ((p * 7) + (i * 13)) % 1000)],
                    written,
                    new CanvasTokens(benchmark.Config.MaskTokenId, null, null)))];
                long start = Stopwatch.GetTimestamp();
                passes = sampler.Run(canvases, [.. canvases.Select(_ => options)], cancellation)[0];
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return (best, passes);
        }

        private void Training(string name, ModelConfig config, int batch)
        {
            ModelFolder model = ModelFolder.Open(ModelLocator.Find(ModelArguments.DefaultModel));
            config = config with
            {
                VocabularySize = model.Config.VocabularySize,
                EmbeddingSize = model.Config.VocabularySize,
                MaskTokenId = model.Config.MaskTokenId,
                EosTokenId = model.Config.EosTokenId,
                PadTokenId = model.Config.PadTokenId,
            };
            TrainingBenchmark benchmark = new(config, Tokenizer.Load(model.TokenizerPath), kernels, batch);
            List<double> rates = [];
            for (int step = 0; step < Steps + 2; step++)
            {
                cancellation.ThrowIfCancellationRequested();
                double rate = benchmark.Run();
                if (step >= 2)
                {
                    rates.Add(rate);
                }
            }

            Profile($"a step of {name}", () => benchmark.Run());
            double median = MatMulBenchmark.Median(rates) * 1e9;
            Say($"training {name} ({config.ParameterCount / 1e6:F0} M parameters), "
                + $"{batch} x {benchmark.Options.SequenceLength} tokens a step: "
                + $"{median / (6.0 * config.NonEmbeddingParameterCount):F0} tokens/s, {median / 1e12:F0} TFLOP/s, "
                + $"{median / _operationsPerSecond:P0} of the product's rate, {kernels.Device!.UsedBytes / 1e9:F1} GB on the GPU");
        }

        private void Profile(string what, Action run)
        {
            if (!showsProfile)
            {
                return;
            }

            Console.WriteLine($"{what}, by kernel:");
            foreach ((string name, int count, double seconds) in _gpu.Profile(run).Take(MostShown))
            {
                Console.WriteLine($"  {seconds * 1e3,8:F3} ms  {count,5} x {seconds / count * 1e6,7:F1} us  {name}");
            }
        }

        private static void Say(string line) => Console.WriteLine(line.Replace(" %", "%", StringComparison.Ordinal));
    }
}
