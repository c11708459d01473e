// cuBLASLt, the library of matrix products (cuBLAS manual, version 12, chapter "Using the cuBLASLt API"; numbers of the enumerations as in
// its headers).
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda.Interop;

internal static unsafe partial class CublasLt
{
    // cudaDataType, cublasComputeType_t
    public const int Float32 = 0;
    public const int Integer8 = 3;
    public const int Integer32 = 10;
    public const int BFloat16 = 14;
    public const int ComputeFloat32 = 68;
    public const int ComputeInteger32 = 72;

    // cublasStatus_t
    public const int NotSupported = 15;

    // cublasLtMatmulDescAttributes_t, cublasLtMatmulPreferenceAttributes_t
    public const int TransposeA = 3;
    public const int TransposeB = 4;
    public const int MaxWorkspaceBytes = 1;
    public const int MinAlignmentA = 5;
    public const int MinAlignmentB = 6;
    public const int MinAlignmentC = 7;
    public const int MinAlignmentD = 8;

    [LibraryImport(CudaLibraries.Products)]
    public static partial nuint cublasLtGetVersion();

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtCreate(out nint handle);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulDescCreate(out nint description, int computeType, int scaleType);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulDescSetAttribute(nint description, int attribute, void* value, nuint bytes);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatrixLayoutCreate(out nint layout, int type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulPreferenceCreate(out nint preference);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmulAlgoGetHeuristic(
        nint handle,
        nint description,
        nint a,
        nint b,
        nint c,
        nint d,
        nint preference,
        int requested,
        Heuristic* results,
        out int found);

    [LibraryImport(CudaLibraries.Products)]
    public static partial int cublasLtMatmul(
        nint handle,
        nint description,
        void* alpha,
        nint a,
        nint layoutA,
        nint b,
        nint layoutB,
        void* beta,
        nint c,
        nint layoutC,
        nint d,
        nint layoutD,
        void* algorithm,
        nint workspace,
        nuint workspaceBytes,
        nint stream);

    /// <summary>Throws unless a call succeeded.</summary>
    public static void Check(int status, string call)
    {
        if (status != 0)
        {
            throw new CudaException(
                $"cuBLASLt {cublasLtGetVersion()} failed at {call} with status {status}.",
                "Install another version of the CUDA libraries, or use --device cpu.");
        }
    }

    /// <summary>cublasLtMatmulHeuristicResult_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Heuristic
    {
        public fixed ulong Algorithm[8];
        public nuint WorkspaceBytes;
        public int Status;
        public float Waves;
        private fixed int _reserved[4];
    }
}
