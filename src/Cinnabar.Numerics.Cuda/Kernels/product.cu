// Products of few rows at the speed of memory: y_i[M, N_i] (+)= x[M, K] · W_iᵀ for up to four weights W_i [N_i, K] in one launch; x and W
// BF16, y and sums F32, M ≤ 8 TILES, K a multiple of 64. All time goes into reading weights, so everything serves an even, unbroken stream:
//   units    ROWS rows of one weight × 64 columns of K. A tile is the K/64 units of the same rows. All units of a launch, tile after tile,
//            are cut into equal runs, one a block, one block a multiprocessor, wherever tiles end (Osama et al. 2023, Stream-K).
//   begin    while the kernel before still ends, each block fetches its first units of weights to the cache: they depend on nothing.
//   ring     STAGES units, with the columns of x that they meet, are copied to shared memory behind the arithmetic, across ends of tiles.
//   product  yᵀ = W·xᵀ: 16 rows of weights are the left side of the tensor cores' product, so few rows of x waste nothing.
//   sums     a tile that ends in another block than it begins in is added up by the block that comes last to it, from all blocks' parts in
//            the order of K. Which block does so varies, what it adds does not: every run gives the same bits.
// A row's result depends neither on the other rows nor on their number but through TILES and ROWS, which may move the cuts in K.
// In shared memory a row of a unit is 64 elements, 8 chunks of 16 bytes, chunk c of row r at place c ^ r % 8: the eight rows of a matrix
// that tensor cores load lie in different banks.
// Macros: TILES, 8 rows of x each (2, 4 or 8); ROWS (128 or 256); STAGES.
constexpr int Threads = 256, Warps = Threads / 32;
constexpr int UnitColumns = 64, Chunk = 8; // elements
constexpr int WeightElements = ROWS * UnitColumns, StageElements = WeightElements + TILES * 8 * UnitColumns;

// Warps side by side in M share rows of weights; what one multiplies: 16 A rows of weights and 8 C rows of x.
constexpr int WarpsOfX = TILES >= 8 ? 2 : 1, WarpsOfWeights = Warps / WarpsOfX;
constexpr int A = ROWS / WarpsOfWeights / 16, C = TILES / WarpsOfX;

constexpr int MostWeights = 4;

struct Weight {
    const bf16* elements; // [rows, K]
    float* y;             // row stride: yStride
    int rows, yStride;
};

struct Product {
    const bf16* x;
    long long xStride;
    int m, k, accumulate;
    float* parts;  // 2 a block
    int* arrivals; // 1 a block, zero between launches
    Weight weights[MostWeights]; // of 0 rows behind the last one
};

// Rows `row` on of a weight.
struct Tile {
    Weight weight;
    int row;
};

__device__ __forceinline__ Tile tileAt(const Product& product, int tile) {
    Tile found = {};
#pragma unroll
    for (int i = 0; i < MostWeights; i++) {
        int tiles = (product.weights[i].rows + ROWS - 1) / ROWS;
        if (tile >= 0 && tile < tiles) found = {product.weights[i], tile * ROWS};
        tile -= tiles;
    }

    return found;
}

__device__ __forceinline__ int tilesOf(const Product& product) {
    int tiles = 0;
#pragma unroll
    for (int i = 0; i < MostWeights; i++) tiles += (product.weights[i].rows + ROWS - 1) / ROWS;
    return tiles;
}

// Copies units one after another into the ring.
struct Loader {
    const Product& product;
    SharedRow ring; // where the thread's first chunk goes
    u64 policy;
    int tile, column, stage, row, chunk, rows;
    const bf16* from;

    __device__ __forceinline__ Loader(const Product& product, bf16* memory, int tile, int column)
        : product(product), policy(leaveFirst()), tile(tile), column(column), stage(0), row(threadIdx.x / 8), chunk(threadIdx.x % 8) {
        ring = sharedRow(memory + row * UnitColumns + (chunk ^ row % 8) * Chunk);
        begin();
    }

    __device__ __forceinline__ void begin() {
        Tile next = tileAt(product, tile);
        rows = next.weight.rows - next.row;
        from = next.weight.elements + (long long)(next.row + row) * product.k + chunk * Chunk;
    }

    __device__ __forceinline__ void load() {
        constexpr int Step = Threads / 8; // rows that all threads copy at once: a multiple of 8, so that places in rows stay
        int to = stage * StageElements;
#pragma unroll
        for (int i = 0; i < ROWS / Step; i++) {
            if (row + i * Step < rows) {
                copyWeights(ring, to + i * Step * UnitColumns, from + (long long)(i * Step) * product.k + column, policy);
            }
        }

        // What is left in rows beyond M goes into sums that nobody writes.
        const bf16* x = product.x + row * product.xStride + chunk * Chunk + column;
#pragma unroll
        for (int i = 0; i < (TILES * 8 + Step - 1) / Step; i++) {
            if (row + i * Step < product.m) {
                copyRows(ring, to + WeightElements + i * Step * UnitColumns, x + i * Step * product.xStride);
            }
        }

        stage = stage + 1 == STAGES ? 0 : stage + 1;
        column += UnitColumns;
        if (column == product.k) {
            column = 0;
            tile++;
            begin();
        }
    }
};

// What arrives while a small kernel before ends; more would be in its way.
constexpr int FetchedUnits = 3;

