// Small arrays on their way to the device: ids, positions, descriptors. They are copied into pinned memory, and from there, as a command of
// the stream, to the same place in device memory. Places are given out from the front again after every wait, so that a step that is
// repeated uses the same ones; an array that was given before since then is not copied again. A kernel may take several arrays, and between
// the first and its launch any thread may wait to look at a tensor: then places are not given out again before a later wait. The arrays of
// one kernel must fit into the window together.
using Cinnabar.Numerics.Cuda.Interop;

namespace Cinnabar.Numerics.Cuda;

/// <summary>A window of pinned memory and its image on the device; not thread-safe.</summary>
internal sealed unsafe class CudaStaging
{
    private const int Capacity = 64 << 20;
    private const int Alignment = 256;

    // Looking for an equal array among more would cost more than copying.
    private const int MostCompared = 8;
    private const int LongestCompared = 64 << 10;

    private readonly CudaStream _stream;
    private readonly nint _host;
    private readonly nint _device;
    private readonly List<(int At, int Bytes)> _given = [];
    private int _next;
    private int _held = Capacity; // lowest place of the kernel that is still to be issued
    private int _limit = Capacity; // places end here: behind a wrap, where the arrays of that kernel begin
    private bool _isAwaited; // an array was given, and no kernel issued since

    public CudaStaging(CudaStream stream, CudaMemory memory)
    {
        _stream = stream;
        _stream.Dropped = _given.Clear; // copies to their places may be among what did not run
        CudaDriver.Check(CudaDriver.cuMemHostAlloc(out _host, Capacity, 0), "cuMemHostAlloc");
        _device = memory.Allocate(Capacity);
    }

    /// <summary>Puts bytes on the device.</summary>
    /// <returns>Their address there, valid for the kernels that are issued at once.</returns>
    public nint Put(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > Capacity)
        {
            throw new ArgumentException($"Expected at most {Capacity:N0} bytes, found {bytes.Length:N0}.", nameof(bytes));
        }

        bool isOfSameKernel = _isAwaited;
        _isAwaited = true;
        if (Find(bytes) is int given)
        {
            _held = Math.Min(_held, given);
            return _device + given;
        }

        if (_next + bytes.Length > _limit)
        {
            if (isOfSameKernel && bytes.Length > _held)
            {
                throw new ArgumentException($"Expected the arrays of a kernel to be at most {Capacity:N0} bytes together.", nameof(bytes));
            }

            _stream.Wait();
            Empty();
            _limit = isOfSameKernel ? _held : Capacity;
        }

        int at = _next;
        _held = Math.Min(_held, at);
        bytes.CopyTo(new Span<byte>((void*)(_host + at), bytes.Length));
        _stream.Issue(new CudaCommand
        {
            Kind = CommandKind.CopyToDevice,
            Source = _host + at,
            Target = _device + at,
            Bytes = bytes.Length,
        });
        _given.Add((at, bytes.Length));
        _next = (at + bytes.Length + Alignment - 1) / Alignment * Alignment;
        return _device + at;
    }

    /// <summary>A kernel was issued, with the arrays given before it; what is copied later to their places comes behind it.</summary>
    public void Launched()
    {
        _isAwaited = false;
        (_held, _limit) = (Capacity, Capacity);
    }

    /// <summary>The stream was waited for: all places are free, unless a kernel is still to be issued with some of them.</summary>
    public void Reset()
    {
        if (!_isAwaited)
        {
            Empty();
        }
    }

    private void Empty()
    {
        _next = 0;
        _given.Clear();
    }

    private int? Find(ReadOnlySpan<byte> bytes)
    {
        for (int i = _given.Count - 1; i >= Math.Max(0, _given.Count - MostCompared) && bytes.Length <= LongestCompared; i--)
        {
            (int at, int length) = _given[i];
            if (length == bytes.Length && bytes.SequenceEqual(new ReadOnlySpan<byte>((void*)(_host + at), length)))
            {
                return at;
            }
        }

        return null;
    }
}
