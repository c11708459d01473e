// Attention of a forward pass. A block owns tiles of query rows and goes over tiles of keys and values:
//   S = Q·Kᵀ,  m = max(m, rowmax S),  P = exp((S − m)/√D),  O = O·exp((m before − m)/√D) + P·V
// Few rows, as in a denoising pass beside a cache, are a matter of reading the keys and values at the speed of memory:
//   - the next tile is on its way to shared memory while the current one is multiplied: BF16 to a place of its own, where it is multiplied
//     in its turn, F32 as it is, to be rounded or split there;
//   - CHUNK keys of a tile are one warp's work, so that several warps share the keys where there are fewer rows than warps; each has its
//     own m and O, which are joined at the end;
//   - a sequence's keys are split over blocks where there are fewer blocks than the device can run; attention_combine joins what they
//     leave in `partials` (Dao et al. 2023, Flash-Decoding). A last block that joins would do alone what all multiprocessors do there.
// Everything is joined in a fixed order, so a result depends on the sizes of the call alone.
#include "attention.cuh"
#include "attention_softmax.cuh"
#include "attention_tiles.cuh"

// Two neighbouring columns of a row of `columns`.
__device__ __forceinline__ void writePair(float* row, int column, int columns, float x, float y) {
    if (columns % 2 == 0 && column < columns) *(float2*)(row + column) = make_float2(x, y);
    else if (column < columns) {
        row[column] = x;
        if (column + 1 < columns) row[column + 1] = y;
    }
}

__device__ __forceinline__ void writePair(bf16* row, int column, int columns, float x, float y) {
    if (columns % 2 == 0 && column < columns) *(unsigned*)(row + column) = packBf16(x, y);
    else if (column < columns) {
        row[column] = toBf16(x);
        if (column + 1 < columns) row[column + 1] = toBf16(y);
    }
}

// What the blocks of one split leave, an item a query row and head.
struct Partial {
    float *o, *largest, *sum; // [items, columns], [items], [items]

    __device__ __forceinline__ Partial(float* partials, int splits, int split, long long items, int columns) {
        o = partials + split * items * columns;
        largest = partials + splits * items * columns + split * items;
        sum = largest + splits * items;
    }
};

struct Forward {
    const void* q;
    const Sequence* sequences; // null: `only`
    const int* indices;
    void* o; // BF16 if oIsRounded
    int oIsRounded;
    float *lse, *partials;
    long long items; // of partials
    int splits, keysOfSplit, heads, group, columns, rows;
    float scale;
    Sequence only;

    __device__ __forceinline__ void write(long long element, int column, float x, float y) const {
        if (oIsRounded) writePair((bf16*)o + element, column, columns, x, y);
        else writePair((float*)o + element, column, columns, x, y);
    }
};

// The first tile from `begin` on that a row of the block sees, or one behind the end.
template <int TILE> __device__ __forceinline__ int nextSeen(const Keys* visible, int rows, int begin, int end) {
    while (begin < end && !anySeen(visible, rows, begin, begin + TILE)) begin += TILE;
    return begin;
}

