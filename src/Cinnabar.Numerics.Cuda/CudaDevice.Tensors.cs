// Where the elements of tensors are on the device.
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics.Cuda;

internal sealed unsafe partial class CudaDevice
{
    // More than a kernel has.
    private const int MostOperands = 32;

    private readonly TensorStorage?[] _operands = new TensorStorage?[MostOperands];
    private int _nextOperand;
    private nint _scratch;
    private long _scratchBytes;

    /// <summary>Address of a tensor's elements for reading.</summary>
    public nint Read(Tensor tensor) => CopyOf(tensor).Exact();

    /// <summary>Address of elements all of which the kernel overwrites.</summary>
    public nint Write(Tensor tensor) => CopyOf(tensor).ForWriting(partly: LeavesSome(tensor));

    /// <summary>Address of elements that the kernel reads and changes, or changes in part.</summary>
    public nint Update(Tensor tensor) => CopyOf(tensor).ForWriting(partly: true);

    /// <summary>
    /// Address of a whole gradient (no view of a part) to which a kernel adds, and 1; or 0 where there is only zero to add to: then the
    /// kernel overwrites all elements, and nobody has to make the zeros or read them.
    /// </summary>
    public (nint Address, int Adds) Accumulate(Tensor gradient) => IsZero(gradient) ? (Write(gradient), 0) : (Update(gradient), 1);

    /// <summary>Address of the elements rounded to BF16.</summary>
    public nint ReadRounded(Tensor tensor) => tensor.Type == DType.BF16 ? Read(tensor) : CopyOf(tensor).Rounded();

    /// <summary>
    /// Address of the elements of a tensor of F32 as they are if the device has them so, else rounded to BF16 if it has only these; of a
    /// tensor of BF16 its elements.
    /// </summary>
    public (nint Address, bool IsRounded) ReadEither(Tensor tensor) =>
        tensor.Type == DType.BF16 ? (Read(tensor), true) : CopyOf(tensor).Either();

    /// <summary>Address of the BF16 form, all of which the kernel writes instead of the F32 elements of an operand of products.</summary>
    public nint WriteRounded(Tensor tensor)
    {
        if (!tensor.IsOperand || LeavesSome(tensor))
        {
            throw new InvalidOperationException($"Expected a whole operand of products, found {tensor}.");
        }

        return CopyOf(tensor).ForWritingRounded(partly: false);
    }

    /// <summary>Address of the BF16 form of an operand of products, which the kernel changes in part; no other is kept.</summary>
    public nint UpdateRounded(Tensor tensor) => tensor.IsOperand
        ? CopyOf(tensor).ForWritingRounded(partly: true)
        : throw new InvalidOperationException($"Expected an operand of products, found {tensor}.");

    /// <summary>Whether a tensor's elements are known to be zero.</summary>
    public bool IsZero(Tensor tensor) => CopyOf(tensor).IsZero;

    /// <summary>Puts a small array on the device.</summary>
    /// <returns>Its address, valid for the launches that follow at once; 0 of an empty one.</returns>
    public nint Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.IsEmpty)
        {
            return nint.Zero;
        }

        lock (_oneAtATime)
        {
            MakeCurrent();
            return _staging.Put(MemoryMarshal.AsBytes(values));
        }
    }

    /// <summary>Working memory for the launches that follow at once: the next call may return the same.</summary>
    public nint Scratch(long bytes)
    {
        if (bytes > _scratchBytes)
        {
            MakeCurrent();
            if (_scratch != nint.Zero)
            {
                Memory.Free(_scratch, _scratchBytes);
                (_scratch, _scratchBytes) = (nint.Zero, 0); // there may be no room for the larger one
            }

            _scratch = Memory.Allocate(bytes);
            _scratchBytes = bytes;
        }

        return _scratch;
    }

    // A view of a tensor, written by a device that has not got the rest.
    private static bool LeavesSome(Tensor tensor) =>
        !tensor.Storage.IsTransient && Tensor.BytesOf(tensor.Type, tensor.Count) < tensor.Storage.Bytes;

    private CudaCopy CopyOf(Tensor tensor)
    {
        TensorStorage storage = tensor.Storage;
        if (storage.Copy is null)
        {
            storage.Copy = new CudaCopy(this, storage);
        }

        // A kernel has its operands' addresses before it is issued, and room for the last of them may take a collection of garbage, which
        // must not give back the memory of one that nobody else holds any more.
        _operands[_nextOperand] = storage;
        _nextOperand = (_nextOperand + 1) % MostOperands;

        return storage.Copy is CudaCopy copy && copy.Device == this
            ? copy
            : throw new InvalidOperationException($"The tensor {tensor} is on another device.");
    }
}
