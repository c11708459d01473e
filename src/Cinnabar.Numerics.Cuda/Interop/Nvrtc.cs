// NVRTC, the compiler of CUDA C++ at run time (NVRTC manual, version 12).
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda.Interop;

internal static unsafe partial class Nvrtc
{
    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcVersion(out int major, out int minor);

    [LibraryImport(CudaLibraries.Compiler, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int nvrtcCreateProgram(
        out nint program, string source, string name, int headers, string[] headerSources, string[] headerNames);

    [LibraryImport(CudaLibraries.Compiler, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int nvrtcCompileProgram(nint program, int count, string[] options);

    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcGetProgramLogSize(nint program, out nuint size);

    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcGetProgramLog(nint program, byte* log);

    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcGetCUBINSize(nint program, out nuint size);

    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcGetCUBIN(nint program, byte* code);

    [LibraryImport(CudaLibraries.Compiler)]
    public static partial int nvrtcDestroyProgram(ref nint program);
}
