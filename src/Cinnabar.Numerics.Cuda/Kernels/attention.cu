// Scaled dot-product attention on tensor cores; formulas and masks are those of Cinnabar.Numerics/Kernels/Attention.cs. No score ever
// reaches global memory (Dao 2023, FlashAttention-2). A block of 8 warps owns up to 128 rows, 16 a warp, the left side of every product;
// warps without rows help to load. It goes over tiles of others, the right side:
//   forward      own rows: queries; tiles of keys.  S = Q·Kᵀ, softmax with a running maximum m, O = O·exp(m before − m) + P·V
//   dQ           own rows: queries; tiles of keys.  S = Q·Kᵀ, dP = dO·Vᵀ, dS = P ∘ (dP − delta), dQ += dS·K/√D
//   dK and dV    own rows: keys; tiles of queries of each head of the group.  The same transposed: dV += Pᵀ·dO, dK += dSᵀ·Q/√D
// with P = exp(S/√D − lse) and delta = rowsum(dO ∘ O). A block owns what it adds to, so no sum depends on the order of blocks.
// Tensors: F32, q, o, dO, dQ: [rows, H·D]; k, v, dK, dV: [key rows, G·D]; lse, delta: [rows, H]. Tiles in shared memory are BF16, W columns
// (D and zeros) in rows of W + 8, so that the eight rows of a matrix that tensor cores load lie in different banks.
// EXACT: a tile has a second copy with what rounding lost, x ≈ high + low, and a product is high·high + high·low + low·high.

// The mask of AttentionShape, one a sequence; CudaAttentionSequence in C#. `positions` and `shadowed` are offsets into `indices`, or −1.
struct Sequence {
    const float* keys;
    const float* values;
    int firstRow, queries, firstKeyRow, length, valid, unshadowed, positions, shadowed, window, half, kind, blockSize;
};

enum Kind { Full, BlockCausal, Causal };

// The keys that a query row sees: first … end − 1 but for hidden … hiddenEnd − 1.
struct alignas(16) Keys { int first, end, hidden, hiddenEnd; };

__device__ __forceinline__ Keys keysOf(const Sequence& sequence, const int* indices, int query) {
    if (query >= sequence.queries) return {0, 0, 0, 0};
    int block = sequence.blockSize;
    if (sequence.half > 0) {
        bool noisy = query >= sequence.half;
        int start = (noisy ? query - sequence.half : query) / block * block;
        int end = min(sequence.valid, start + block);
        return noisy ? Keys{0, sequence.half + end, start, sequence.half + start} : Keys{0, end, 0, 0};
    }

    int position = sequence.positions >= 0 ? indices[sequence.positions + query] : query;
    int first = sequence.window > 0 ? max(0, position + 1 - sequence.window) : 0;
    if (sequence.kind == BlockCausal) return {first, min(sequence.valid, (position / block + 1) * block), 0, 0};
    if (sequence.kind == Causal) return {first, min(sequence.valid, position + 1), 0, 0};
    if (query < sequence.unshadowed) return {first, min(sequence.valid, sequence.unshadowed), 0, 0};
    int shadow = sequence.shadowed >= 0 ? indices[sequence.shadowed + query - sequence.unshadowed] : 0;
    return {first, sequence.valid, shadow, sequence.shadowed >= 0 ? shadow + 1 : shadow};
}

// How many of the keys begin … end − 1 are seen.
__device__ __forceinline__ int seen(Keys keys, int begin, int end) {
    begin = max(begin, keys.first);
    end = min(end, keys.end);
    return max(0, end - begin) - max(0, min(end, keys.hiddenEnd) - max(begin, keys.hidden));
}

__device__ __forceinline__ bool sees(Keys keys, int key) {
    return key >= keys.first && key < keys.end && (key < keys.hidden || key >= keys.hiddenEnd);
}

// Whether a row of the block sees any of the keys begin … end − 1; the same answer in every warp.
__device__ __forceinline__ bool anySeen(const Keys* rows, int count, int begin, int end) {
    bool any = false;
    for (int row = threadIdx.x % 32; row < count; row += 32) any |= seen(rows[row], begin, end) > 0;
    return __any_sync(FULL_WARP, any);
}

