// Attention of a forward pass. A block owns tiles of query rows and goes over tiles of keys and values:
//   S = Q·Kᵀ,  m = max(m, rowmax S),  P = exp((S − m)/√D),  O = O·exp((m before − m)/√D) + P·V
// Few rows, as in a denoising pass beside a cache, are a matter of reading the keys and values at the speed of memory:
//   - the next tile is copied to shared memory as it is (F32) while the current one is multiplied, and rounded there;
//   - CHUNK keys of a tile are one warp's work, so that several warps share the keys where there are fewer rows than warps; each has its
//     own m and O, which are joined at the end;
//   - a sequence's keys are split over blocks where there are fewer blocks than the device can run; attention_combine joins what they
//     leave in `partials` (Dao et al. 2023, Flash-Decoding). A last block that joins would do alone what all multiprocessors do there.
// Everything is joined in a fixed order, so a result depends on the sizes of the call alone.
#include "attention.cuh"
#include "attention_softmax.cuh"

// Keys of a tile; a tile of F32 keys, one of values and their rounded forms leave room for queries in shared memory.
template <int W> __device__ constexpr int tile() { return W <= 64 ? 64 : W <= 128 ? 32 : 16; }

constexpr int Threads = 256;

// Keys and values of a tile [tile, W] in F32, in pieces of four columns: each thread rounds those that it copied itself.
template <int W> struct Fetched {
    static constexpr int Pieces = tile<W>() * (W / 4), PiecesOfThread = Pieces / Threads;
    float4* pieces;

    // Begins to copy `count` rows; zeros elsewhere.
    __device__ __forceinline__ void fetch(const float* keys, const float* values, long long rowStride, int count, int columns) const {
#pragma unroll
        for (int operand = 0; operand < 2; operand++) {
            const float* rows = operand == 0 ? keys : values;
            bool isAligned = columns % 4 == 0 && (u64)rows % 16 == 0;
#pragma unroll
            for (int i = 0; i < PiecesOfThread; i++) {
                int piece = i * Threads + threadIdx.x, row = piece / (W / 4), column = piece % (W / 4) * 4;
                float4* to = pieces + operand * Pieces + piece;
                bool exists = row < count && column < columns;
                if (!exists) *to = make_float4(0, 0, 0, 0);
                else if (isAligned) copyAsync(sharedRow((const bf16*)to), 0, rows + row * rowStride + column);
                else *to = loadFour(rows + row * rowStride, column, columns, false);
            }
        }
    }

    // Waits for them and rounds them to tiles of rows of stride<W>().
    template <bool EXACT> __device__ __forceinline__ void round(bf16* keys, bf16* values) const {
        waitForAllCopies();
#pragma unroll
        for (int operand = 0; operand < 2; operand++) {
#pragma unroll
            for (int i = 0; i < PiecesOfThread; i++) {
                int piece = i * Threads + threadIdx.x, row = piece / (W / 4), column = piece % (W / 4) * 4;
                bf16* to = (operand == 0 ? keys : values) + row * stride<W>() + column;
                storeRounded<EXACT>(to, tile<W>() * stride<W>(), pieces[operand * Pieces + piece]);
            }
        }
    }
};

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
    const float* q;
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
template <int W> __device__ __forceinline__ int nextSeen(const Keys* visible, int rows, int begin, int end) {
    while (begin < end && !anySeen(visible, rows, begin, begin + tile<W>())) begin += tile<W>();
    return begin;
}

// Grid: tiles of x.rows query rows, each once per split of the keys; query heads; sequences.
template <int W, bool EXACT, int CHUNK> __device__ __forceinline__ void forward(const Forward& x) {
    constexpr int Tile = tile<W>(), Low = Tile * stride<W>(), Copies = EXACT ? 2 : 1;
    const Sequence sequence = x.sequences ? x.sequences[blockIdx.z] : x.only;
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
    bf16* keys = queries + Copies * rows * stride<W>();
    bf16* values = keys + Copies * Low;
    Fetched<W> fetched = {(float4*)(values + Copies * Low)};
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
        if (key < end) fetched.fetch(sequence.keys + element, sequence.values + element, keyStride, end - key, x.columns);
    };
    begin = nextSeen<W>(visible, rows, begin, end);
    fetch(begin);
    Source own[1] = {{queries, x.q + firstElement}};
    stage<W, EXACT>(own, rows, rowStride, sequence.queries - firstQuery, x.columns);

    Softmax<W> softmax;
    while (begin < end) {
        fetched.template round<EXACT>(keys, values);
        int next = nextSeen<W>(visible, rows, begin + Tile, end);
        fetch(next);
        __syncthreads();
#pragma unroll 1
        for (int chunk = member * CHUNK; member < members && chunk < Tile; chunk += members * CHUNK) {
            int firstOfChunk = begin + chunk, seenHere = seen(visible[ownRow + lane % 16], firstOfChunk, firstOfChunk + CHUNK);
            if (!__any_sync(FULL_WARP, seenHere > 0)) continue;
            float s[CHUNK / 8][4];
            multiplyRows<W, CHUNK / 8, EXACT>(s, queries + ownRow * stride<W>(), rows * stride<W>(), keys + chunk * stride<W>(), Low);
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
            addProduct<W, W, CHUNK / 8, EXACT>(softmax.o, s, values + chunk * stride<W>(), Low);
        }

        __syncthreads();
        begin = next;
    }

    float* others = (float*)keys; // the tiles are read
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
extern "C" __global__ void attention_combine(const Sequence* sequences, void* o, int oIsRounded, float* lse, float* partials,
    long long items, int splits, int keysOfSplit, int heads, int columns, float scale, Sequence only) {
    beginOverlapped();
    const Sequence sequence = sequences ? sequences[blockIdx.y] : only;
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
#define FORWARD(W, EXACT, CHUNK, FUNCTION) \
    extern "C" __global__ void __launch_bounds__(256, W <= 128 ? 2 : 1) FUNCTION(const float* q, const Sequence* sequences, \
        const int* indices, void* o, int oIsRounded, float* lse, float* partials, long long items, int splits, int keysOfSplit, \
        int heads, int group, int columns, int rows, float scale, Sequence only) { \
        beginOverlapped(); \
        forward<W, EXACT, CHUNK>({q, sequences, indices, o, oIsRounded, lse, partials, items, splits, keysOfSplit, heads, \
            group, columns, rows, scale, only}); \
    }

// attention_shared: for so few rows that warps share a tile's keys.
#define KERNELS(W) \
    FORWARD(W, false, tile<W>(), NAME(attention_forward_d, W, )) \
    FORWARD(W, true, tile<W>(), NAME(attention_forward_d, W, _exact)) \
    FORWARD(W, false, 16, NAME(attention_shared_d, W, )) \
    FORWARD(W, true, 16, NAME(attention_shared_d, W, _exact))

FOR_WIDTHS(KERNELS)
