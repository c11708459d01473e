// Kernel sources → machine code of one card. A source is compiled at its first use and kept in the user's cache folder under a hash of the
// text, the architecture and the compiler's version, so that later runs only load it. Every source begins with prelude.cuh, and may
// include other embedded headers by name.
using System.Security.Cryptography;
using System.Text;
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>Compiles the embedded kernel sources for one device; not thread-safe.</summary>
/// <param name="major">Compute capability, the part before the point.</param>
/// <param name="minor">The part behind it.</param>
internal sealed unsafe class KernelCompiler(int major, int minor)
{
    private const string Prelude = "#include \"prelude.cuh\"\n";
    private const string Include = "#include \"";

    private readonly Dictionary<string, nint> _modules = [];
    private readonly Dictionary<(string Source, string Name, int SharedBytes), CudaFunction> _functions = [];
    private readonly Dictionary<nint, string> _names = [];
    private readonly Dictionary<nint, int> _sharedBytes = []; // the most that was asked for: launches of more may still be held back

    /// <summary>The sources that need no macros; the others are compiled for one size at a time.</summary>
    public static IReadOnlyList<string> Common { get; } =
    [
        "convert.cu", "cross_entropy.cu", "elementwise.cu", "embedding.cu", "integers.cu", "norms.cu", "optimizer.cu", "rows.cu", "sums.cu",
        "token_statistics.cu",
    ];

    /// <summary>The handle of a kernel.</summary>
    /// <param name="source">
    /// Name of the embedded source and, behind spaces, macros it is compiled with, such as "attention_forward.cu WIDTH=64".
    /// </param>
    /// <param name="name">Name of the kernel in it.</param>
    /// <param name="sharedBytes">Dynamic shared memory that a block may take.</param>
    /// <param name="overlaps">Whether it calls waitForPrevious (instructions.cuh); the same for the same kernel.</param>
    /// <exception cref="CudaException">It does not compile.</exception>
    public CudaFunction Function(string source, string name, int sharedBytes, bool overlaps = false)
    {
        if (_functions.TryGetValue((source, name, sharedBytes), out CudaFunction known))
        {
            return known;
        }

        if (!_modules.TryGetValue(source, out nint module))
        {
            module = Load(Find(source));
            _modules.Add(source, module);
        }

        CudaDriver.Check(CudaDriver.cuModuleGetFunction(out nint function, module, name), $"finding {name} in {source}");
        if (sharedBytes > _sharedBytes.GetValueOrDefault(function))
        {
            CudaDriver.Check(
                CudaDriver.cuFuncSetAttribute(function, CudaDriver.MaxDynamicSharedBytes, sharedBytes),
                $"giving {name} {sharedBytes} bytes");
            _sharedBytes[function] = sharedBytes;
        }

        if (overlaps)
        {
            // A multiprocessor divides its memory into shared memory and cache anew only when it is idle: kernels that are to meet on one
            // ask for the same.
            CudaDriver.Check(CudaDriver.cuFuncSetAttribute(function, CudaDriver.SharedCarveout, 100), $"preparing {name}");
        }

        _names[function] = name;
        CudaFunction found = new(function, sharedBytes, overlaps);
        _functions.Add((source, name, sharedBytes), found);
        return found;
    }

    /// <summary>The name of a kernel.</summary>
    public string NameOf(nint handle) => _names[handle];

    /// <summary>Compiles sources that are not in the cache, several at once.</summary>
    /// <param name="sources">As <see cref="Function"/> takes them.</param>
    /// <param name="starting">Told how many, before it takes a while.</param>
    /// <exception cref="CudaException">One does not compile.</exception>
    public void Prepare(IEnumerable<string> sources, Action<int>? starting)
    {
        Source[] missing = [.. sources.Select(Find).Where(source => !File.Exists(source.CachePath))];
        if (missing.Length == 0)
        {
            return;
        }

        starting?.Invoke(missing.Length);
        try
        {
            Parallel.ForEach(missing, source => Keep(source.CachePath, Compile(source)));
        }
        catch (AggregateException e) when (e.InnerException is CudaException first)
        {
            throw first;
        }
    }

    private nint Load(Source source)
    {
        if (Kept(source) is byte[] kept && TryLoad(kept, out nint module) == 0)
        {
            return module;
        }

        byte[] code = Compile(source);
        Keep(source.CachePath, code);
        int error = TryLoad(code, out nint compiled);
        return error == 0
            ? compiled
            : throw new CudaException(
                $"The driver does not load what this NVRTC compiled of {source.Name}: {CudaDriver.TextOf(error)}.",
                $"Update the NVIDIA driver, or let {CudaLibraries.FolderVariable} name the libraries of a version of CUDA that it knows, "
                + "or use --device cpu.");
    }