// What rounding two values to `high` lost.
__device__ __forceinline__ unsigned packRest(float x, float y, unsigned high) {
    return packBf16(x - __uint_as_float(high << 16), y - __uint_as_float(high & 0xffff0000u));
}

template <int W> __device__ constexpr int stride() { return W + 8; }

struct Source {
    bf16* tile;
    const float* rows;
};

// Of each of N tiles [rows, W]: the first `count` rows of x[…, columns] with `columns` ≤ W, rounded; zeros elsewhere. Low parts follow
// behind all rows. What a thread loads is under way together.
template <int W, bool EXACT, int N>
__device__ __forceinline__ void stage(const Source (&sources)[N], int rows, long long rowStride, int count, int columns) {
    constexpr int Loads = 4;
    int items = rows * (W / 4);
    for (int first = threadIdx.x; first < items; first += Loads * blockDim.x) {
        float4 values[N][Loads];
#pragma unroll
        for (int n = 0; n < N; n++) {
            bool isAligned = columns % 4 == 0 && (u64)sources[n].rows % 16 == 0;
#pragma unroll
            for (int i = 0; i < Loads; i++) {
                int item = first + i * (int)blockDim.x, row = item / (W / 4), column = item % (W / 4) * 4;
                const float* x = sources[n].rows + row * rowStride + column;
                values[n][i] = make_float4(0, 0, 0, 0);
                if (item >= items || row >= count || column >= columns) continue;
                if (isAligned) values[n][i] = *(const float4*)x;
                else values[n][i] = make_float4(x[0], column + 1 < columns ? x[1] : 0, column + 2 < columns ? x[2] : 0,
                    column + 3 < columns ? x[3] : 0);
            }
        }

#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < Loads; i++) {
                int item = first + i * (int)blockDim.x, row = item / (W / 4), column = item % (W / 4) * 4;
                if (item >= items) break;
                float4 value = values[n][i];
                bf16* to = sources[n].tile + row * stride<W>() + column;
                uint2 high = make_uint2(packBf16(value.x, value.y), packBf16(value.z, value.w));
                *(uint2*)to = high;
                if (EXACT) *(uint2*)(to + rows * stride<W>()) =
                    make_uint2(packRest(value.x, value.y, high.x), packRest(value.z, value.w, high.y));
            }
        }
    }
}

// c[16, 8 N] = X[16, W] · Y[8 N, W]ᵀ, X and Y tiles whose low parts are xLow and yLow elements behind.
template <int W, int N, bool EXACT>
__device__ __forceinline__ void multiplyRows(float (&c)[N][4], const bf16* x, int xLow, const bf16* y, int yLow) {
    int lane = threadIdx.x % 32;
    SharedRow xRow = sharedRow(x + lane % 16 * stride<W>() + lane / 16 * 8);
    SharedRow yRow = sharedRow(y + (lane % 8 + lane / 16 * 8) * stride<W>() + lane / 8 % 2 * 8);
#pragma unroll
    for (int n = 0; n < N; n++) c[n][0] = c[n][1] = c[n][2] = c[n][3] = 0;
#pragma unroll
    for (int k = 0; k < W; k += 16) {
        unsigned a[4], aLow[4];
        loadMatrices<false>(a, xRow, k);
        if (EXACT) loadMatrices<false>(aLow, xRow, xLow + k);
#pragma unroll
        for (int n = 0; n < N; n += 2) {
            unsigned b[4];
            loadMatrices<false>(b, yRow, n * 8 * stride<W>() + k);
            unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
            multiplyTile(c[n], a, left);
            multiplyTile(c[n + 1], a, right);
            if (!EXACT) continue;
            multiplyTile(c[n], aLow, left);
            multiplyTile(c[n + 1], aLow, right);
            loadMatrices<false>(b, yRow, yLow + n * 8 * stride<W>() + k);
            unsigned leftLow[2] = {b[0], b[1]}, rightLow[2] = {b[2], b[3]};
            multiplyTile(c[n], a, leftLow);
            multiplyTile(c[n + 1], a, rightLow);
        }
    }
}

