// Row lookup, y[i, :] = table[ids[i], :], and its gradient, dTable[ids[i], :] += dY[i, :].
// A block takes a row. For the gradient the host sorts the places i by id and cuts them into segments of one id, so that an id that
// stands at half of all places (the mask token) has many blocks and every sum has one order:
//   segments    the sum of a segment goes to the table or, where an id has several segments, to a row of its own
//   finish      those rows are added to the table in order

template <int N, typename T> __device__ __forceinline__ void copyRow(const T* from, float* to, int columns) {
    for (int c = threadIdx.x * N; c < columns; c += blockDim.x * N) store(to + c, load<N>(from + c));
}

template <typename T> __device__ __forceinline__ void lookUp(const T* table, const int* ids, float* y, int columns) {
    const T* from = table + (long long)ids[blockIdx.x] * columns;
    float* to = y + (long long)blockIdx.x * columns;
    if (columns % 4 == 0) copyRow<4>(from, to, columns);
    else copyRow<1>(from, to, columns);
}

extern "C" __global__ void embedding_forward_f32(const float* table, const int* ids, float* y, int columns) {
    lookUp(table, ids, y, columns);
}

extern "C" __global__ void embedding_forward_bf16(const bf16* table, const int* ids, float* y, int columns) {
    lookUp(table, ids, y, columns);
}

// Integers with a scale for every `group` neighbours of a row.
extern "C" __global__ void embedding_forward_int8(
    const signed char* table, const float* scales, int group, const int* ids, float* y, int columns) {
    long long row = ids[blockIdx.x];
    const signed char* from = table + row * columns;
    const float* scalesOfRow = scales + row * (columns / group);
    float* to = y + (long long)blockIdx.x * columns;
    for (int c = threadIdx.x; c < columns; c += blockDim.x) to[c] = from[c] * scalesOfRow[c / group];
}

// Places first to end − 1 of the sorted order, all of one id. sums: the row that receives their sum; −1: row `id` of the table, added.
struct Segment { int first, end, id, sums; };

template <int N> __device__ __forceinline__ void sumSegment(
    const float* dY, const int* order, Segment segment, float* dTable, float* sums, int columns) {
    for (int c = threadIdx.x * N; c < columns; c += blockDim.x * N) {
        float* to = segment.sums < 0 ? dTable + (long long)segment.id * columns + c : sums + (long long)segment.sums * columns + c;
        Pack<N> sum = {};
        if (segment.sums < 0) sum = load<N>(to);
        for (int i = segment.first; i < segment.end; i++) {
            Pack<N> value = load<N>(dY + (long long)order[i] * columns + c);
            for (int j = 0; j < N; j++) sum.v[j] += value.v[j];
        }
        store(to, sum);
    }
}

extern "C" __global__ void embedding_backward_segments(
    const float* dY, const int* order, const Segment* segments, float* dTable, float* sums, int columns) {
    if (columns % 4 == 0) sumSegment<4>(dY, order, segments[blockIdx.x], dTable, sums, columns);
    else sumSegment<1>(dY, order, segments[blockIdx.x], dTable, sums, columns);
}

// Rows first to end − 1 of the sums belong to one id.
struct SumRows { int first, end, id; };

extern "C" __global__ void embedding_backward_finish(const SumRows* repeated, const float* sums, float* dTable, int columns) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= columns) return;
    SumRows rows = repeated[blockIdx.y];
    float sum = 0;
    for (int k = rows.first; k < rows.end; k++) sum += sums[(long long)k * columns + c];
    dTable[(long long)rows.id * columns + c] += sum;
}
