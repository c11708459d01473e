namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Compiled kernels in the user's cache folder.</summary>
public sealed class KernelCompilerTests(Device device) : IClassFixture<Device>
{
    private const string CacheVariable = "XDG_CACHE_HOME";
    private const string Source = "convert.cu";

    [CudaFact]
    public void Function_KeptCodeIsDamaged_IsCompiledAgain()
    {
        device.Kernels.Device!.Finish(); // the driver's context is this thread's from now on
        (_, _, int major, int minor) = CudaDevice.Find(0);
        string? before = Environment.GetEnvironmentVariable(CacheVariable);
        string folder = Directory.CreateTempSubdirectory("cinnabar-test-").FullName;
        try
        {
            Environment.SetEnvironmentVariable(CacheVariable, folder);
            new KernelCompiler(major, minor).Prepare([Source], starting: null);
            string kept = Assert.Single(Directory.GetFiles(folder, "*.cubin", SearchOption.AllDirectories));
            byte[] whole = File.ReadAllBytes(kept);

            // As what was not yet on the disk when the power went: nothing, zeros, or a part.
            foreach (byte[] damaged in (byte[][])[[], new byte[whole.Length], whole[..(whole.Length / 2)]])
            {
                File.WriteAllBytes(kept, damaged);
                CudaFunction function = new KernelCompiler(major, minor).Function(Source, "round_to_bf16", sharedBytes: 0);
                Assert.NotEqual(nint.Zero, function.Handle);
                Assert.Equal(whole.Length, File.ReadAllBytes(kept).Length);
                Assert.Contains(File.ReadAllBytes(kept), value => value != 0);
            }
        }
        finally
        {
            Environment.SetEnvironmentVariable(CacheVariable, before);
            Directory.Delete(folder, recursive: true);
        }
    }
}
