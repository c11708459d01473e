// A tensor's elements on a device, in up to two forms: as they are, and rounded to BF16, which is what the tensor cores multiply. Each is
// made from the other side when it is asked for and old; an operand of products may exist in the rounded form alone.
namespace Cinnabar.Numerics.Cuda;

/// <summary>Device memory of a <see cref="TensorStorage"/>; given back when that is collected.</summary>
internal sealed unsafe class CudaCopy(CudaDevice device, TensorStorage storage) : DeviceCopy
{
    private nint _exact;
    private nint _rounded;
    private long _roundedBytes;
    private bool _isExact;
    private bool _isRounded;
    private bool _isZero;

    ~CudaCopy()
    {
        if (_exact != nint.Zero)
        {
            device.Memory.Free(_exact, storage.Bytes);
        }

        if (_rounded != nint.Zero)
        {
            device.Memory.Free(_rounded, _roundedBytes);
        }
    }

    /// <summary>The device.</summary>
    public CudaDevice Device => device;

    /// <inheritdoc/>
    public override bool IsCurrent => _isExact || _isRounded || _isZero;

    /// <summary>Whether all elements are known to be zero.</summary>
    public bool IsZero => _isZero;

    /// <inheritdoc/>
    public override void Download(byte* to, int bytes) => device.Download(Exact(), to, bytes);

    /// <inheritdoc/>
    public override void Clear() => (_isZero, _isExact, _isRounded) = (true, false, false);

    /// <inheritdoc/>
    public override void Invalidate() => (_isZero, _isExact, _isRounded) = (false, false, false);

    /// <summary>The elements as they are.</summary>
    public nint Exact()
    {
        Reserve();
        if (_isExact)
        {
            return _exact;
        }

        if (_isZero || (!_isRounded && !storage.HostIsCurrent))
        {
            device.Clear(_exact, storage.Bytes);
        }
        else if (_isRounded)
        {
            device.Widen(_rounded, _exact, storage.Bytes / sizeof(float));
        }
        else
        {
            device.CopyFromHost(_exact, storage.HostForDevice(), storage.Bytes);
        }

        (_isExact, _isZero) = (true, false);
        return _exact;
    }

    /// <summary>Room for elements, which the caller overwrites, all unless <paramref name="partly"/>.</summary>
    public nint ForWriting(bool partly)
    {
        if (partly)
        {
            Exact();
        }
        else
        {
            Reserve();
        }

        (_isExact, _isRounded, _isZero) = (true, false, false);
        storage.WrittenByDevice();
        return _exact;
    }

    /// <summary>The elements rounded to BF16.</summary>
    public nint Rounded()
    {
        if (_isRounded)
        {
            return _rounded;
        }

        if (!_isExact && (_isZero || !storage.HostIsCurrent))
        {
            device.Clear(RoundedRoom(), _roundedBytes); // without room for what nobody may ask for
        }
        else
        {
            nint exact = Exact();
            device.Round(exact, RoundedRoom(), storage.Bytes / sizeof(float));
        }

        _isRounded = true;
        return _rounded;
    }

    /// <summary>The rounded elements where there are no others.</summary>
    public (nint Address, bool IsRounded) Either() => _isRounded && !_isExact ? (_rounded, true) : (Exact(), false);

    /// <summary>
    /// Room for rounded elements, which the caller overwrites, all unless <paramref name="partly"/>; there are no others then.
    /// </summary>
    public nint ForWritingRounded(bool partly)
    {
        nint room = partly ? Rounded() : RoundedRoom();
        (_isExact, _isRounded, _isZero) = (false, true, false);
        storage.WrittenByDevice();
        return room;
    }

    private void Reserve()
    {
        if (_exact == nint.Zero)
        {
            _exact = device.Allocate(storage.Bytes);
        }
    }

    private nint RoundedRoom()
    {
        if (_rounded == nint.Zero)
        {
            _roundedBytes = storage.Bytes / 2;
            _rounded = device.Allocate(_roundedBytes);
        }

        return _rounded;
    }
}
