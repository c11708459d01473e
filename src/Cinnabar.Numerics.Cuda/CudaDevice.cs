// One GPU: its memory, its stream, its compiled kernels, and where the elements of tensors are on it. Kernels ask for addresses by what they
// will do with the elements (Read, Write, Update), which brings them to the device when they are not there, and issue launches; nothing
// waits until the host looks at a result.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A CUDA device; not thread-safe, but for the host's looks at tensors.</summary>
internal sealed unsafe class CudaDevice : IDevice
{
    // bfloat16 products on tensor cores, and asynchronous copies: Ampere.
    private const int LeastMajor = 8;

    private const int ElementsPerThread = 4;
    private const int Threads = 256;

    [ThreadStatic]
    private static nint t_current;

    private readonly Lock _oneAtATime = new();
    private readonly nint _context;
    private readonly CudaStream _stream;
    private readonly CudaStaging _staging;
    private readonly ProductPlans _products;
    private readonly KernelCompiler _compiler;
    private readonly CudaFunction _round;
    private readonly CudaFunction _widen;
    private nint _scratch;
    private long _scratchBytes;

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
        Check(CudaDriver.cuDevicePrimaryCtxRetain(out _context, device), "cuDevicePrimaryCtxRetain");
        MakeCurrent();
        Memory = new CudaMemory(Name);
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
    public long UsedBytes => Memory.Used;

    /// <summary>For example 9.0.</summary>
    public string ComputeCapability { get; }

    /// <summary>Multiprocessors.</summary>
    public int Multiprocessors { get; }

    /// <summary>The most shared memory that a block can take.</summary>
    public int SharedBytesPerBlock { get; }

    /// <summary>Its memory.</summary>
    public CudaMemory Memory { get; }

    /// <summary>Steps that ran as one graph so far.</summary>
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

        Check(CudaDriver.cuDeviceGetCount(out int count), "cuDeviceGetCount");
        if (ordinal >= count)
        {
            throw new CudaException(
                $"Expected the number of one of {count} GPUs, counted from 0, found {ordinal}.",
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
    public CudaFunction Function(string source, string name, int dynamicSharedBytes = 0)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            return _compiler.Function(source, name, dynamicSharedBytes);
        }
    }

    /// <summary>Compiles sources of which several will be needed, at once.</summary>
    public void Prepare(IEnumerable<string> sources) => _compiler.Prepare(sources, starting: null);

    /// <summary>Address of a tensor's elements for reading.</summary>
    public nint Read(Tensor tensor) => CopyOf(tensor).Exact();

    /// <summary>Address of elements all of which the kernel overwrites.</summary>
    public nint Write(Tensor tensor) => CopyOf(tensor).ForWriting(partly: LeavesSome(tensor));

    /// <summary>Address of elements that the kernel reads and changes, or changes in part.</summary>
    public nint Update(Tensor tensor) => CopyOf(tensor).ForWriting(partly: true);

    /// <summary>Address of the elements rounded to BF16.</summary>
    public nint ReadRounded(Tensor tensor) => tensor.Type == DType.BF16 ? Read(tensor) : CopyOf(tensor).Rounded();

    /// <summary>Address of the BF16 form, all of which the kernel writes instead of the F32 elements of an operand of products.</summary>
    public nint WriteRounded(Tensor tensor)
    {
        if (!tensor.IsOperand || LeavesSome(tensor))
        {
            throw new InvalidOperationException($"Expected a whole operand of products, found {tensor}.");
        }

        return CopyOf(tensor).ForWritingRounded();
    }

    /// <summary>Whether a tensor's elements are known to be zero.</summary>
    public bool IsZero(Tensor tensor) => CopyOf(tensor).IsZero;

    /// <summary>Zeros on the device.</summary>
    public void Clear(Tensor tensor)
    {
        CopyOf(tensor);
        tensor.Clear();
    }

