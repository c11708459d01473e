// Products of few rows at the speed of memory: y_i[M, N_i] (+)= x[M, K] · W_iᵀ for up to four weights W_i [N_i, K] in one launch, y F32 and
// M ≤ 8 TILES. All time goes into reading weights, so everything serves an even, unbroken stream:
//   units    ROWS rows of one weight × 128 bytes of each. A tile is all units of the same rows. All units of a launch, tile after tile,
//            are cut into equal runs, one a block, one block a multiprocessor, wherever tiles end (Osama et al. 2023, Stream-K).
//   begin    while the kernel before still ends, each block fetches its first units of weights to the cache: they depend on nothing.
//   ring     STAGES units, with the columns of x that they meet, are copied to shared memory behind the arithmetic, across ends of tiles.
//   product  yᵀ = W·xᵀ: 16 rows of weights are the left side of the tensor cores' product, so few rows of x waste nothing.
//   sums     a tile that ends in another block than it begins in is added up by the block that comes last to it, from all blocks' parts in
//            the order of K. Which block does so varies, what it adds does not: every run gives the same bits.
// A row's result depends neither on the other rows nor on their number but, where sums are F32, through TILES and ROWS, which may move the
// cuts in K. Three kinds of numbers, all of them words of 16 bits to whoever copies:
//   BITS 16  x and W BF16, sums F32
//   BITS 8   x and W Int8 with a scale for each row, sums integers: exact
//   BITS 4   W of four bits with a scale for every run of RUN columns (integers.cu says how they lie), x Int8, the sum of a run's products
//            an integer and the sum of these F32. A unit meets twice its columns of x: those of the low and of the high half bytes.
// In shared memory a row of a unit is 64 words, 8 chunks of 16 bytes, chunk c of row r at place c ^ r % 8: the eight rows of a matrix
// that tensor cores load lie in different banks.
// Macros: BITS; RUN (of BITS 4: 32, 64 or 128); TILES, 8 rows of x each (2, 4 or 8); ROWS (128 or 256); STAGES.
#include "integers.cuh"
#include "product_units.cuh"

// Where a warp's share of a tile begins, and the places of the sums that a lane holds: d of multiplyTile, weights by rows of x.
__device__ __forceinline__ int firstWeightOfWarp() { return threadIdx.x / 32 / WarpsOfX * (16 * A); }
__device__ __forceinline__ int firstRowOfWarp() { return threadIdx.x / 32 % WarpsOfX * (8 * C); }

// 16 × 16 words of weights, rows 16 i of the warp's on, columns `chunk` and the next; and the same of x, rows 8 j on.
__device__ __forceinline__ void loadWeights(unsigned (&a)[4], SharedRow weights, int stage, int i, int chunk) {
    int lane = threadIdx.x % 32;
    loadMatrices<false>(a, weights, stage * StageWords + i * 16 * UnitWords + ((chunk + lane / 16) ^ lane % 8) * Chunk);
}

__device__ __forceinline__ void loadRows(unsigned (&b)[4], SharedRow x, int stage, int part, int j, int chunk) {
    int lane = threadIdx.x % 32;
    loadMatrices<false>(b, x, stage * StageWords + part * PartWords + j * 8 * UnitWords + ((chunk + lane / 8 % 2) ^ lane % 8) * Chunk);
}

// sums += the product of two chunks of a unit with the columns of x of a part.
template <typename T> __device__ __forceinline__ void multiplyChunks(
    T (&sums)[A][C][4], SharedRow weights, SharedRow x, int stage, int part, int chunk) {
    unsigned a[A][4];
#pragma unroll
    for (int i = 0; i < A; i++) {
        loadWeights(a[i], weights, stage, i, chunk);
        if constexpr (BITS == 4) {
#pragma unroll
            for (int word = 0; word < 4; word++) a[i][word] = sixteenTimes(a[i][word], part);
        }
    }

#pragma unroll
    for (int j = 0; j < C; j += 2) {
        unsigned b[4];
        loadRows(b, x, stage, part, j, chunk);
        unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
#pragma unroll
        for (int i = 0; i < A; i++) {
            multiplyTile(sums[i][j], a[i], left);
            multiplyTile(sums[i][j + 1], a[i], right);
        }
    }
}

