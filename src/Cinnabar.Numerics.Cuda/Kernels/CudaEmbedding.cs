using Cinnabar.Numerics.Kernels;

namespace Cinnabar.Numerics.Cuda;

/// <summary>
/// A block a row; tables of four bits and of blocks are decoded on the host. Backward, ids are sorted, so that each has its rows one behind the
/// other, and those of many rows are cut into segments that are summed at once and added in order.
/// </summary>
/// <param name="device">Where it runs.</param>
/// <param name="host">Looks up rows of the types that the device does not decode.</param>
internal sealed class CudaEmbedding(CudaDevice device, IEmbedding host) : IEmbedding
{
    private const string Source = "embedding.cu";
    private const int LongestSegment = 64;

    public void Forward(Tensor table, ReadOnlySpan<int> ids, Tensor y)
    {
        if (table.Type is not (DType.F32 or DType.BF16 or DType.Int8))
        {
            host.Forward(table, ids, y);
            return;
        }

        int columns = table.Columns;
        Expect.Floats(y, ids.Length * columns);
        Expect.Indices(ids, table.Rows, nameof(ids));
        if (y.Count == 0)
        {
            return;
        }

        KernelArguments arguments = default;
        arguments.Add(device.Read(table));
        if (table.Type == DType.Int8)
        {
            arguments.Add(device.Read(table.Scales!));
            arguments.Add(table.GroupSize);
        }

        arguments.Add(device.Upload(ids));
        arguments.Add(device.Write(y));
        arguments.Add(columns);
        string name = table.Type switch
        {
            DType.F32 => "embedding_forward_f32",
            DType.BF16 => "embedding_forward_bf16",
            _ => "embedding_forward_int8",
        };
        device.LaunchPerRow(device.Function(Source, name), ids.Length, columns, arguments);
    }

    public void Backward(Tensor dY, ReadOnlySpan<int> ids, Tensor dTable)
    {
        int columns = dTable.Columns;
        Expect.Floats(dY, ids.Length * columns);
        Expect.Floats(dTable, dTable.Count);
        Expect.Indices(ids, dTable.Rows, nameof(ids));
        if (dY.Count == 0)
        {
            return;
        }

        int[] order = new int[ids.Length];
        List<Segment> segments = [];
        List<SumRows> repeated = [];
        int sumRows = Plan(ids, order, segments, repeated);
        nint sums = device.Scratch((long)sumRows * columns * sizeof(float));
        nint tableGradient = device.Update(dTable);
        KernelArguments arguments = default;
        arguments.Add(device.Read(dY));
        arguments.Add(device.Upload<int>(order));
        arguments.Add(device.Upload<Segment>(segments.ToArray()));
        arguments.Add(tableGradient);
        arguments.Add(sums);
        arguments.Add(columns);
        device.LaunchPerRow(device.Function(Source, "embedding_backward_segments"), segments.Count, columns, arguments);
        if (repeated.Count > 0)
        {
            KernelArguments rest = default;
            rest.Add(device.Upload<SumRows>(repeated.ToArray()));
            rest.Add(sums);
            rest.Add(tableGradient);
            rest.Add(columns);
            int across = (columns + Launches.Threads - 1) / Launches.Threads;
            device.Launch(device.Function(Source, "embedding_backward_finish"), across, repeated.Count, 1, Launches.Threads, rest);
        }
    }

    // Places of each id, in order, cut into segments; gives the rows of sums that these need.
    private static int Plan(ReadOnlySpan<int> ids, Span<int> order, List<Segment> segments, List<SumRows> repeated)
    {
        long[] places = new long[ids.Length]; // id, place: no two are equal
        for (int i = 0; i < ids.Length; i++)
        {
            places[i] = ((long)ids[i] << 32) | (uint)i;
        }

        Array.Sort(places);
        int sumRows = 0;
        for (int first = 0, end; first < places.Length; first = end)
        {
            int id = (int)(places[first] >> 32);
            for (end = first; end < places.Length && places[end] >> 32 == id; end++)
            {
                order[end] = (int)places[end];
            }

            if (end - first <= LongestSegment)
            {
                segments.Add(new Segment(first, end, id, Sums: -1));
                continue;
            }

            int firstSum = sumRows;
            for (int at = first; at < end; at += LongestSegment)
            {
                segments.Add(new Segment(at, Math.Min(end, at + LongestSegment), id, sumRows++));
            }

            repeated.Add(new SumRows(firstSum, sumRows, id));
        }

        return sumRows;
    }

    // As in embedding.cu.
    private readonly record struct Segment(int First, int End, int Id, int Sums);

    private readonly record struct SumRows(int First, int End, int Id);
}
