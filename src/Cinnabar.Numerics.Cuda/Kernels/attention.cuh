// What the passes of attention share: masks, tiles in shared memory and their products; formulas and masks are those of
// Cinnabar.Numerics/Kernels/Attention.cs. No score ever reaches global memory (Dao 2023, FlashAttention-2). A block of 8 warps owns up to
// 128 rows, 16 a warp, the left side of every product, and goes over tiles of others, the right side.
// Tensors: F32, but q, k and v BF16 in kernels called _bf16; q, o, dO, dQ: [rows, H·D]; k, v, dK, dV: [key rows, G·D]; lse, delta:
// [rows, H]. Tiles in shared memory are BF16, W columns (D and zeros) in rows of W + 8, so that the eight rows of a matrix that tensor
// cores load lie in different banks.
// EXACT: a tile has a second copy with what rounding lost, x ≈ high + low, and a product is high·high + high·low + low·high.
#pragma once

// The mask of AttentionShape, one a sequence; CudaAttentionSequences.Descriptor in C#. `positions` and `shadowed` are offsets into
// `indices`, or −1.
struct Sequence {
    const void *keys, *values;
    int firstRow, queries, firstKeyRow, length, valid, unshadowed, positions, shadowed, window, half, kind, blockSize;
};

enum Kind { Full, BlockCausal, Causal };

// One of several or, without these, the only one, an argument but for its lengths: `indices` begin with these, so that passes over texts
// of different length have their arguments in common.
__device__ __forceinline__ Sequence sequenceOf(const Sequence* sequences, int number, Sequence only, const int* indices) {
    if (sequences) return sequences[number];
    only.length = indices[0];
    only.valid = indices[1];
    only.unshadowed = indices[2];
    return only;
}

// The keys that a query row sees: first … end − 1 but for hidden … hiddenEnd − 1.
struct alignas(16) Keys { int first, end, hidden, hiddenEnd; };

__device__ __forceinline__ Keys keysOf(const Sequence& sequence, const int* indices, int query) {
    if (query >= sequence.queries) return {0, 0, 0, 0};
    int block = sequence.blockSize;
    if (sequence.half > 0) {
        bool noisy = query >= sequence.half;
        int start = (noisy ? query - sequence.half : query) / block * block;
        int end = min(sequence.valid, start + block);
        return noisy ? Keys{0, sequence.half + end, min(sequence.valid, start), sequence.half + start} : Keys{0, end, 0, 0};
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

// Four columns of a row of `columns`, zeros behind its end.
__device__ __forceinline__ float4 loadFour(const float* row, int column, int columns, bool isAligned) {
    const float* x = row + column;
    if (column >= columns) return make_float4(0, 0, 0, 0);
    if (isAligned) return *(const float4*)x;
    return make_float4(x[0], column + 1 < columns ? x[1] : 0, column + 2 < columns ? x[2] : 0, column + 3 < columns ? x[3] : 0);
}

// Four values rounded, and what that lost `low` elements behind.
template <bool EXACT> __device__ __forceinline__ void storeRounded(bf16* to, int low, float4 value) {
    uint2 high = make_uint2(packBf16(value.x, value.y), packBf16(value.z, value.w));
    *(uint2*)to = high;
    if (EXACT) *(uint2*)(to + low) = make_uint2(packRest(value.x, value.y, high.x), packRest(value.z, value.w, high.y));
}

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
                values[n][i] = make_float4(0, 0, 0, 0);
                if (item < items && row < count) values[n][i] = loadFour(sources[n].rows + row * rowStride, column, columns, isAligned);
            }
        }

#pragma unroll
        for (int n = 0; n < N; n++) {
#pragma unroll
            for (int i = 0; i < Loads; i++) {
                int item = first + i * (int)blockDim.x, row = item / (W / 4), column = item % (W / 4) * 4;
                if (item < items) storeRounded<EXACT>(sources[n].tile + row * stride<W>() + column, rows * stride<W>(), values[n][i]);
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

// WIDTH: the only one to compile; all take long.
#ifdef WIDTH
#define FOR_WIDTHS(KERNELS) KERNELS(WIDTH)
#else
#define FOR_WIDTHS(KERNELS) KERNELS(32) KERNELS(64) KERNELS(96) KERNELS(128) KERNELS(256)
#endif

// The name of a kernel for one width.
#define JOIN(a, b, c) a##b##c
#define NAME(prefix, W, suffix) JOIN(prefix, W, suffix)