// c[16, C] += P[16, 8 N] · Y[8 N, C], P as multiplyRows leaves it: the layout of a product is that of a left side.
template <int W, int C, int N, bool EXACT>
__device__ __forceinline__ void addProduct(float (&c)[C / 8][4], const float (&p)[N][4], const bf16* y, int yLow) {
    int lane = threadIdx.x % 32;
    SharedRow yRow = sharedRow(y + lane % 16 * stride<W>() + lane / 16 * 8);
#pragma unroll
    for (int k = 0; k < N; k += 2) {
        unsigned a[4], aLow[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            float low = p[k + i / 2][i % 2 * 2], high = p[k + i / 2][i % 2 * 2 + 1];
            a[i] = packBf16(low, high);
            if (EXACT) aLow[i] = packRest(low, high, a[i]);
        }

#pragma unroll
        for (int n = 0; n < C / 8; n += 2) {
            unsigned b[4];
            loadMatrices<true>(b, yRow, k * 8 * stride<W>() + n * 8);
            unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
            multiplyTile(c[n], a, left);
            multiplyTile(c[n + 1], a, right);
            if (!EXACT) continue;
            multiplyTile(c[n], aLow, left);
            multiplyTile(c[n + 1], aLow, right);
            loadMatrices<true>(b, yRow, yLow + k * 8 * stride<W>() + n * 8);
            unsigned leftLow[2] = {b[0], b[1]}, rightLow[2] = {b[2], b[3]};
            multiplyTile(c[n], a, leftLow);
            multiplyTile(c[n + 1], a, rightLow);
        }
    }
}

constexpr float Log2E = 1.4426950408889634f;

// 2^x by the special function unit, 2 units in the last place off; denormal results become 0.
__device__ __forceinline__ float exponential2(float x) {
#ifdef CUEMU
    return exp2f(x);
#else
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
#endif
}

// Of the four lanes that hold a row of a product.
__device__ __forceinline__ float rowSum(float x) {
    x += __shfl_xor_sync(FULL_WARP, x, 1);
    return x + __shfl_xor_sync(FULL_WARP, x, 2);
}

__device__ __forceinline__ float rowMax(float x) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 1));
    return fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 2));
}

// s[16, 8 N], scores of the warp's rows, become exp(s/√D − maximum); what earlier keys gave is scaled down to the new maximum. A tile of
// keys that a row does not see leaves its sums as they are, so a row's result does not depend on the others of the call.
template <int N, int C>
__device__ __forceinline__ void softmax(float (&s)[N][4], float (&o)[C][4], float (&largest)[2], float (&sum)[2], float scale) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
        float highest = largest[half];
#pragma unroll
        for (int n = 0; n < N; n++) highest = fmaxf(highest, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
        highest = rowMax(highest);
        float base = highest == -INFINITY_F ? 0 : highest; // of a row that has seen nothing yet
        float shrink = exponential2((largest[half] - base) * (scale * Log2E)); // exactly 1 where the maximum stays
        base *= scale * Log2E;
        float added = 0;
#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; i++) {
                s[n][i] = exponential2(s[n][i] * (scale * Log2E) - base);
                added += s[n][i];
            }
        }

        largest[half] = highest;
        sum[half] = sum[half] * shrink + added;
#pragma unroll
        for (int n = 0; n < C; n++) {
            o[n][2 * half] *= shrink;
            o[n][2 * half + 1] *= shrink;
        }
    }
}

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

__device__ __forceinline__ void addPair(float* row, int column, int columns, float x, float y) {
    if (columns % 2 == 0 && column < columns) {
        float2 old = *(float2*)(row + column);
        *(float2*)(row + column) = make_float2(old.x + x, old.y + y);
    } else if (column < columns) {
        row[column] += x;
        if (column + 1 < columns) row[column + 1] += y;
    }
}

