using System.Runtime.CompilerServices;

namespace Cinnabar.Numerics.Cuda;

/// <summary>The arguments of a kernel, one behind the other in the order of its parameters.</summary>
internal unsafe struct KernelArguments
{
    /// <summary>Bytes there is room for.</summary>
    public const int Capacity = 224;

    /// <summary>Arguments there is room for.</summary>
    public const int MaxCount = 28;

    private fixed byte _values[Capacity];
    private fixed byte _offsets[MaxCount];
    private int _bytes;

    /// <summary>Number of arguments.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an address.</summary>
    public void Add(nint value) => Append(value);

    /// <summary>Adds a number.</summary>
    public void Add(int value) => Append(value);

    /// <inheritdoc cref="Add(int)"/>
    public void Add(long value) => Append(value);

    /// <inheritdoc cref="Add(int)"/>
    public void Add(float value) => Append(value);

    /// <summary>Adds a structure that begins with an address.</summary>
    public void Add<T>(in T value)
        where T : unmanaged => Append(value, sizeof(nint));

    /// <summary>The addresses of the arguments, as the driver wants them; valid while this is not moved.</summary>
    public void Locate(void** addresses)
    {
        fixed (byte* values = _values)
        {
            for (int i = 0; i < Count; i++)
            {
                addresses[i] = values + _offsets[i];
            }
        }
    }

    private void Append<T>(T value)
        where T : unmanaged => Append(value, sizeof(T));

    private void Append<T>(T value, int alignment)
        where T : unmanaged
    {
        int at = (_bytes + alignment - 1) / alignment * alignment;
        if (at + sizeof(T) > Capacity || Count == MaxCount)
        {
            throw new InvalidOperationException($"A kernel takes at most {MaxCount} arguments of {Capacity} bytes together.");
        }

        Unsafe.WriteUnaligned(ref _values[at], value);
        _offsets[Count++] = (byte)at;
        _bytes = at + sizeof(T);
    }
}
