using System.Runtime.InteropServices;
using Cinnabar.Models;
using Cinnabar.Numerics.Cuda.Interop;
using Cinnabar.Tests;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Passes that run as graphs (CudaStream.cs), and graphs that fail.</summary>
public sealed class GraphTests(Device device) : IClassFixture<Device>
{
    private const int OutOfMemory = CudaDriver.OutOfMemory;
    private const int NotSupported = 801; // which leaves the device as it was

    private CudaDevice Cuda => (CudaDevice)device.Kernels.Device!;

    [CudaFact]
    public void Passes_ThatRepeat_BecomeGraphsWithTheSameBits()
    {
        DiffusionModel model = Loaded();
        int[] rows = [.. Enumerable.Range(0, 32)];
        IEnumerable<int[]> texts = Enumerable.Range(0, 6)
            .Select(t => Enumerable.Range(0, 64).Select(i => 300 + ((i + (t % 2)) * 11 % 4000)).ToArray());
        float[][] logits = [.. texts.Select(ids => model.Denoiser.Logits(ids, rows).Floats.ToArray())];
        Assert.Equal(logits[0], logits[2]);
        Assert.Equal(logits[0], logits[4]);
        Assert.Equal(logits[1], logits[5]);
        Assert.True(Cuda.GraphLaunches >= 2, "No pass ran as a graph.");
    }

    // Texts of about one length in the same cache, token by token, and blocks of which fewer and fewer rows are read.
    [CudaTheory]
    [InlineData(1, 1)]
    [InlineData(8, 4)]
    public void Passes_ThatDifferInLengthAndRows_BecomeGraphsWithTheSameBits(int block, int passes)
    {
        const int Known = 64, Blocks = 4;
        var network = (ITwoWayDenoiser)Loaded().Denoiser;
        ICachingDenoiser causal = network.ReadCausally();
        KeyValueCache cache = causal.CreateCache(112);
        List<float[]> logits = Logits();
        long graphs = Cuda.GraphLaunches;
        Assert.Equal(logits, Logits());
        graphs = Cuda.GraphLaunches - graphs;
        int all = logits.Count;
        Assert.True(graphs >= all / 2, $"{all} passes launched {graphs} graphs.");
        List<float[]> withoutGraphs = [];
        Cuda.Trace(() => withoutGraphs = Logits());
        Assert.Equal(logits, withoutGraphs);

        List<float[]> Logits()
        {
            List<float[]> read = [];
            foreach (int length in (int[])[112, 100, 105])
            {
                Assert.True(cache.TryReset(length));
                int[] ids = [.. Enumerable.Range(0, length).Select(i => 300 + (i * 11 % 4000))];
                causal.Logits(ids, [Known - 1], cache, [.. Enumerable.Range(0, Known)]);
                for (int pass = 0; pass < Blocks * passes; pass++)
                {
                    int first = Known + (pass / passes * block);
                    int rows = block - (pass % passes * block / passes);

                    // Each is predicted by the position before.
                    int[] wanted = [.. Enumerable.Range(first + block - rows, rows)];
                    read.Add(causal.Logits(ids, wanted, cache, [.. Enumerable.Range(first - 1, block)]).Floats.ToArray());
                }
            }

            return read;
        }
    }

    // Of a graph that is made and of one that was made before.
    [CudaTheory]
    [InlineData(2)]
    [InlineData(4)]
    public void Passes_WithoutRoomForGraphs_HaveTheSameBits(int before)
    {
        IDenoiser network = Loaded().Denoiser;
        float[] expected = Logits(network, 1);
        for (int pass = 1; pass < before; pass++)
        {
            Logits(network, 1);
        }

        FailGraphs(3, OutOfMemory);
        for (int pass = 0; pass < 6; pass++)
        {
            Assert.Equal(expected, Logits(network, 1));
        }

        // Every other pass.
        long graphs = Cuda.GraphLaunches;
        Assert.Equal(expected, Logits(network, 1));
        Assert.Equal(expected, Logits(network, 1));
        Assert.True(Cuda.GraphLaunches > graphs, "No graph is tried again.");
    }

    // The arrays of the failed pass were given to the device, but did not reach it.
    [CudaFact]
    public void Pass_BehindOneThatFailed_HasItsOwnTokens()
    {
        IDenoiser network = Loaded().Denoiser;
        float[] expected = Logits(network, 2);
        for (int pass = 0; pass < 4; pass++)
        {
            Logits(network, 1);
        }

        FailGraphs(1, NotSupported);
        Assert.Throws<CudaException>(() => Logits(network, 2));
        Assert.Equal(expected, Logits(network, 2));
    }

    private static float[] Logits(IDenoiser network, int seed) =>
        network.Logits([.. Enumerable.Range(0, 64).Select(i => 300 + (i * 11 * seed % 4000))], [5, 40]).Floats.ToArray();

    private static void FailGraphs(int calls, int error)
    {
        string? emulator = Environment.GetEnvironmentVariable(CudaLibraries.FolderVariable);
        Assert.SkipWhen(emulator is null, "Only an emulated GPU fails when it is told to.");
        nint library = NativeLibrary.Load(Path.Combine(emulator, "libcuda.so.1"));
        Marshal.GetDelegateForFunctionPointer<FailingGraphs>(NativeLibrary.GetExport(library, "emulatorFailGraphs"))(calls, error);
    }

    private DiffusionModel Loaded()
    {
        string model = ShippedModels.PathOf("csharp-12m");
        Assert.SkipUnless(File.Exists(Path.Combine(model, "model.safetensors")), $"{model} is not here.");
        return DiffusionModel.Load(model, device.Kernels);
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate int FailingGraphs(int calls, int error);
}