    /// <summary>Puts a small array on the device.</summary>
    /// <returns>Its address, valid for the launches that follow at once; 0 of an empty one.</returns>
    public nint Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.IsEmpty)
        {
            return nint.Zero;
        }

        lock (_oneAtATime)
        {
            MakeCurrent();
            return _staging.Put(System.Runtime.InteropServices.MemoryMarshal.AsBytes(values));
        }
    }

    /// <summary>Working memory for the launches that follow at once: the next call may return the same.</summary>
    public nint Scratch(long bytes)
    {
        if (bytes > _scratchBytes)
        {
            MakeCurrent();
            if (_scratch != nint.Zero)
            {
                Memory.Free(_scratch, _scratchBytes);
            }

            _scratchBytes = bytes;
            _scratch = Memory.Allocate(bytes);
        }

        return _scratch;
    }

    /// <summary>Starts a kernel behind everything that was started before.</summary>
    public void Launch(CudaFunction function, int gridX, int gridY, int gridZ, int threads, in KernelArguments arguments) =>
        Issue(new CudaCommand
        {
            Kind = CommandKind.Launch,
            Source = function.Handle,
            GridX = gridX,
            GridY = gridY,
            GridZ = gridZ,
            Threads = threads,
            SharedBytes = function.SharedBytes,
            Arguments = arguments,
        });

    /// <summary>C (+)= A·B, see <see cref="ProductPlans"/>.</summary>
    public void Multiply(in ProductShape shape, nint left, nint right, nint result, bool accumulate)
    {
        int plan;
        lock (_oneAtATime)
        {
            MakeCurrent();
            plan = _products.NumberOf(shape);
        }

        Issue(new CudaCommand
        {
            Kind = CommandKind.Product,
            Source = plan,
            A = left,
            B = right,
            Target = result,
            Bytes = accumulate ? 1 : 0,
        });
    }

    /// <summary>Blocks that cover so many elements, four a thread, at most as many as run at once a few times over.</summary>
    public int BlocksFor(long elements) =>
        (int)Math.Clamp((elements + (Threads * ElementsPerThread) - 1) / (Threads * ElementsPerThread), 1, 16L * Multiprocessors);

    /// <summary>y = x rounded to BF16.</summary>
    public void Round(nint from, nint to, long count) => Convert(_round, from, to, count);

    /// <summary>y = x widened to F32.</summary>
    public void Widen(nint from, nint to, long count) => Convert(_widen, from, to, count);

    /// <summary>Zeros.</summary>
    public void Clear(nint address, long bytes) =>
        Issue(new CudaCommand { Kind = CommandKind.Clear, Target = address, Bytes = bytes });

    /// <summary>Copies a tensor's elements from the host, now: what is issued later comes behind.</summary>
    public void CopyFromHost(nint to, void* from, long bytes)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            Check(CudaDriver.cuMemcpyHtoDAsync_v2(to, from, (nuint)bytes, _stream.Handle), "cuMemcpyHtoDAsync");

            // The array may change, or go, as soon as this returns.
            Check(CudaDriver.cuStreamSynchronize(_stream.Handle), "cuStreamSynchronize");
            _staging.Reset();
        }
    }

    /// <summary>Waits for the device and copies from it.</summary>
    public void Download(nint from, void* to, long bytes)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            Check(CudaDriver.cuMemcpyDtoHAsync_v2(to, from, (nuint)bytes, _stream.Handle), "cuMemcpyDtoHAsync");
            Check(CudaDriver.cuStreamSynchronize(_stream.Handle), "cuStreamSynchronize");
            _staging.Reset();
        }
    }

    /// <inheritdoc cref="Download(nint, void*, long)"/>
    public void Download<T>(nint from, Span<T> to)
        where T : unmanaged
    {
        fixed (T* address = to)
        {
            Download(from, address, (long)to.Length * sizeof(T));
        }
    }

    /// <inheritdoc/>
    public void Finish()
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Wait();
            _staging.Reset();
        }
    }

    /// <summary>Runs something and tells how long each command took, as far as the ones before let it start.</summary>
    /// <returns>Name and seconds, in order; what the first one took is not known.</returns>
    public IReadOnlyList<(string Name, double Seconds)> Trace(Action run)
    {
        List<(CudaCommand Command, nint Event)> commands = [];
        Finish();
        _stream.Trace = commands;
        try
        {
            run();
        }
        finally
        {
            _stream.Trace = null;
        }

        Finish();
        List<(string, double)> times = [];
        for (int i = 1; i < commands.Count; i++)
        {
            Check(CudaDriver.cuEventElapsedTime(out float milliseconds, commands[i - 1].Event, commands[i].Event), "cuEventElapsedTime");
            times.Add((NameOf(commands[i].Command), milliseconds / 1e3));
        }

        commands.ForEach(command => CudaDriver.cuEventDestroy_v2(command.Event));
        return times;
    }

    private string NameOf(in CudaCommand command) => command.Kind switch
    {
        CommandKind.Launch => _compiler.NameOf(command.Source),
        CommandKind.Product => _products.NameOf((int)command.Source),
        CommandKind.CopyToDevice => "copy to the GPU",
        _ => "zeros",
    };

    /// <summary>Starts what is held back and gives the driver's handle of the stream, for timing.</summary>
    public nint Stream()
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Flush();
            return _stream.Handle;
        }
    }

    // A view of a tensor, written by a device that has not got the rest.
    private static bool LeavesSome(Tensor tensor) =>
        !tensor.Storage.IsTransient && Tensor.BytesOf(tensor.Type, tensor.Count) < tensor.Storage.Bytes;

    private CudaCopy CopyOf(Tensor tensor)
    {
        TensorStorage storage = tensor.Storage;
        if (storage.Copy is null)
        {
            storage.Copy = new CudaCopy(this, storage);
        }

        return storage.Copy is CudaCopy copy && copy.Device == this
            ? copy
            : throw new InvalidOperationException($"The tensor {tensor} is on another device.");
    }

    private void Convert(CudaFunction function, nint from, nint to, long count)
    {
        KernelArguments arguments = default;
        arguments.Add(from);
        arguments.Add(to);
        arguments.Add(count);
        Launch(function, BlocksFor(count), 1, 1, Threads, arguments);
    }

    private void Issue(in CudaCommand command)
    {
        lock (_oneAtATime)
        {
            MakeCurrent();
            _stream.Issue(command);
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