// Grid: tiles of so many query rows, query heads, sequences. o is BF16 if oIsRounded.
template <int W, bool EXACT>
__device__ __forceinline__ void forward(const float* q, const Sequence* sequences, const int* indices, void* o, int oIsRounded, float* lse,
    int heads, int group, int columns, int rows, float scale) {
    constexpr int Tile = W <= 64 ? 64 : 32, Low = Tile * stride<W>();
    int ownRow = threadIdx.x / 32 * 16, head = blockIdx.y, lane = threadIdx.x % 32;
    const Sequence sequence = sequences[blockIdx.z];
    int tile = (gridDim.x - 1 - blockIdx.x) * rows; // the last rows first: with a causal mask they take longest
    if (tile >= sequence.queries) return;
    SHARED_BYTES(memory);
    Keys* visible = (Keys*)memory;
    bf16* queries = (bf16*)(visible + rows);
    bf16* keys = queries + (EXACT ? 2 : 1) * rows * stride<W>();
    bf16* values = keys + (EXACT ? 2 : 1) * Low;
    for (int row = threadIdx.x; row < rows; row += blockDim.x) visible[row] = keysOf(sequence, indices, tile + row);
    long long rowStride = (long long)heads * columns, keyStride = rowStride / group;
    long long firstRow = sequence.firstRow + tile, firstElement = firstRow * rowStride + (long long)head * columns;
    long long firstKey = sequence.firstKeyRow * keyStride + (long long)(head / group) * columns;
    Source own[1] = {{queries, q + firstElement}};
    stage<W, EXACT>(own, rows, rowStride, sequence.queries - tile, columns);
    __syncthreads();

    bool isOwner = ownRow < rows;
    float sums[W / 8][4] = {}, largest[2] = {-INFINITY_F, -INFINITY_F}, sum[2] = {0, 0};
    for (int begin = 0; begin < sequence.length; begin += Tile) {
        if (!anySeen(visible, rows, begin, begin + Tile)) continue;
        long long element = firstKey + begin * keyStride;
        Source other[2] = {{keys, sequence.keys + element}, {values, sequence.values + element}};
        stage<W, EXACT>(other, Tile, keyStride, sequence.length - begin, columns);
        __syncthreads();
        int seenHere = isOwner ? seen(visible[ownRow + lane % 16], begin, begin + Tile) : 0;
        if (__any_sync(FULL_WARP, seenHere > 0)) {
            float s[Tile / 8][4];
            multiplyRows<W, Tile / 8, EXACT>(s, queries + ownRow * stride<W>(), rows * stride<W>(), keys, Low);
            if (__any_sync(FULL_WARP, seenHere < Tile)) {
                Keys first = visible[ownRow + lane / 4], second = visible[ownRow + lane / 4 + 8];
#pragma unroll
                for (int n = 0; n < Tile / 8; n++) {
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        if (!sees(i < 2 ? first : second, begin + n * 8 + lane % 4 * 2 + i % 2)) s[n][i] = -INFINITY_F;
                    }
                }
            }

            softmax(s, sums, largest, sum, scale);
            addProduct<W, W, Tile / 8, EXACT>(sums, s, values, Low);
        }

        __syncthreads();
    }

#pragma unroll
    for (int half = 0; half < 2; half++) {
        int row = ownRow + lane / 4 + half * 8;
        float total = rowSum(sum[half]), inverse = total > 0 ? 1 / total : 0;
        if (!isOwner || tile + row >= sequence.queries) continue;
        if (lane % 4 == 0) lse[(firstRow + row) * heads + head] = total > 0 ? largest[half] * scale + logf(total) : -INFINITY_F;
#pragma unroll
        for (int n = 0; n < W / 8; n++) {
            int column = n * 8 + lane % 4 * 2;
            float x = sums[n][2 * half] * inverse, y = sums[n][2 * half + 1] * inverse;
            if (oIsRounded) writePair((bf16*)o + firstElement + row * rowStride, column, columns, x, y);
            else writePair((float*)o + firstElement + row * rowStride, column, columns, x, y);
        }
    }
}

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
    float *first, *second; // dQ and nothing, or dK and dV
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

// d[row, column …] += factor · c, for the rows of the warp below `count`.
template <int C>
__device__ __forceinline__ void addRows(float* d, long long rowStride, int count, int slab, int columns, const float (&c)[C / 8][4],
    float factor) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        int row = lane / 4 + half * 8;
        if (row >= count) continue;
