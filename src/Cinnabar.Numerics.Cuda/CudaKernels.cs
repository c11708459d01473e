// The table of the kernels on a GPU.
using System.Globalization;
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Chooses the kernels of an NVIDIA GPU.</summary>
public static class CudaKernels
{
    /// <summary>Whether there is a GPU that <see cref="Create"/> can use.</summary>
    /// <param name="reason">One line: which, or why not.</param>
    public static bool IsAvailable(out string reason)
    {
        try
        {
            (_, string name, int major, int minor) = CudaDevice.Find(0);
            reason = $"{name}, compute capability {major}.{minor}";
            return true;
        }
        catch (CudaException e)
        {
            reason = e.Message;
            return false;
        }
        catch (EntryPointNotFoundException e)
        {
            reason = $"A library of CUDA is another than it is called, or too old: {e.Message}";
            return false;
        }
    }

    /// <summary>
    /// Makes the table of a GPU. The memory of tensors that are no longer used is kept for the next ones of the same table, until the
    /// process ends: models that come one after the other should share one.
    /// </summary>
    /// <param name="ordinal">Number of the GPU, from 0.</param>
    /// <param name="threads">
    /// Threads of the host for what the sampler does there; null: one per processor, those of <see cref="KernelTable.Create"/>.
    /// </param>
    /// <param name="compiling">Told how many sources are compiled first: some seconds, once on each card. Null: nobody is.</param>
    /// <exception cref="CudaException">There is no such GPU, it is too old, or a library is missing.</exception>
    public static KernelTable Create(int ordinal = 0, int? threads = null, Action<int>? compiling = null)
    {
        CudaDevice device = new(ordinal, compiling);
        KernelTable host = KernelTable.Create(threads);
        string cublas = CublasLt.cublasLtGetVersion().ToString(CultureInfo.InvariantCulture);
        return new KernelTable
        {
            Form = host.Form,
            Device = device,
            Reasons =
            [
                $"device: {device.Name}, compute capability {device.ComputeCapability}, {device.Multiprocessors} multiprocessors",
                $"matmul: cuBLASLt {cublas}, BF16 operands on tensor cores, sums in F32; Int8 with weights of integers",
                "other kernels: CUDA C++, compiled for this GPU",
            ],
            Workers = host.Workers,
            MatMul = new CudaMatMul(device),
            Embedding = new CudaEmbedding(device, host.Embedding),
            RmsNorm = new CudaRmsNorm(device),
            LayerNorm = new CudaLayerNorm(device),
            Rotary = new CudaRotary(device),
            KeyValueRows = new CudaKeyValueRows(device),
            Attention = new CudaAttention(device),
            SwiGlu = new CudaSwiGlu(device),
            GeGlu = new CudaGeGlu(device),
            SoftCap = new CudaSoftCap(device),
            Scaling = new CudaScaling(device),
            Gelu = new CudaGelu(device),
            Add = new CudaAdd(device),
            AddBias = new CudaAddBias(device),
            AddScaledRows = new CudaAddScaledRows(device),
            GatedAdd = new CudaGatedAdd(device),
            CrossEntropy = new CudaCrossEntropy(device),
            Softmax = new CudaSoftmax(device),
            Optimizer = new CudaOptimizer(device),
            TokenStatistics = new CudaTokenStatistics(device),
        };
    }
}