    private static int TryLoad(byte[] code, out nint module)
    {
        fixed (byte* image = code)
        {
            return CudaDriver.cuModuleLoadData(out module, image);
        }
    }

    private Source Find(string name)
    {
        string[] parts = name.Split(' ');
        string text = Prelude + Read(parts[0]);
        SortedDictionary<string, string> headers = new(StringComparer.Ordinal);
        AddHeadersOf(text, headers);
        Check(Nvrtc.nvrtcVersion(out int compilerMajor, out int compilerMinor), "nvrtcVersion");
        string key = $"hashed sm_{major}{minor} nvrtc {compilerMajor}.{compilerMinor} {name}\n{text}{string.Concat(headers.Values)}";
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        string path = Path.Combine(CacheFolder(), $"{Path.GetFileNameWithoutExtension(parts[0])}-{hash[..16]}.cubin");
        return new Source(name, text, headers, parts[1..], path);
    }

    private byte[] Compile(Source source)
    {
        (string name, string text, SortedDictionary<string, string> headers, string[] macros, _) = source;
        Check(
            Nvrtc.nvrtcCreateProgram(out nint program, text, name, headers.Count, [.. headers.Values], [.. headers.Keys]),
            "nvrtcCreateProgram");
        try
        {
            string[] options =
                [$"--gpu-architecture=sm_{major}{minor}", "--std=c++17", "-default-device", .. macros.Select(macro => $"-D{macro}")];
            int status = Nvrtc.nvrtcCompileProgram(program, options.Length, options);
            if (status != 0)
            {
                Check(Nvrtc.nvrtcGetProgramLogSize(program, out nuint logSize), "nvrtcGetProgramLogSize");
                byte[] log = new byte[logSize];
                fixed (byte* to = log)
                {
                    Check(Nvrtc.nvrtcGetProgramLog(program, to), "nvrtcGetProgramLog");
                }

                throw new CudaException(
                    $"The kernels of {name} do not compile for sm_{major}{minor} with this NVRTC (status {status}).",
                    "Install another version of the CUDA toolkit, or use --device cpu; --verbose shows the compiler's message.",
                    Encoding.UTF8.GetString(log).TrimEnd('\0'));
            }

            Check(Nvrtc.nvrtcGetCUBINSize(program, out nuint size), "nvrtcGetCUBINSize");
            byte[] code = new byte[size];
            fixed (byte* to = code)
            {
                Check(Nvrtc.nvrtcGetCUBIN(program, to), "nvrtcGetCUBIN");
            }

            return code;
        }
        finally
        {
            Nvrtc.nvrtcDestroyProgram(ref program);
        }
    }

    // Those that it includes, and those that they include.
    private static void AddHeadersOf(string text, SortedDictionary<string, string> headers)
    {
        foreach (string line in text.Split('\n'))
        {
            if (!line.StartsWith(Include, StringComparison.Ordinal))
            {
                continue;
            }

            string name = line[Include.Length..].TrimEnd().TrimEnd('"');
            if (!headers.ContainsKey(name))
            {
                string header = Read(name);
                headers.Add(name, header);
                AddHeadersOf(header, headers);
            }
        }
    }

    private static string Read(string name)
    {
        using Stream stream = typeof(KernelCompiler).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"The assembly has no kernel source '{name}'.");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private static string CacheFolder()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        string root = !string.IsNullOrEmpty(cache)
            ? cache
            : OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(root, "cinnabar", "cuda");
    }

    // Null: there is none, or it is damaged, as by a computer that went off while it was written, or not for us to read. The driver is not
    // told how long an image is, so a part of one must not reach it: the code's hash stands before it.
    private static byte[]? Kept(Source source)
    {
        try
        {
            byte[] file = File.Exists(source.CachePath) ? File.ReadAllBytes(source.CachePath) : [];
            return file.Length > SHA256.HashSizeInBytes
                && SHA256.HashData(file.AsSpan(SHA256.HashSizeInBytes)).AsSpan().SequenceEqual(file.AsSpan(0, SHA256.HashSizeInBytes))
                ? file[SHA256.HashSizeInBytes..]
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // A cache that cannot be written costs time, not correctness. Written beside and renamed, so that no other process reads half a file.
    private static void Keep(string path, byte[] code)
    {
        string beside = $"{path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(beside, [.. SHA256.HashData(code), .. code]);
            File.Move(beside, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(beside);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static void Check(int status, string call)
    {
        if (status != 0)
        {
            throw new CudaException(
                $"NVRTC failed at {call} with status {status}.", "Install another version of the CUDA toolkit, or use --device cpu.");
        }
    }

    private sealed record Source(
        string Name, string Text, SortedDictionary<string, string> Headers, string[] Macros, string CachePath);
}