// Grid: tiles of x.rows query rows, each once per split of the keys; query heads; sequences.
template <int W, int CHUNK, typename Tiles> __device__ __forceinline__ void forward(const Forward& x) {
    typedef typename Tiles::Element Element;
    constexpr int Tile = Tiles::Count, Low = Tiles::Low;
    constexpr bool EXACT = Tiles::Exact;
    const Sequence sequence = sequenceOf(x.sequences, blockIdx.z, x.only, x.indices);
    int head = blockIdx.y, split = blockIdx.x % x.splits, lane = threadIdx.x % 32, rows = x.rows;
    int firstQuery = (gridDim.x - 1 - blockIdx.x) / x.splits * rows; // the last rows first: with a causal mask they take longest
    int begin = split * x.keysOfSplit, end = min(sequence.length, begin + x.keysOfSplit);
    if (firstQuery >= sequence.queries || begin >= end) return;

    // Warps share rows in turn: the member of a row's warps says which keys of a tile are its own.
    int rowWarps = rows / 16, warp = threadIdx.x / 32, ownRow = warp % rowWarps * 16, member = warp / rowWarps;
    int members = min(Threads / 32 / rowWarps, Tile / CHUNK);

    SHARED_BYTES(memory);
    Keys* visible = (Keys*)memory;
    bf16* queries = (bf16*)(visible + rows);
    bf16* memoryOfTiles = queries + Tiles::Copies * rows * stride<W>();
    Tiles tiles(memoryOfTiles);
    for (int row = threadIdx.x; row < rows; row += Threads) {
        visible[row] = keysOf(sequence, x.indices, firstQuery + row);
        visible[row].end = min(visible[row].end, end);
    }

    __syncthreads();
    long long rowStride = (long long)x.heads * x.columns, keyStride = rowStride / x.group, firstRow = sequence.firstRow + firstQuery;
    long long firstElement = firstRow * rowStride + (long long)head * x.columns;
    long long firstKey = sequence.firstKeyRow * keyStride + (long long)(head / x.group) * x.columns;
    auto fetch = [&](int key) {
        long long element = firstKey + key * keyStride;
        if (key >= end) return;
        tiles.fetch((const Element*)sequence.keys + element, (const Element*)sequence.values + element, keyStride, end - key, x.columns);
    };
    begin = nextSeen<Tile>(visible, rows, begin, end);
    fetch(begin);
    Tiles::fetchQueries(queries, rows, (const Element*)x.q + firstElement, rowStride, sequence.queries - firstQuery, x.columns);

    Softmax<W> softmax;
    while (begin < end) {
        tiles.turn();
        int next = nextSeen<Tile>(visible, rows, begin + Tile, end);
        fetch(next);
        tiles.await();
        __syncthreads();
#pragma unroll 1
        for (int chunk = member * CHUNK; member < members && chunk < Tile; chunk += members * CHUNK) {
            int firstOfChunk = begin + chunk, seenHere = seen(visible[ownRow + lane % 16], firstOfChunk, firstOfChunk + CHUNK);
            if (!__any_sync(FULL_WARP, seenHere > 0)) continue;
            float s[CHUNK / 8][4];
            multiplyRows<W, CHUNK / 8, EXACT>(s, queries + ownRow * stride<W>(), rows * stride<W>(), tiles.keys + chunk * stride<W>(), Low);
            if (__any_sync(FULL_WARP, seenHere < CHUNK)) {
                Keys first = visible[ownRow + lane / 4], second = visible[ownRow + lane / 4 + 8];
#pragma unroll
                for (int n = 0; n < CHUNK / 8; n++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        if (!sees(i < 2 ? first : second, firstOfChunk + n * 8 + lane % 4 * 2 + i % 2)) s[n][i] = -INFINITY_F;
                    }
                }
            }

            softmax.add(s, x.scale);
            addProduct<W, W, CHUNK / 8, EXACT>(softmax.o, s, tiles.values + chunk * stride<W>(), Low);
        }

        __syncthreads();
        begin = next;
    }

    float* others = (float*)memoryOfTiles; // which are read
    if (member > 0 && member < members) softmax.leave(others + (warp - rowWarps) * softmax.Elements);
    __syncthreads();
    if (member > 0) return;
    for (int m = 1; m < members; m++) softmax.join(others + (warp + (m - 1) * rowWarps) * softmax.Elements, x.scale);

#pragma unroll
    for (int half = 0; half < 2; half++) {
        int row = ownRow + lane / 4 + half * 8;
        float sum = rowSum(softmax.sum[half]), largest = softmax.largest[half], factor = x.splits > 1 ? 1 : sum > 0 ? 1 / sum : 0;
        if (firstQuery + row >= sequence.queries) continue;
        long long item = (firstRow + row) * x.heads + head;
        Partial partial(x.partials, x.splits, split, x.items, x.columns);
        if (lane % 4 == 0 && x.splits > 1) partial.largest[item] = largest, partial.sum[item] = sum;
        else if (lane % 4 == 0) x.lse[item] = sum > 0 ? largest * x.scale + logf(sum) : -INFINITY_F;
#pragma unroll
        for (int n = 0; n < W / 8; n++) {
            int column = n * 8 + lane % 4 * 2;
            float a = softmax.o[n][2 * half] * factor, b = softmax.o[n][2 * half + 1] * factor;
            if (x.splits > 1) writePair(partial.o + item * x.columns, column, x.columns, a, b);
            else x.write(item * x.columns, column, a, b);
        }
    }
}

