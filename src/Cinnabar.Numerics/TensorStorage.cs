// Where the elements of a tensor, and of all views of it, lie: in a host array, in the memory of a device, or in both.
//
// The host array is made when the host first looks, so a tensor that lives on a device costs no host memory. Who asks for the host's
// address may change what is there, so from then on the device's copy counts as old; a device that wrote makes the host's array old.
// Whichever side is asked while it is old fetches the elements from the other. Nothing above Numerics sees any of this.
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cinnabar.Numerics;

/// <summary>Elements shared by a tensor and its views; the host's side may be used by several threads.</summary>
internal sealed unsafe class TensorStorage
{
    /// <summary>What the address of the first element is a multiple of.</summary>
    public const int Alignment = 64;

    private readonly Lock _oneAtATime = new();
    private readonly byte _fill;
    private byte[]? _array;
    private byte* _start;
    private volatile bool _hostAlone; // the host's array is there, and no device holds anything newer or as new

    /// <summary>Elements of which nothing is stored yet: each byte is <paramref name="fill"/>.</summary>
    /// <param name="bytes">Their size.</param>
    /// <param name="fill">What they are before anybody writes.</param>
    public TensorStorage(int bytes, byte fill) => (Bytes, _fill) = (bytes, fill);

    /// <summary>Elements in memory that the caller keeps.</summary>
    public TensorStorage(byte* start, int bytes)
    {
        _start = start;
        Bytes = bytes;
        (_hostAlone, HostIsCurrent) = (true, true);
    }

    /// <summary>Size of the elements.</summary>
    public int Bytes { get; }

    /// <summary>Whether the host's array holds the elements as they are.</summary>
    public bool HostIsCurrent { get; private set; }

    /// <summary>What a device keeps of them; null: no device has seen them.</summary>
    public DeviceCopy? Copy { get; set; }

    /// <summary>Whether whoever takes this storage overwrites it first: then nothing of it need be carried to the other side.</summary>
    public bool IsTransient { get; set; }

    /// <summary>Address of the host's elements, which are then the only ones that count.</summary>
    public byte* Host => _hostAlone ? _start : ForHost();

    /// <summary>Address of the host's elements for a device that takes them over: it has them, too, from now on.</summary>
    public byte* HostForDevice()
    {
        lock (_oneAtATime)
        {
            Fetch();
            _hostAlone = false;
            return _start;
        }
    }

    /// <summary>The device wrote: what the host has is old.</summary>
    public void WrittenByDevice() => (_hostAlone, HostIsCurrent) = (false, false);

    /// <summary>Makes the elements arbitrary.</summary>
    public void Forget()
    {
        if (Copy is not null)
        {
            Copy.Invalidate();
            (_hostAlone, HostIsCurrent) = (false, false);
        }
    }

    /// <summary>Makes the elements zero where they are now.</summary>
    public void Clear()
    {
        if (Copy is not null)
        {
            Copy.Clear();
            WrittenByDevice();
        }
        else if (_start is not null)
        {
            new Span<byte>(_start, Bytes).Clear();
        }
    }

    /// <summary>Lets go of the host's array of elements that a device has; it is made again if the host looks.</summary>
    public void DropHost()
    {
        lock (_oneAtATime)
        {
            if (Copy is { IsCurrent: true } && _array is not null)
            {
                _array = null;
                _start = null;
                (_hostAlone, HostIsCurrent) = (false, false);
            }
        }
    }

    private byte* ForHost()
    {
        lock (_oneAtATime)
        {
            Fetch();
            Copy?.Invalidate();
            _hostAlone = true;
            return _start;
        }
    }

    private void Fetch()
    {
        if (_start is null)
        {
            _array = GC.AllocateArray<byte>(checked(Bytes + Alignment), pinned: true);
            byte* first = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_array));
            byte* start = (byte*)(((nuint)first + Alignment - 1) & ~(nuint)(Alignment - 1));
            if (_fill != 0)
            {
                new Span<byte>(start, Bytes).Fill(_fill);
            }

            _start = start;
        }

        if (!HostIsCurrent && Copy is { IsCurrent: true })
        {
            Copy.Download(_start, Bytes);
        }

        HostIsCurrent = true;
    }
}

/// <summary>What a device keeps of a tensor's elements.</summary>
internal abstract unsafe class DeviceCopy
{
    /// <summary>Whether the device holds the elements as they are, in whatever form.</summary>
    public abstract bool IsCurrent { get; }

    /// <summary>Waits for the device and copies its elements to the host.</summary>
    public abstract void Download(byte* to, int bytes);

    /// <summary>Makes all elements zero.</summary>
    public abstract void Clear();

    /// <summary>The device's elements are old from now on.</summary>
    public abstract void Invalidate();
}
