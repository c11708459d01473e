using System.Runtime.InteropServices;
using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>What the kernels know of the sequences of one attention call: addresses and masks.</summary>
internal sealed class CudaAttentionSequences
{
    private const int None = -1;

    // Numbers at the beginning of the indices, before those of positions: of an only sequence, sequenceOf in attention.cuh.
    private const int Lengths = 3;

    private Descriptor[] _sequences = new Descriptor[8];
    private int[] _indices = new int[256];
    private int _indexCount = Lengths;

    /// <summary>Sequences with query rows.</summary>
    public int Count { get; private set; }

    /// <summary>Query rows of all of them.</summary>
    public int Rows { get; private set; }

    /// <summary>Query rows of the one that has most.</summary>
    public int MostRows { get; private set; }

    /// <summary>Keys of the one that has most.</summary>
    public int MostKeys { get; private set; }

    /// <summary>Forgets all sequences.</summary>
    public void Clear() => (Count, Rows, MostRows, MostKeys, _indexCount) = (0, 0, 0, 0, Lengths);

    /// <summary>Adds the sequences of one shape, those without rows left out.</summary>
    /// <param name="device">Where the kernels will run.</param>
    /// <param name="keys">[≥ B·L, G·D].</param>
    /// <param name="values">Likewise.</param>
    /// <param name="shape">Sizes and mask.</param>
    /// <param name="operands">What the kernels take.</param>
    public void Add(CudaDevice device, Tensor keys, Tensor values, in AttentionShape shape, CudaAttentionOperands operands)
    {
        if (shape.Batch == 0 || shape.Queries == 0)
        {
            return;
        }

        (nint keyAddress, nint valueAddress) = operands == CudaAttentionOperands.BF16
            ? (device.ReadRounded(keys), device.ReadRounded(values))
            : (device.Read(keys), device.Read(values));
        int half = shape.HasNoisyHalf ? shape.Length / 2 : 0;
        int positions = AddIndices(shape.Positions);
        int shadowed = AddIndices(shape.Shadowed);
        if (Count + shape.Batch > _sequences.Length)
        {
            Array.Resize(ref _sequences, 2 * (Count + shape.Batch));
        }

        for (int sequence = 0; sequence < shape.Batch; sequence++)
        {
            _sequences[Count++] = new Descriptor
            {
                Keys = keyAddress,
                Values = valueAddress,
                FirstRow = shape.FirstRow + (sequence * shape.Queries),
                Queries = shape.Queries,
                FirstKeyRow = shape.FirstKeyRow + (sequence * shape.Length),
                Length = shape.Length,
                Valid = shape.ValidLengths?[sequence] ?? (shape.HasNoisyHalf ? half : shape.Length),
                Unshadowed = shape.Length - (shape.Shadowed?.Length ?? 0),
                Positions = positions,
                Shadowed = shadowed,
                Window = shape.Window ?? 0,
                Half = half,
                Kind = (int)shape.Kind,
                BlockSize = shape.BlockSize,
            };
        }

        Rows += shape.Batch * shape.Queries;
        MostRows = Math.Max(MostRows, shape.Queries);
        MostKeys = Math.Max(MostKeys, shape.Length);
    }

    /// <summary>Tiles of so many query rows that cover all sequences.</summary>
    public int TilesOf(int rows)
    {
        int tiles = 0;
        foreach (Descriptor sequence in _sequences.AsSpan(0, Count))
        {
            tiles += (sequence.Queries + rows - 1) / rows;
        }

        return tiles;
    }

    /// <summary>Puts them on the device, for the launches that follow at once.</summary>
    /// <returns>Addresses of the descriptors, and of the positions and shadowed positions they point into.</returns>
    public (nint Sequences, nint Indices) UploadAll(CudaDevice device)
    {
        nint indices = _indexCount > Lengths ? device.Upload<int>(_indices.AsSpan(0, _indexCount)) : nint.Zero;
        return (device.Upload<Descriptor>(_sequences.AsSpan(0, Count)), indices);
    }

    /// <summary>The same, without the descriptor of an only sequence, whose address is 0: it is for <see cref="AddOnly"/>.</summary>
    public (nint Sequences, nint Indices) Upload(CudaDevice device)
    {
        if (Count > 1)
        {
            return UploadAll(device);
        }

        Descriptor only = _sequences[0];
        (_indices[0], _indices[1], _indices[2]) = (only.Length, only.Valid, only.Unshadowed);
        return (nint.Zero, device.Upload<int>(_indices.AsSpan(0, _indexCount)));
    }

    /// <summary>Adds the descriptor of an only sequence, the argument of a kernel that finds no others; of several, nothing.</summary>
    public void AddOnly(ref KernelArguments arguments) =>
        arguments.Add(Count == 1 ? _sequences[0] with { Length = 0, Valid = 0, Unshadowed = 0 } : default);

    private int AddIndices(ReadOnlyMemory<int>? values)
    {
        if (values is not { } indices)
        {
            return None;
        }

        int first = _indexCount;
        _indexCount += indices.Length;
        if (_indexCount > _indices.Length)
        {
            Array.Resize(ref _indices, 2 * _indexCount);
        }

        indices.Span.CopyTo(_indices.AsSpan(first));
        return first;
    }

    // Sequence in attention.cuh.
    [StructLayout(LayoutKind.Sequential)]
    private struct Descriptor
    {
        public nint Keys;
        public nint Values;
        public int FirstRow;
        public int Queries;
        public int FirstKeyRow;
        public int Length;
        public int Valid;
        public int Unshadowed;
        public int Positions;
        public int Shadowed;
        public int Window;
        public int Half;
        public int Kind;
        public int BlockSize;
    }
}