// A warp an item. Grid: warps for the query rows and heads of the longest sequence; sequences. `splits` ≤ 32.
extern "C" __global__ void attention_combine(const Sequence* sequences, const int* indices, void* o, int oIsRounded, float* lse,
    float* partials, long long items, int splits, int keysOfSplit, int heads, int columns, float scale, Sequence only) {
    beginOverlapped();
    const Sequence sequence = sequenceOf(sequences, blockIdx.y, only, indices);
    int ownItem = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (ownItem >= sequence.queries * heads) return;
    long long item = (long long)sequence.firstRow * heads + ownItem;
    int used = (sequence.length + keysOfSplit - 1) / keysOfSplit;
    Partial own(partials, splits, lane, items, columns), first(partials, splits, 0, items, columns);
    float largest = lane < used ? own.largest[item] : -INFINITY_F, highest = warpMax(largest);
    float weight = largest == -INFINITY_F ? 0 : exponential2((largest - highest) * (scale * Log2E));
    float sum = warpSum(lane < used ? own.sum[item] * weight : 0);
    if (lane == 0) lse[item] = sum > 0 ? highest * scale + logf(sum) : -INFINITY_F;
    weight *= sum > 0 ? 1 / sum : 0;
    for (int begin = 0; begin < columns; begin += 32) {
        int column = begin + lane;
        float total = 0;
        for (int split = 0; split < used; split += 4) {
#pragma unroll
            for (int i = split; i < split + 4; i++) {
                float ofSplit = __shfl_sync(FULL_WARP, weight, i);
                if (i < used && column < columns) total += ofSplit * first.o[(i * items + item) * columns + column];
            }
        }

        if (column >= columns) continue;
        if (oIsRounded) ((bf16*)o)[item * columns + column] = toBf16(total);
        else ((float*)o)[item * columns + column] = total;
    }
}

// Two blocks a multiprocessor where the sums leave room among its registers, 128 a thread.
#define FORWARD(W, CHUNK, FUNCTION, ...) \
    extern "C" __global__ void __launch_bounds__(256, W <= 128 ? 2 : 1) FUNCTION(const void* q, const Sequence* sequences, \
        const int* indices, void* o, int oIsRounded, float* lse, float* partials, long long items, int splits, int keysOfSplit, \
        int heads, int group, int columns, int rows, float scale, Sequence only) { \
        beginOverlapped(); \
        forward<W, CHUNK, __VA_ARGS__>({q, sequences, indices, o, oIsRounded, lse, partials, items, splits, keysOfSplit, heads, \
            group, columns, rows, scale, only}); \
    }

// attention_shared: for so few rows that warps share a tile's keys. Rows of F32 are rounded or, exact, split; those of BF16 are neither.
#define KERNELS(W) \
    FORWARD(W, keysAtOnce<W>(), NAME(attention_forward_d, W, ), FloatTiles<W, false>) \
    FORWARD(W, keysAtOnce<W>(), NAME(attention_forward_d, W, _exact), FloatTiles<W, true>) \
    FORWARD(W, keysAtOnce<W>(), NAME(attention_forward_d, W, _bf16), RoundedTiles<W>) \
    FORWARD(W, 16, NAME(attention_shared_d, W, ), FloatTiles<W, false>) \
    FORWARD(W, 16, NAME(attention_shared_d, W, _exact), FloatTiles<W, true>) \
    FORWARD(W, 16, NAME(attention_shared_d, W, _bf16), RoundedTiles<W>)

FOR_WIDTHS(KERNELS)