// sums += the unit's product.
#if BITS != 4
__device__ __forceinline__ void multiply(Sum (&sums)[A][C][4], SharedRow weights, SharedRow x, const float*, int stage) {
#pragma unroll
    for (int chunk = 0; chunk < Chunks; chunk += 2) multiplyChunks(sums, weights, x, stage, 0, chunk);
}
#else
// The sum of a run's products is at most 128 · 128 · 127: exact as F32, too.
__device__ __forceinline__ void multiply(Sum (&sums)[A][C][4], SharedRow weights, SharedRow x, const float* scales, int stage) {
    constexpr int ChunksOfRun = Chunks * Parts / Runs;
#pragma unroll
    for (int run = 0; run < Runs; run++) {
        int first = run * ChunksOfRun % Chunks;
        int products[A][C][4] = {};
#pragma unroll
        for (int i = 0; i < ChunksOfRun; i += 2) {
            multiplyChunks(products, weights, x, stage, run * ChunksOfRun / Chunks, first + i);
        }

        const float* ofRun = scales + stage * (StageWords / 2) + run * ROWS;
#pragma unroll
        for (int i = 0; i < A; i++) {
            float scale[2] = {ofRun[i * 16], ofRun[i * 16 + 8]};
#pragma unroll
            for (int j = 0; j < C; j++) {
#pragma unroll
                for (int d = 0; d < 4; d++) sums[i][j][d] += (float)products[i][j][d] * scale[d / 2];
            }
        }
    }
}
#endif

// Eight lanes write neighbours: whole sectors of memory.
__device__ __forceinline__ void write(const Product& product, const Tile& tile, const Sum (&sums)[A][C][4]) {
    int lane = threadIdx.x % 32, first = tile.row + firstWeightOfWarp() + lane / 4;
#pragma unroll
    for (int j = 0; j < C; j++) {
#pragma unroll
        for (int odd = 0; odd < 2; odd++) {
            int m = firstRowOfWarp() + j * 8 + lane % 4 * 2 + odd;
            float* y = tile.weight.y + (long long)m * tile.weight.yStride;
#pragma unroll
            for (int i = 0; i < 2 * A; i++) {
                int n = first + i * 8;
                if (m >= product.m || n >= tile.weight.rows) continue;
                Sum sum = sums[i / 2][j][i % 2 * 2 + odd];
                float value = BITS == 16 ? sum : scaled(sum, product.xScales[m], BITS == 8 ? tile.weight.scales[n] : 1);
                y[n] = product.accumulate ? y[n] + value : value;
            }
        }
    }
}

constexpr int SumsOfTile = ROWS * TILES * 8;

struct alignas(16) Quad { Sum x, y, z, w; };

__device__ __forceinline__ Quad* partOf(const Product& product, int part) {
    return (Quad*)(product.parts + (long long)part * SumsOfTile) + threadIdx.x;
}

