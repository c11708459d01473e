// The CUDA driver API, as far as it is used here (CUDA Driver API reference manual, version 12). Every function answers with a CUresult.
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda.Interop;

internal static unsafe partial class CudaDriver
{
    public const int OutOfMemory = 2;

    // What ends a context: memory that does not keep what it is given, and the faults of kernels from illegal addresses on.
    private const int Uncorrectable = 214;
    private const int FirstFault = 700;
    private const int LastFault = 720;

    // CUdevice_attribute
    public const int MultiprocessorCount = 16;
    public const int ComputeCapabilityMajor = 75;
    public const int ComputeCapabilityMinor = 76;
    public const int MaxSharedBytesPerBlock = 97; // for kernels that ask for it

    // CUfunction_attribute
    public const int MaxDynamicSharedBytes = 8;
    public const int SharedCarveout = 9; // percent

    // CUlaunchAttributeID: programmatic stream serialization
    public const int OverlapWithPrevious = 6;

    // Flags
    public const uint NonBlockingStream = 1;
    public const int ThreadLocalCapture = 1;

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuInit(uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDriverGetVersion(out int version);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuGetErrorString(int error, out byte* text);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDeviceGetCount(out int count);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDeviceGetAttribute(out int value, int attribute, int device);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuCtxSetCurrent(nint context);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemGetInfo_v2(out nuint free, out nuint total);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemAlloc_v2(out nint address, nuint bytes);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemFree_v2(nint address);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemcpyHtoDAsync_v2(nint to, void* from, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemcpyDtoHAsync_v2(void* to, nint from, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuMemsetD8Async(nint address, byte value, nuint bytes, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuStreamCreate(out nint stream, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuStreamEndCapture(nint stream, out nint graph);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuGraphDestroy(nint graph);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuModuleLoadData(out nint module, void* image);

    [LibraryImport(CudaLibraries.Driver, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int cuModuleGetFunction(out nint function, nint module, string name);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuLaunchKernelEx(LaunchConfig* config, nint function, void** arguments, void** extra);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuEventCreate(out nint handle, uint flags);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuEventDestroy_v2(nint handle);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuEventRecord(nint handle, nint stream);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuEventSynchronize(nint handle);

    [LibraryImport(CudaLibraries.Driver)]
    public static partial int cuEventElapsedTime(out float milliseconds, nint from, nint to);

    /// <summary>The driver's words for an error.</summary>
    public static string TextOf(int error) =>
        cuGetErrorString(error, out byte* text) == 0 ? $"{Marshal.PtrToStringUTF8((nint)text)} ({error})" : $"error {error}";

    /// <summary>Throws unless a call of the driver succeeded.</summary>
    public static void Check(int error, string call)
    {
        if (error != 0)
        {
            throw new CudaException(
                $"The GPU failed at {call}: {TextOf(error)}.", "Run the command again; if it fails again, use --device cpu.")
            {
                IsLost = error is Uncorrectable or (>= FirstFault and <= LastFault),
            };
        }
    }

    /// <summary>CUlaunchConfig.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct LaunchConfig
    {
        public uint GridX;
        public uint GridY;
        public uint GridZ;
        public uint BlockX;
        public uint BlockY;
        public uint BlockZ;
        public uint SharedBytes;
        public nint Stream;
        public LaunchAttribute* Attributes;
        public uint AttributeCount;
    }

    /// <summary>CUlaunchAttribute with a value that is a number.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 72)]
    public struct LaunchAttribute
    {
        [FieldOffset(0)]
        public int Id;

        [FieldOffset(8)]
        public int Value;
    }
}
