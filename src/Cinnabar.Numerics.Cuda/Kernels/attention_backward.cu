// The gradient of attention. Blocks of 8 warps, 16 own rows each; warps without rows help to load. Two kernels behind the one for delta:
//   dQ           own rows: queries; tiles of keys.  S = Q·Kᵀ, dP = dO·Vᵀ, dS = P ∘ (dP − delta), dQ += dS·K/√D
//   dK and dV    own rows: keys; tiles of queries of each head of the group.  The same transposed: dV += Pᵀ·dO, dK += dSᵀ·Q/√D
// with P = exp(S/√D − lse) and delta = rowsum(dO ∘ O). A block owns what it adds to, so no sum depends on the order of blocks.
#include "attention.cuh"

// A gradient, and whether there is anything to add to.
struct Gradient {
    float* first;
    int adds;

    __device__ __forceinline__ void addPair(long long row, int column, int columns, float x, float y) const {
        float* at = first + row + column;
        if (columns % 2 == 0 && column < columns) {
            float2 old = adds ? *(float2*)at : make_float2(0, 0);
            *(float2*)at = make_float2(old.x + x, old.y + y);
        } else if (column < columns) {
            at[0] = adds ? at[0] + x : x;
            if (column + 1 < columns) at[1] = adds ? at[1] + y : y;
        }
    }
};

// delta[rows, H] = rowsum(dO ∘ O), a warp each.
extern "C" __global__ void attention_delta(const float* dO, const void* o, int oIsRounded, float* delta, int items, int columns) {
    int item = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (item >= items) return;
    long long first = (long long)item * columns;
    float sum = 0;
    for (int i = threadIdx.x % 32; i < columns; i += 32) {
        sum += dO[first + i] * (oIsRounded ? fromBf16(((const bf16*)o)[first + i]) : ((const float*)o)[first + i]);
    }

    sum = warpSum(sum);
    if (threadIdx.x % 32 == 0) delta[item] = sum;
}

struct Backward {
    const float *q, *dO, *lse, *delta;
    const Sequence* sequences;
    Gradient first, second; // dQ and nothing, or dK and dV
    int heads, group, columns, rows;
    float scale;
};

// What the gradient needs of query rows beside Q and dO: in shared memory, an element a row.
struct QueryRows {
    Keys* visible;
    float *lse, *delta; // lse in units of ln 2

    __device__ __forceinline__ void stage(const Backward& x, const Sequence& sequence, int query, int count, int head) {
        for (int row = threadIdx.x; row < count; row += blockDim.x) {
            long long at = (long long)(sequence.firstRow + query + row) * x.heads + head;
            bool exists = query + row < sequence.queries;
            visible[row] = keysOf(sequence, nullptr, query + row);
            lse[row] = exists ? x.lse[at] * Log2E : 0;
            delta[row] = exists ? x.delta[at] : 0;
        }
    }
};

// s becomes P and dP becomes dS·√D. Rows are queries from `ownRow` of `queries` on and columns keys from `begin` on; or, KEYS, rows are
// keys from `begin` on and columns queries.
template <int N, bool KEYS>
__device__ __forceinline__ void scoreGradients(float (&s)[N][4], float (&dP)[N][4], const QueryRows& queries, int ownRow, int begin,
    bool isMasked, float scale) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int n = 0; n < N; n++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int row = lane / 4 + i / 2 * 8, column = n * 8 + lane % 4 * 2 + i % 2;
            int query = KEYS ? column : ownRow + row, key = begin + (KEYS ? row : column);
            bool isHidden = isMasked && !sees(queries.visible[query], key);
            s[n][i] = isHidden ? 0 : exponential2(s[n][i] * (scale * Log2E) - queries.lse[query]);
            dP[n][i] = s[n][i] * (dP[n][i] - queries.delta[query]);
        }
    }
}

// d[row, column …] += factor · c, for the rows of the warp below `count`, from element `begin` on.
template <int C>
__device__ __forceinline__ void addRows(const Gradient& d, long long begin, long long rowStride, int count, int slab, int columns,
    const float (&c)[C / 8][4], float factor) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int row = lane / 4 + half * 8;
        if (row >= count) continue;
#pragma unroll
        for (int n = 0; n < C / 8; n++) {
            d.addPair(begin + row * rowStride, slab + n * 8 + lane % 4 * 2, columns, c[n][2 * half] * factor, c[n][2 * half + 1] * factor);
        }
    }
}

