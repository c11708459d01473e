using System.Runtime.CompilerServices;
using Cinnabar.Numerics.Autograd;

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

    [CudaFact]
    public void Upload_WithALookAtARoundedTensorBetween_LeavesTheArrayBefore()
    {
        // The look launches a kernel, which widens, but it is not the one that the array is for.
        var cuda = (CudaDevice)device.Kernels.Device!;
        (Tensor zeros, Tensor rounded) = (Tensor.Zeros(8), Tensor.Zeros(8));
        rounded.IsOperand = true;
        cuda.Round(cuda.Read(zeros), cuda.WriteRounded(rounded), zeros.Count);
        int[] found = new int[3];
        cuda.Finish();
        nint first = cuda.Upload<int>([7, 8, 9]);
        Assert.Equal(0f, rounded.Floats[^1]);
        nint second = cuda.Upload<int>([10, 11, 12]);
        cuda.Download(first, found.AsSpan());
        Assert.NotEqual(first, second);
        Assert.Equal(new[] { 7, 8, 9 }, found);
    }

    [CudaFact]
    public void Read_OfATensorThatNobodyHolds_KeepsItsMemoryForTheNextKernel()
    {
        // Room for another operand of the same kernel may take a collection of garbage.
        const int Elements = 3_000_000;
        var cuda = (CudaDevice)device.Kernels.Device!;
        nint address = ReadOfATensorLetGo(cuda, Elements);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Tensor next = Tensor.Zeros(Elements);
        Assert.NotEqual(address, cuda.Read(next));
        GC.KeepAlive(next);
    }

    [CudaFact]
    public void UpdateRounded_OfRowsOfACache_TakesTwoBytesANumber()
    {
        var cuda = (CudaDevice)device.Kernels.Device!;
        Tensor rows = new Tape(device.Kernels, recording: false).CacheRows(1_024, 1_024);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = cuda.UsedBytes;
        nint written = cuda.UpdateRounded(rows.View(900, 1_024));
        nint read = cuda.ReadRounded(rows);
        Assert.Equal(before + (rows.Count * sizeof(ushort)), cuda.UsedBytes);
        Assert.Equal(written, read);
        Assert.Equal(0f, rows.Floats[^1]);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint ReadOfATensorLetGo(CudaDevice cuda, int elements) => cuda.Read(Tensor.Zeros(elements));
}