// Blocks begin … end − 1 have parts of a tile: the first the last one it wrote, at 2 begin + 1, all others their first one, at twice their
// number. True in the block that comes last, which then has the whole sums.
__device__ __forceinline__ bool addParts(const Product& product, Sum (&sums)[A][C][4], int begin, int end) {
    SHARED_ARRAY(int, before, 1);
    int block = blockIdx.x;
    Quad* own = partOf(product, block == begin ? 2 * block + 1 : 2 * block);
#pragma unroll
    for (int i = 0; i < A * C; i++) {
        const Sum* sum = sums[i / C][i % C];
        own[i * Threads] = Quad{sum[0], sum[1], sum[2], sum[3]};
    }

    __syncthreads();
    if (threadIdx.x == 0) before[0] = arrive(product.arrivals + begin);
    __syncthreads();
    if (before[0] != end - begin - 1) return false;
    if (threadIdx.x == 0) product.arrivals[begin] = 0;
    for (int part = 2 * begin + 1; part < 2 * end; part = (part + 2) & ~1) {
        const Quad* from = partOf(product, part);
#pragma unroll
        for (int i = 0; i < A * C; i++) {
            Quad x = loadShared(from + i * Threads);
            Sum* sum = sums[i / C][i % C];
            bool isFirst = part == 2 * begin + 1;
            sum[0] = isFirst ? x.x : sum[0] + x.x;
            sum[1] = isFirst ? x.y : sum[1] + x.y;
            sum[2] = isFirst ? x.z : sum[2] + x.z;
            sum[3] = isFirst ? x.w : sum[3] + x.w;
        }
    }

    return true;
}

// The block that a unit belongs to: the last one whose run, from units · block / blocks on, does not begin behind it.
__device__ __forceinline__ int blockOf(int unit, int units) {
    return (int)(((unit + 1LL) * gridDim.x - 1) / units);
}

// Grid: at most as many blocks as there are units.
extern "C" __global__ void __launch_bounds__(256, 1) product_few_rows(const Word* x, const float* xScales, long long xStride, int m, int k,
    int accumulate, Sum* parts, int* arrivals, Weight w0, Weight w1, Weight w2, Weight w3) {
    const Product product = {x, xScales, xStride, m, k, accumulate, parts, arrivals, {w0, w1, w2, w3}};
    SHARED_BYTES(memory);
    Word* ring = (Word*)memory;
    int lane = threadIdx.x % 32, steps = k / UnitWords, units = tilesOf(product) * steps;
    int begin = (int)((long long)units * blockIdx.x / gridDim.x), end = (int)((long long)units * (blockIdx.x + 1) / gridDim.x);
    letNextBegin();
    fetchWeights(product, begin, min(end, begin + FetchedUnits), steps);
    waitForPrevious();
    SharedRow weights = sharedRow(ring + (firstWeightOfWarp() + lane % 16) * UnitWords);
    SharedRow rows = sharedRow(ring + WeightWords + (firstRowOfWarp() + lane % 8 + lane / 16 * 8) * UnitWords);
    const float* scales = (const float*)(ring + WeightWords + Parts * PartWords) + firstWeightOfWarp() + lane / 4;

    Loader loader(product, ring, begin / steps, begin % steps * UnitWords);
#pragma unroll 1
    for (int i = 0; i < STAGES - 1; i++) {
        if (begin + i < end) loader.load();
        endCopies();
    }

    Sum sums[A][C][4] = {};
    int tile = begin / steps, stage = 0;
#pragma unroll 1
    for (int unit = begin; unit < end; unit++) {
        waitForCopies<STAGES - 2>();
        __syncthreads(); // all threads' copies of this unit are there, and no warp reads the stage before, which is filled next
        if (unit + STAGES - 1 < end) loader.load();
        endCopies();
        multiply(sums, weights, rows, scales, stage);
        stage = stage + 1 == STAGES ? 0 : stage + 1;

        int firstOfTile = tile * steps, endOfTile = firstOfTile + steps;
        if (unit + 1 != endOfTile && unit + 1 != end) continue;
        bool isWhole = begin <= firstOfTile && endOfTile <= end;
        if (isWhole || addParts(product, sums, blockOf(firstOfTile, units), blockOf(endOfTile - 1, units) + 1)) {
            write(product, tileAt(product, tile), sums);
        }

#pragma unroll
        for (int i = 0; i < A * C; i++) sums[i / C][i % C][0] = sums[i / C][i % C][1] = sums[i / C][i % C][2] = sums[i / C][i % C][3] = 0;
        tile++;
    }
}
