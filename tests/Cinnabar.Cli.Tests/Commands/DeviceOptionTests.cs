using Cinnabar.Numerics.Cuda;

namespace Cinnabar.Cli.Tests.Commands;

[Collection(ConsoleTests.Name)]
public sealed class DeviceOptionTests(TinyModel tiny)
{
    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    public async Task Device_NoDevicesName_IsAWrongCommandLine(string device)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel("generate", "int a", "--device", device);

        Assert.Equal(2, exitCode);
        Assert.Contains($"Expected --device to be cpu, cuda, cuda:0, cuda:1, … or auto, found '{device}'.", error);
    }

    [Theory]
    [InlineData("cpu")]
    [InlineData("auto")]
    public async Task Device_OfEveryMachine_Generates(string device)
    {
        (int exitCode, _, _) = await tiny.RunWithModel("generate", "int a", "--max-new-tokens", "4", "--device", device);

        Assert.Equal(0, exitCode);
    }

    [Fact]
    public async Task Verbose_Device_IsNamed()
    {
        (_, _, string quiet) = await tiny.RunWithModel("logits", "--ids", "3", "--out", Path.Combine(tiny.Folder, "quiet.npy"));
        (int exitCode, _, string error) = await tiny.RunWithModel(
            "logits", "--ids", "3", "--out", Path.Combine(tiny.Folder, "told.npy"), "--device", "cpu", "--verbose");

        Assert.Equal(0, exitCode);
        Assert.DoesNotContain("Runs on", quiet);
        Assert.Contains("Runs on this processor, 1 thread.", error);
        Assert.DoesNotContain("GPU", error);
    }

    [NoGpuTheory]
    [InlineData("auto")]
    public async Task Verbose_DeviceThatIsTheProcessorForWantOfAGpu_SaysWhy(string device)
    {
        (int exitCode, _, string error) = await tiny.RunWithModel(
            "generate", "int a", "--max-new-tokens", "4", "--device", device, "--verbose");

        Assert.Equal(0, exitCode);
        Assert.Contains("Runs on this processor, 1 thread. No GPU is used: Expected ", error);
    }

    [NoGpuTheory]
    [InlineData("generate", "int a", "--device", "cuda")]
    [InlineData("generate", "int a", "--device", "cuda:1")]
    [InlineData("bench", "gpu", "--device", "cuda")]
    public async Task Device_GpuThatIsNotThere_IsNamed(params string[] arguments)
    {
        (int exitCode, _, string error) = await tiny.Run(arguments);

        Assert.Equal(1, exitCode);
        Assert.StartsWith("error: Expected ", error);
        Assert.Contains("use --device cpu.", error);
        Assert.Single(error.Trim().Split('\n'));
    }
}

/// <summary>A theory of machines without a GPU, skipped on others.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NoGpuTheoryAttribute : TheoryAttribute
{
    public NoGpuTheoryAttribute()
    {
        if (CudaKernels.IsAvailable(out _))
        {
            Skip = "There is a GPU.";
        }
    }
}