#pragma unroll
        for (int n = 0; n < C / 8; n++) {
            addPair(d + row * rowStride, slab + n * 8 + lane % 4 * 2, columns, c[n][2 * half] * factor, c[n][2 * half + 1] * factor);
        }
    }
}

// Own rows are keys (KEYS) or queries. Grid: tiles of x.rows own rows, each once per slab of C columns; heads; sequences.
template <int W, bool EXACT, bool KEYS> __device__ __forceinline__ void backward(const Backward& x) {
    constexpr int Tile = 32, Low = Tile * stride<W>(), Copies = EXACT ? 2 : 1, C = W <= 128 ? W : 128;
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
    Source own[2] = {{own1, (KEYS ? sequence.keys : x.q) + ownElement}, {own2, (KEYS ? sequence.values : x.dO) + ownElement}};
    stage<W, EXACT>(own, rows, ownStride, ownCount - tile, x.columns);
    if (!KEYS) queries.stage(x, sequence, tile, rows, firstHead);
    __syncthreads();

    bool isOwner = ownRow < rows;
    float sums1[C / 8][4] = {}, sums2[KEYS ? C / 8 : 1][4] = {};
    for (int member = 0; member < headsOfBlock; member++) {
        for (int begin = 0; begin < otherCount; begin += Tile) {
            Keys keys = KEYS ? keysOf(sequence, nullptr, begin + lane) : visible[isOwner ? ownRow + lane % 16 : 0]; // of the lane's query
            bool any = KEYS ? __any_sync(FULL_WARP, seen(keys, tile, tile + rows) > 0) : anySeen(visible, rows, begin, begin + Tile);
            if (!any) continue;
            long long element = (KEYS ? queryElement + (long long)member * x.columns : keyElement) + begin * otherStride;
            Source other[2] = {{other1, (KEYS ? x.q : sequence.keys) + element}, {other2, (KEYS ? x.dO : sequence.values) + element}};
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
    addRows<C>(x.first + ownElement, ownStride, ownCount - tile - ownRow, slab, x.columns, sums1, x.scale);
    if constexpr (KEYS) addRows<C>(x.second + ownElement, ownStride, ownCount - tile - ownRow, slab, x.columns, sums2, 1);
}

// Blocks of 256 threads that a multiprocessor should hold: two where the sums leave room among its registers, 128 a thread.
#define FORWARD(W, EXACT, NAME) \
    extern "C" __global__ void __launch_bounds__(256, W <= 128 ? 2 : 1) NAME(const float* q, const Sequence* sequences, \
        const int* indices, void* o, int oIsRounded, float* lse, int heads, int group, int columns, int rows, float scale) { \
        forward<W, EXACT>(q, sequences, indices, o, oIsRounded, lse, heads, group, columns, rows, scale); \
    }

#define BACKWARD(W, EXACT, KEYS, BLOCKS, NAME) \
    extern "C" __global__ void __launch_bounds__(256, BLOCKS) NAME(const float* q, const float* dO, const float* lse, \
        const float* delta, const Sequence* sequences, float* first, float* second, int heads, int group, int columns, int rows, \
        float scale) { \
        backward<W, EXACT, KEYS>({q, dO, lse, delta, sequences, first, second, heads, group, columns, rows, scale}); \
    }

#define KERNELS(W) \
    FORWARD(W, false, attention_forward_d##W) \
    FORWARD(W, true, attention_forward_d##W##_exact) \
    BACKWARD(W, false, false, W <= 128 ? 2 : 1, attention_dq_d##W) \
    BACKWARD(W, true, false, W <= 128 ? 2 : 1, attention_dq_d##W##_exact) \
    BACKWARD(W, false, true, W <= 64 ? 2 : 1, attention_dkdv_d##W) \
    BACKWARD(W, true, true, W <= 64 ? 2 : 1, attention_dkdv_d##W##_exact)

// WIDTH: the only one to compile; all take long.
#ifdef WIDTH
#define KERNELS_OF(W) KERNELS(W)
KERNELS_OF(WIDTH)
#else
KERNELS(32)
KERNELS(64)
KERNELS(96)
KERNELS(128)
KERNELS(256)
#endif
