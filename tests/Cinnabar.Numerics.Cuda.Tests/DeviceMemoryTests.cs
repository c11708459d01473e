namespace Cinnabar.Numerics.Cuda.Tests;

/// <summary>Working memory and small arrays on the device.</summary>
public sealed class DeviceMemoryTests(Device device) : IClassFixture<Device>
{
    private const long Much = 1L << 20;

    // 35 TB.
    private const long TooMuch = 1L << 45;

    [CudaFact]
    public void Scratch_MoreThanThereIs_LeavesNothingThatWasGivenBack()
    {
        var cuda = (CudaDevice)device.Kernels.Device!;
        cuda.Scratch(Much);
        Assert.Throws<CudaException>(() => cuda.Scratch(TooMuch));

        // So that no finalizer gives anything back between the two looks.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = cuda.UsedBytes;
        Assert.NotEqual(nint.Zero, cuda.Scratch(Much));
        Assert.True(cuda.UsedBytes >= before + Much, "Scratch gave out memory that it had given back.");
    }

    [CudaFact]
    public void Upload_WithALookBetween_LeavesTheArrayBefore()
    {
        // As another thread may look at a tensor while a launch is prepared.
        var cuda = (CudaDevice)device.Kernels.Device!;
        int[] found = new int[3];
        cuda.Finish();
        nint first = cuda.Upload<int>([1, 2, 3]);
        cuda.Download(first, found.AsSpan());
        nint second = cuda.Upload<int>([4, 5, 6]);
        cuda.Download(first, found.AsSpan());
        Assert.NotEqual(first, second);
        Assert.Equal(new[] { 1, 2, 3 }, found);
    }
}
