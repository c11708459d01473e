// Where the libraries of CUDA are. The driver's comes with the driver; NVRTC and cuBLASLt come with the toolkit, or with the packages
// that Python programs install. They are looked for by the names of their versions, newest first, in this order: the folder that
// CINNABAR_CUDA names, the system's own places, CUDA_PATH and CUDA_HOME, and the usual folders of the toolkit.
using System.Reflection;
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda.Interop;

/// <summary>Finds and loads the libraries that the LibraryImport declarations name.</summary>
internal static class CudaLibraries
{
    public const string Driver = "cuda";
    public const string Compiler = "nvrtc";
    public const string Products = "cublasLt";

    /// <summary>Names a folder that is searched first.</summary>
    public const string FolderVariable = "CINNABAR_CUDA";

    private static readonly Dictionary<string, string[]> s_names = OperatingSystem.IsWindows()
        ? new()
        {
            [Driver] = ["nvcuda.dll"],
            [Compiler] = ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"],
            [Products] = ["cublasLt64_13.dll", "cublasLt64_12.dll", "cublasLt64_11.dll"],
        }
        : new()
        {
            [Driver] = ["libcuda.so.1", "libcuda.so"],
            [Compiler] = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"],
            [Products] = ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11", "libcublasLt.so"],
        };

    private static readonly Lock s_oneAtATime = new();
    private static readonly Dictionary<string, nint> s_loaded = [];

    static CudaLibraries() => NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, Resolve);

    /// <summary>
    /// Loads a library. The driver's must be asked for before any other call: that is when the others learn where to look.
    /// </summary>
    /// <exception cref="CudaException">It is not there.</exception>
    public static nint Require(string library) => TryLoad(library, out nint handle)
        ? handle
        : throw new CudaException(
            $"Expected one of {string.Join(", ", s_names[library])}, found none in {FolderVariable}, the system's folders, CUDA_PATH or "
            + "the usual folders of the CUDA toolkit.",
            library == Driver
                ? "Install the NVIDIA driver, or use --device cpu."
                : $"Install the CUDA toolkit or its run-time libraries, or let {FolderVariable} name their folder, or use --device cpu.");

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path) =>
        s_names.ContainsKey(library) ? Require(library) : nint.Zero;

    private static bool TryLoad(string library, out nint handle)
    {
        lock (s_oneAtATime)
        {
            if (s_loaded.TryGetValue(library, out handle))
            {
                return true;
            }

            foreach (string name in s_names[library])
            {
                foreach (string path in Places(name))
                {
                    if (NativeLibrary.TryLoad(path, out handle))
                    {
                        s_loaded.Add(library, handle);
                        return true;
                    }
                }
            }

            return false;
        }
    }

    private static IEnumerable<string> Places(string name)
    {
        string? chosen = Environment.GetEnvironmentVariable(FolderVariable);
        if (!string.IsNullOrEmpty(chosen))
        {
            yield return Path.Combine(chosen, name);
        }

        yield return name;
        foreach (string root in Roots())
        {
            foreach (string part in (string[])["lib64", "lib", "bin", "bin/x64", "targets/x86_64-linux/lib"])
            {
                string path = Path.Combine(root, part, name);
                if (File.Exists(path))
                {
                    yield return path;
                }
            }
        }
    }

    private static IEnumerable<string> Roots()
    {
        foreach (string variable in (string[])["CUDA_PATH", "CUDA_HOME"])
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } root)
            {
                yield return root;
            }
        }

        yield return "/usr/local/cuda";
        if (Directory.Exists("/usr/local"))
        {
            foreach (string root in Directory.GetDirectories("/usr/local", "cuda-*").OrderDescending(StringComparer.Ordinal))
            {
                yield return root;
            }
        }
    }
}
