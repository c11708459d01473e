// Where there is no GPU, the processor plays one: Emulator/ has the three libraries of CUDA as far as they are called, and the kernels run as
// C++ of the host, thread by thread. That shows wrong results, missing barriers, memory touched too early, too late or not at all, and calls
// that CUDA refuses; it shows nothing of speed. The libraries are built by g++ beside the tests, once for each version of their sources.
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>A GPU that the processor plays.</summary>
internal static class EmulatedDevice
{
    private const string Compiler = "g++";
    private const string Driver = "libcuda.so.1";
    private static readonly string[] s_otherNames = ["libnvrtc.so.12", "libcublasLt.so.12"];

    /// <summary>What the compiler said if it could not build the libraries: then tests are to fail, not to be skipped.</summary>
    public static string? Failure { get; private set; }

    /// <summary>Builds the libraries and lets this process find them.</summary>
    /// <returns>Null, or why there can be none.</returns>
    public static string? Start()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return "the emulator runs on Linux on x86-64 alone";
        }

        string sources = Path.Combine(AppContext.BaseDirectory, "Emulator");
        string folder = Path.Combine(AppContext.BaseDirectory, $"emulator-{HashOf(sources)}");
        string library = Path.Combine(folder, Driver);
        if (!File.Exists(library) && Build(sources, folder, library) is string missing)
        {
            return missing;
        }

        Environment.SetEnvironmentVariable(CudaLibraries.FolderVariable, folder);

        // What it compiles is no code of a GPU, and other code with every version of it.
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", folder);
        return null;
    }

    private static string HashOf(string sources)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in Directory.GetFiles(sources).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(path)));
            hash.AppendData(File.ReadAllBytes(path));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    // Null, or why it cannot be tried. Built beside and moved, so that an interrupted build leaves nothing that looks like one.
    private static string? Build(string sources, string folder, string library)
    {
        Directory.CreateDirectory(folder);
        foreach (string name in s_otherNames)
        {
            // One library under three names: the driver's queue is what products are put into.
            string link = Path.Combine(folder, name);
            File.Delete(link);
            File.CreateSymbolicLink(link, Driver);
        }

        // What kernels are compiled with stays with the library, whatever becomes of the sources.
        foreach (string header in (string[])["device.h", "host.h", "instructions.cuh"])
        {
            File.Copy(Path.Combine(sources, header), Path.Combine(folder, header), overwrite: true);
        }

        string beside = $"{library}.{Environment.ProcessId}";
        string[] arguments =
        [
            "-std=c++17", "-O2", "-march=native", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra",
            $"-DEMULATOR_FOLDER=\"{folder}\"", $"-DEMULATOR_VERSION=0x{folder[^6..]}", $"-DEMULATOR_COMPILER=\"{Compiler}\"", "-o", beside,
            .. Directory.GetFiles(sources, "*.cpp"), "-ldl",
        ];
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(Compiler, arguments) { RedirectStandardError = true })!;
            string messages = process.StandardError.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                Failure = $"{Compiler} does not build the emulator:\n{messages}";
                return null;
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return $"there is no {Compiler} to build the emulator with";
        }

        File.Move(beside, library, overwrite: true);
        return null;
    }
}