// Units `begin` to `end` − 1, a row a thread: 128 bytes.
__device__ __forceinline__ void fetchWeights(const Product& product, int begin, int end, int steps) {
    u64 policy = leaveFirst();
    for (int i = threadIdx.x; i < (end - begin) * ROWS; i += Threads) {
        int unit = begin + i / ROWS;
        Tile tile = tileAt(product, unit / steps);
        long long row = tile.row + i % ROWS;
        if (row < tile.weight.rows) fetchToCache(tile.weight.elements + row * product.k + unit % steps * UnitColumns, policy);
    }
}

// Where a warp's share of a tile begins, and the places of the sums that a lane holds: d of multiplyTile, weights by rows of x.
__device__ __forceinline__ int firstWeightOfWarp() { return threadIdx.x / 32 / WarpsOfX * (16 * A); }
__device__ __forceinline__ int firstRowOfWarp() { return threadIdx.x / 32 % WarpsOfX * (8 * C); }

// sums += the unit's product.
__device__ __forceinline__ void multiply(float (&sums)[A][C][4], SharedRow weights, SharedRow x, int stage) {
    int lane = threadIdx.x % 32;
#pragma unroll
    for (int k = 0; k < UnitColumns / Chunk; k += 2) {
        unsigned a[A][4];
#pragma unroll
        for (int i = 0; i < A; i++) {
            loadMatrices<false>(a[i], weights, stage * StageElements + i * 16 * UnitColumns + ((k + lane / 16) ^ lane % 8) * Chunk);
        }

#pragma unroll
        for (int j = 0; j < C; j += 2) {
            unsigned b[4];
            loadMatrices<false>(b, x, stage * StageElements + j * 8 * UnitColumns + ((k + lane / 8 % 2) ^ lane % 8) * Chunk);
            unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
#pragma unroll
            for (int i = 0; i < A; i++) {
                multiplyTile(sums[i][j], a[i], left);
                multiplyTile(sums[i][j + 1], a[i], right);
            }
        }
    }
}

// Eight lanes write neighbours: whole sectors of memory.
__device__ __forceinline__ void write(const Product& product, const Tile& tile, const float (&sums)[A][C][4]) {
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
                float sum = sums[i / 2][j][i % 2 * 2 + odd];
                y[n] = product.accumulate ? y[n] + sum : sum;
            }
        }
    }
}

constexpr int PartElements = ROWS * TILES * 8;

__device__ __forceinline__ float4* partOf(const Product& product, int part) {
    return (float4*)(product.parts + (long long)part * PartElements) + threadIdx.x;
}

// Blocks begin … end − 1 have parts of a tile: the first the last one it wrote, at 2 begin + 1, all others their first one, at twice their
// number. True in the block that comes last, which then has the whole sums.
__device__ __forceinline__ bool addParts(const Product& product, float (&sums)[A][C][4], int begin, int end) {
    SHARED_ARRAY(int, before, 1);
    int block = blockIdx.x;
    float4* own = partOf(product, block == begin ? 2 * block + 1 : 2 * block);
#pragma unroll
    for (int i = 0; i < A * C; i++) {
        const float* sum = sums[i / C][i % C];
        own[i * Threads] = make_float4(sum[0], sum[1], sum[2], sum[3]);
    }

    __syncthreads();
    if (threadIdx.x == 0) before[0] = arrive(product.arrivals + begin);
    __syncthreads();
    if (before[0] != end - begin - 1) return false;
    if (threadIdx.x == 0) product.arrivals[begin] = 0;
    for (int part = 2 * begin + 1; part < 2 * end; part = (part + 2) & ~1) {
        const float4* from = partOf(product, part);
#pragma unroll
        for (int i = 0; i < A * C; i++) {
            float4 x = loadShared(from + i * Threads);
            float* sum = sums[i / C][i % C];
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
extern "C" __global__ void __launch_bounds__(256, 1) product_few_rows(const bf16* x, long long xStride, int m, int k,
    int accumulate, float* parts, int* arrivals, const bf16* w0, float* y0, int n0, int stride0, const bf16* w1, float* y1, int n1,
    int stride1, const bf16* w2, float* y2, int n2, int stride2, const bf16* w3, float* y3, int n3, int stride3) {
    const Product product = {x, xStride, m, k, accumulate, parts, arrivals,
        {{w0, y0, n0, stride0}, {w1, y1, n1, stride1}, {w2, y2, n2, stride2}, {w3, y3, n3, stride3}}};
    SHARED_BYTES(memory);
    bf16* ring = (bf16*)memory;
    int lane = threadIdx.x % 32, steps = k / UnitColumns, units = tilesOf(product) * steps;
    int begin = (int)((long long)units * blockIdx.x / gridDim.x), end = (int)((long long)units * (blockIdx.x + 1) / gridDim.x);
    letNextBegin();
    fetchWeights(product, begin, min(end, begin + FetchedUnits), steps);
    waitForPrevious();
    SharedRow weights = sharedRow(ring + (firstWeightOfWarp() + lane % 16) * UnitColumns);
    SharedRow rows = sharedRow(ring + WeightElements + (firstRowOfWarp() + lane % 8 + lane / 16 * 8) * UnitColumns);

    Loader loader(product, ring, begin / steps, begin % steps * UnitColumns);
#pragma unroll 1
    for (int i = 0; i < STAGES - 1; i++) {
        if (begin + i < end) loader.load();
        endCopies();
    }

    float sums[A][C][4] = {};
    int tile = begin / steps, stage = 0;
#pragma unroll 1
    for (int unit = begin; unit < end; unit++) {
        waitForCopies<STAGES - 2>();
        __syncthreads(); // all threads' copies of this unit are there, and no warp reads the stage before, which is filled next
        if (unit + STAGES - 1 < end) loader.load();
        endCopies();
        multiply(sums, weights, rows, stage);
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