// Own rows are keys (KEYS) or queries. Grid: tiles of x.rows own rows, each once per slab of C columns; heads; sequences.
template <int W, bool EXACT, bool KEYS> __device__ __forceinline__ void backward(const Backward& x) {
    constexpr int Tile = W <= 128 ? 32 : 16, Low = Tile * stride<W>(), Copies = EXACT ? 2 : 1, C = W <= 128 ? W : 128;
    int rows = x.rows, ownRow = threadIdx.x / 32 * 16, lane = threadIdx.x % 32, ownLow = rows * stride<W>();
    const Sequence sequence = x.sequences[blockIdx.z];
    int tile = blockIdx.x / (W / C) * rows, slab = blockIdx.x % (W / C) * C;
    int ownCount = KEYS ? sequence.length : sequence.queries, otherCount = KEYS ? sequence.queries : sequence.length;
    if (tile >= ownCount || slab >= x.columns) return;

    SHARED_BYTES(memory);
    int queryRows = KEYS ? Tile : rows;
    Keys* visible = (Keys*)memory;
    float* perQuery = (float*)(visible + queryRows);
    QueryRows queries = {visible, perQuery, perQuery + queryRows};
    bf16* own1 = (bf16*)(perQuery + 2 * queryRows); // K or Q
    bf16* own2 = own1 + Copies * ownLow;            // V or dO
    bf16* other1 = own2 + Copies * ownLow;          // Q or K
    bf16* other2 = other1 + Copies * Low;           // dO or V

    int headsOfBlock = KEYS ? x.group : 1, firstHead = blockIdx.y * headsOfBlock, keyHead = firstHead / x.group;
    long long queryStride = (long long)x.heads * x.columns, keyStride = queryStride / x.group;
    long long keyElement = sequence.firstKeyRow * keyStride + (long long)keyHead * x.columns;
    long long queryElement = sequence.firstRow * queryStride + (long long)firstHead * x.columns;
    long long ownStride = KEYS ? keyStride : queryStride, otherStride = KEYS ? queryStride : keyStride;
    long long ownElement = (KEYS ? keyElement : queryElement) + tile * ownStride;
    const float *k = (const float*)sequence.keys, *v = (const float*)sequence.values;
    Source own[2] = {{own1, (KEYS ? k : x.q) + ownElement}, {own2, (KEYS ? v : x.dO) + ownElement}};
    stage<W, EXACT>(own, rows, ownStride, ownCount - tile, x.columns);
    if (!KEYS) queries.stage(x, sequence, tile, rows, firstHead);
    __syncthreads();

    bool isOwner = ownRow < rows;
    float sums1[C / 8][4] = {}, sums2[KEYS ? C / 8 : 1][4] = {};
    for (int member = 0; member < headsOfBlock; member++) {
        for (int begin = 0; begin < otherCount; begin += Tile) {
            // Of the lane's query.
            Keys keys = KEYS ? keysOf(sequence, nullptr, begin + lane % Tile) : visible[isOwner ? ownRow + lane % 16 : 0];
            bool any = KEYS ? __any_sync(FULL_WARP, seen(keys, tile, tile + rows) > 0) : anySeen(visible, rows, begin, begin + Tile);
            if (!any) continue;
            long long element = (KEYS ? queryElement + (long long)member * x.columns : keyElement) + begin * otherStride;
            Source other[2] = {{other1, (KEYS ? x.q : k) + element}, {other2, (KEYS ? x.dO : v) + element}};
            stage<W, EXACT>(other, Tile, otherStride, otherCount - begin, x.columns);
            if (KEYS) queries.stage(x, sequence, begin, Tile, firstHead + member);
            __syncthreads();

            int firstKey = KEYS ? tile + ownRow : begin, keyCount = KEYS ? 16 : Tile, seenHere = seen(keys, firstKey, firstKey + keyCount);
            if (isOwner && __any_sync(FULL_WARP, seenHere > 0)) {
                float s[Tile / 8][4], dP[Tile / 8][4];
                multiplyRows<W, Tile / 8, EXACT>(s, own1 + ownRow * stride<W>(), ownLow, other1, Low);
                multiplyRows<W, Tile / 8, EXACT>(dP, own2 + ownRow * stride<W>(), ownLow, other2, Low);
                bool isMasked = __any_sync(FULL_WARP, seenHere < keyCount);
                scoreGradients<Tile / 8, KEYS>(s, dP, queries, ownRow, firstKey, isMasked, x.scale);
                addProduct<W, C, Tile / 8, EXACT>(sums1, dP, other1 + slab, Low);
                if constexpr (KEYS) addProduct<W, C, Tile / 8, EXACT>(sums2, s, other2 + slab, Low);
            }

            __syncthreads();
        }
    }

    if (!isOwner) return;
    ownElement += ownRow * ownStride;
    addRows<C>(x.first, ownElement, ownStride, ownCount - tile - ownRow, slab, x.columns, sums1, x.scale);
    if constexpr (KEYS) addRows<C>(x.second, ownElement, ownStride, ownCount - tile - ownRow, slab, x.columns, sums2, 1);
}

#define BACKWARD(W, EXACT, KEYS, BLOCKS, FUNCTION) \
    extern "C" __global__ void __launch_bounds__(256, BLOCKS) FUNCTION(const float* q, const float* dO, const float* lse, \
        const float* delta, const Sequence* sequences, float* first, int addsToFirst, float* second, int addsToSecond, int heads, \
        int group, int columns, int rows, float scale) { \
        backward<W, EXACT, KEYS>( \
            {q, dO, lse, delta, sequences, {first, addsToFirst}, {second, addsToSecond}, heads, group, columns, rows, scale}); \
    }

// BLOCKS that a multiprocessor should hold: two where the sums leave room among its registers, 128 a thread.
#define KERNELS(W) \
    BACKWARD(W, false, false, W <= 128 ? 2 : 1, NAME(attention_dq_d, W, )) \
    BACKWARD(W, true, false, W <= 128 ? 2 : 1, NAME(attention_dq_d, W, _exact)) \
    BACKWARD(W, false, true, W <= 64 ? 2 : 1, NAME(attention_dkdv_d, W, )) \
    BACKWARD(W, true, true, W <= 64 ? 2 : 1, NAME(attention_dkdv_d, W, _exact))

FOR_WIDTHS(KERNELS)
