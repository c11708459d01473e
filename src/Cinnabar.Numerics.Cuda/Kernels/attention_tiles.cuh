// What a forward pass of attention brings to shared memory: its queries, and tile after tile of keys and values.
#pragma once

constexpr int Threads = 256;

// Keys that a warp multiplies at once, where it has its rows to itself: their scores leave room for its sums among the registers.
template <int W> __device__ constexpr int keysAtOnce() { return W <= 64 ? 64 : W <= 128 ? 32 : 16; }

// Tiles of keys and values [Count, W]: `fetch` begins to copy the next one, of `count` rows and zeros below; `turn` makes it the current
// one, which it is for all threads behind `await` and a barrier.
//
// Of F32, in pieces of four columns: each thread rounds those that it copied itself.
template <int W, bool SPLIT> struct FloatTiles {
    typedef float Element;
    static constexpr int Count = keysAtOnce<W>(), Copies = SPLIT ? 2 : 1, Low = Count * stride<W>();
    static constexpr bool Exact = SPLIT;
    static constexpr int Pieces = Count * (W / 4), PiecesOfThread = Pieces / Threads;
    bf16 *keys, *values;
    float4* pieces;

    __device__ __forceinline__ FloatTiles(bf16* memory) {
        keys = memory;
        values = keys + Copies * Low;
        pieces = (float4*)(values + Copies * Low);
    }

    static __device__ __forceinline__ void fetchQueries(
        bf16* to, int rows, const float* from, long long rowStride, int count, int columns) {
        Source own[1] = {{to, from}};
        stage<W, SPLIT>(own, rows, rowStride, count, columns);
    }

    __device__ __forceinline__ void fetch(const float* nextKeys, const float* nextValues, long long rowStride, int count, int columns) {
#pragma unroll
        for (int operand = 0; operand < 2; operand++) {
            const float* rows = operand == 0 ? nextKeys : nextValues;
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

    __device__ __forceinline__ void turn() {
        waitForAllCopies();
#pragma unroll
        for (int operand = 0; operand < 2; operand++) {
#pragma unroll
            for (int i = 0; i < PiecesOfThread; i++) {
                int piece = i * Threads + threadIdx.x, row = piece / (W / 4), column = piece % (W / 4) * 4;
                bf16* to = (operand == 0 ? keys : values) + row * stride<W>() + column;
                storeRounded<SPLIT>(to, Low, pieces[operand * Pieces + piece]);
            }
        }
    }

    __device__ __forceinline__ void await() {}
};

// Of BF16: two take turns, and are larger, so that a split of few rows' keys is under way at once.
template <int W> struct RoundedTiles {
    typedef bf16 Element;
    static constexpr int Count = W <= 128 ? 64 : 32, Copies = 1, Low = 0;
    static constexpr bool Exact = false;
    static constexpr int Elements = Count * stride<W>();
    bf16 *keys, *values, *next; // keys, and values behind them

    __device__ __forceinline__ RoundedTiles(bf16* memory) {
        keys = memory + 2 * Elements;
        values = keys + Elements;
        next = memory;
    }

    // A tile [rows, W]: the first `count` rows of x[…, columns]; zeros elsewhere.
    static __device__ __forceinline__ void copy(bf16* tile, int rows, const bf16* x, long long rowStride, int count, int columns) {
        bool isAligned = columns % 8 == 0 && (u64)x % 16 == 0;
#pragma unroll 4
        for (int piece = threadIdx.x; piece < rows * (W / 8); piece += Threads) {
            int row = piece / (W / 8), column = piece % (W / 8) * 8;
            bf16* to = tile + row * stride<W>() + column;
            const bf16* from = x + row * rowStride + column;
            int existing = row < count ? columns - column : 0;
            if (existing <= 0) *(float4*)to = make_float4(0, 0, 0, 0);
            else if (isAligned) copyAsync(sharedRow(to), 0, from);
            else for (int i = 0; i < 8; i++) to[i] = i < existing ? from[i] : 0;
        }
    }

    static __device__ __forceinline__ void fetchQueries(
        bf16* to, int rows, const bf16* from, long long rowStride, int count, int columns) {
        copy(to, rows, from, rowStride, count, columns);
    }

    __device__ __forceinline__ void fetch(const bf16* nextKeys, const bf16* nextValues, long long rowStride, int count, int columns) {
        copy(next, Count, nextKeys, rowStride, count, columns);
        copy(next + Elements, Count, nextValues, rowStride, count, columns);
    }

    __device__ __forceinline__ void turn() {
        endCopies();
        bf16* last = keys;
        keys = next;
        values = keys + Elements;
        next = last;
    }

    // Not for those that were begun since the turn.
    __device__ __forceinline__ void await() { waitForCopies<0>(); }
};
