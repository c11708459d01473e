// One GPU: its memory, its stream, its compiled kernels, and where the elements of tensors are on it. Kernels ask for addresses by what
// they will do with the elements (Read, Write, Update), which brings them to the device when they are not there, and issue launches;
// nothing waits until the host looks at a result.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A CUDA device; not thread-safe, but for the host's looks at tensors.</summary>
internal sealed unsafe partial class CudaDevice : IDevice
{
    // bfloat16 products on tensor cores, and asynchronous copies: Ampere.
    private const int LeastMajor = 8;

    // Kernels that begin before the one before has ended: Hopper, and in graphs from this driver on.
    private const int LeastMajorToOverlap = 9;
    private const int LeastDriverToOverlap = 12_030;

    // The first that launches kernels with attributes.
    private const int LeastDriver = 11_080;

    [ThreadStatic]
    private static nint t_current;

    private readonly Lock _oneAtATime = new();
    private readonly nint _context;
    private readonly bool _canOverlap;
    private readonly CudaStream _stream;
    private readonly CudaStaging _staging;
    private readonly ProductPlans _products;
    private readonly KernelCompiler _compiler;
    private readonly CudaFunction _round;
    private readonly CudaFunction _widen;

    /// <summary>Opens a device.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <param name="compiling">Told how many sources are compiled first, if any.</param>
    /// <exception cref="CudaException">There is no such device, it is too old, or a library is missing.</exception>
    public CudaDevice(int ordinal, Action<int>? compiling = null)
    {
        (int device, Name, int major, int minor) = Find(ordinal);
        ComputeCapability = $"{major}.{minor}";
        Multiprocessors = Attribute(device, CudaDriver.MultiprocessorCount);
        SharedBytesPerBlock = Attribute(device, CudaDriver.MaxSharedBytesPerBlock);
        _canOverlap = major >= LeastMajorToOverlap && DriverVersion() >= LeastDriverToOverlap;
        Check(CudaDriver.cuDevicePrimaryCtxRetain(out _context, device), "cuDevicePrimaryCtxRetain");
        MakeCurrent();
        Check(CudaDriver.cuMemGetInfo_v2(out _, out nuint total), "cuMemGetInfo");
        MemoryBytes = (long)total;
        Memory = new CudaMemory(Name, FinishBeforeFreeing);
        _products = new ProductPlans(Memory);
        _stream = new CudaStream(_products);
        _staging = new CudaStaging(_stream, Memory);
        _compiler = new KernelCompiler(major, minor);
        _compiler.Prepare(KernelCompiler.Common, compiling);
        _round = Function("convert.cu", "round_to_bf16");
        _widen = Function("convert.cu", "widen_bf16");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long MemoryBytes { get; }

    /// <inheritdoc/>
    public long UsedBytes => Memory.Used;

    /// <summary>For example 9.0.</summary>
    public string ComputeCapability { get; }

    /// <summary>Multiprocessors.</summary>
    public int Multiprocessors { get; }

    /// <summary>The most shared memory that a block can take.</summary>
    public int SharedBytesPerBlock { get; }

    /// <summary>Its memory.</summary>
    public CudaMemory Memory { get; }

    /// <summary>Pieces of steps that ran as a graph so far.</summary>
    public long GraphLaunches => _stream.GraphLaunches;

    /// <summary>Looks for a device that can be used, and for the libraries it needs.</summary>
    /// <param name="ordinal">Its number, from 0.</param>
    /// <exception cref="CudaException">There is no such device, it is too old, or a library is missing.</exception>
    public static (int Device, string Name, int Major, int Minor) Find(int ordinal)
    {
        CudaLibraries.Require(CudaLibraries.Driver);
        int error = CudaDriver.cuInit(0);
        if (error != 0)
        {
            throw new CudaException(
                $"The NVIDIA driver does not start: {CudaDriver.TextOf(error)}.", "Check the driver with nvidia-smi, or use --device cpu.");
        }

        int version = DriverVersion();
        if (version < LeastDriver)
        {
            throw new CudaException(
                $"Expected an NVIDIA driver for CUDA {LeastDriver / 1000}.{LeastDriver % 1000 / 10} or newer, found one for "
                + $"{version / 1000}.{version % 1000 / 10}.",
                "Update the driver, or use --device cpu.");
        }

        Check(CudaDriver.cuDeviceGetCount(out int count), "cuDeviceGetCount");
        if (ordinal >= count)
        {
            throw new CudaException(
                count == 0
                    ? "Expected a GPU, found none."
                    : $"Expected {(count == 1 ? "cuda:0, the only GPU" : $"one of cuda:0 to cuda:{count - 1}")}, found cuda:{ordinal}.",
                count == 0 ? "Use --device cpu." : "Choose another one.");
        }

        Check(CudaDriver.cuDeviceGet(out int device, ordinal), "cuDeviceGet");
        string name = NameOf(device);
        int major = Attribute(device, CudaDriver.ComputeCapabilityMajor);
        int minor = Attribute(device, CudaDriver.ComputeCapabilityMinor);
        if (major < LeastMajor)
        {
            throw new CudaException(
                $"Expected a GPU of compute capability {LeastMajor}.0 or newer, found {name} with {major}.{minor}.",
                "Use --device cpu, or another GPU.");
        }

        CudaLibraries.Require(CudaLibraries.Compiler);
        CudaLibraries.Require(CudaLibraries.Products);
        return (device, name, major, minor);
    }

    /// <summary>A kernel, compiled if it is not in the cache.</summary>
    /// <param name="source">Name of the embedded source, and macros (<see cref="KernelCompiler.Function"/>).</param>
    /// <param name="name">Name of the kernel.</param>
    /// <param name="dynamicSharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="overlaps">Whether it calls waitForPrevious, and so may begin while the kernel before still runs.</param>
    public CudaFunction Function(string source, string name, int dynamicSharedBytes = 0, bool overlaps = false)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            return _compiler.Function(source, name, dynamicSharedBytes, overlaps && _canOverlap);
        }
    }

    /// <summary>Compiles sources of which several will be needed, at once.</summary>
    public void Prepare(IEnumerable<string> sources) => _compiler.Prepare(sources, starting: null);

    /// <summary>
    /// Memory of the device, asked for by any thread: the driver's context belongs to a thread, and that of the engine is not the one that
    /// loaded the model.
    /// </summary>
    internal nint Allocate(long bytes)
    {
        MakeCurrent();
        return Memory.Allocate(bytes);
    }

    private void FinishBeforeFreeing()
    {
        lock (_oneAtATime)
        {
            _stream?.Wait(); // null while the device is being opened
            _stream?.Forget();
        }
    }

    private void MakeCurrent()
    {
        if (t_current != _context)
        {
            Check(CudaDriver.cuCtxSetCurrent(_context), "cuCtxSetCurrent");
            t_current = _context;
        }
    }

    private static void Check(int error, string call) => CudaDriver.Check(error, call);

    // 1000 · major + 10 · minor of the CUDA that it knows.
    private static int DriverVersion()
    {
        Check(CudaDriver.cuDriverGetVersion(out int version), "cuDriverGetVersion");
        return version;
    }

    private static int Attribute(int device, int attribute)
    {
        Check(CudaDriver.cuDeviceGetAttribute(out int value, attribute, device), "cuDeviceGetAttribute");
        return value;
    }

    private static string NameOf(int device)
    {
        const int Length = 128;
        byte* name = stackalloc byte[Length];
        Check(CudaDriver.cuDeviceGetName(name, Length, device), "cuDeviceGetName");
        return System.Runtime.InteropServices.Marshal.PtrToStringUTF8((nint)name) ?? "GPU";
    }
}
