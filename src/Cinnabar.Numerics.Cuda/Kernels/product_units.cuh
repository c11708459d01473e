// The stream of weights of product.cu: what a unit is, and how units come to the ring in shared memory. Its head says the rest.
typedef bf16 Word;

#if BITS == 8
typedef int Sum;
#else
typedef float Sum;
#endif

constexpr int Threads = 256, Warps = Threads / 32;
constexpr int UnitWords = 64, Chunk = 8;       // of a row; of a copy
constexpr int Chunks = UnitWords / Chunk;
constexpr int Parts = BITS == 4 ? 2 : 1;       // of a unit's columns of x, 64 words each
#if BITS == 4
constexpr int Runs = 256 / RUN;                // scales of a row of a unit
#else
constexpr int Runs = 0;
#endif
constexpr int WeightWords = ROWS * UnitWords, PartWords = TILES * 8 * UnitWords, ScaleWords = Runs * ROWS * 2;
constexpr int StageWords = WeightWords + Parts * PartWords + ScaleWords;
constexpr int ScalesOfCopy = 4, WordsOfScales = 8; // of a copy

// Warps side by side in M share rows of weights; what one multiplies: 16 A rows of weights and 8 C rows of x.
constexpr int WarpsOfX = TILES >= 8 ? 2 : 1, WarpsOfWeights = Warps / WarpsOfX;
constexpr int A = ROWS / WarpsOfWeights / 16, C = TILES / WarpsOfX;

constexpr int MostWeights = 4;

struct Weight {
    const Word* words;   // [rows, K]
    const float* scales; // [rows] of 8 bits, [runs, rows] of 4
    float* y;            // row stride: yStride
    int rows, yStride;
};

struct Product {
    const Word* x;
    const float* xScales; // of rows of integers
    long long xStride;
    int m, k, accumulate; // K: words of a row of weights
    Sum* parts;    // 2 a block
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
    const Word* from;
    SharedRow scalesInRing; // where the thread's first scales go
    const float* scales;    // of the tile's first row
    int scaleStride;

    __device__ __forceinline__ Loader(const Product& product, Word* memory, int tile, int column)
        : product(product), policy(leaveFirst()), tile(tile), column(column), stage(0), row(threadIdx.x / 8), chunk(threadIdx.x % 8) {
        ring = sharedRow(memory + row * UnitWords + (chunk ^ row % 8) * Chunk);
        scalesInRing = sharedRow(memory + WeightWords + Parts * PartWords + threadIdx.x * WordsOfScales);
        begin();
    }

    __device__ __forceinline__ void begin() {
        Tile next = tileAt(product, tile);
        rows = next.weight.rows - next.row;
        from = next.weight.words + (long long)(next.row + row) * product.k + chunk * Chunk;
        scales = next.weight.scales + next.row;
        scaleStride = next.weight.rows;
    }

    __device__ __forceinline__ void load() {
        constexpr int Step = Threads / 8; // rows that all threads copy at once: a multiple of 8, so that places in rows stay
        int to = stage * StageWords;
#pragma unroll
        for (int i = 0; i < ROWS / Step; i++) {
            if (row + i * Step < rows) {
                copyWeights(ring, to + i * Step * UnitWords, from + (long long)(i * Step) * product.k + column, policy);
            }
        }

        // What is left in rows beyond M goes into sums that nobody writes.
        const Word* x = product.x + row * product.xStride + chunk * Chunk + column * Parts;
#pragma unroll
        for (int i = 0; i < (TILES * 8 + Step - 1) / Step; i++) {
            if (row + i * Step >= product.m) break;
#pragma unroll
            for (int part = 0; part < Parts; part++) {
                int place = to + WeightWords + part * PartWords + i * Step * UnitWords;
                copyRows(ring, place, x + i * Step * product.xStride + part * UnitWords);
            }
        }

        if constexpr (Runs > 0) loadScales(to);
        stage = stage + 1 == STAGES ? 0 : stage + 1;
        column += UnitWords;
        if (column == product.k) {
            column = 0;
            tile++;
            begin();
        }
    }

    // Run after run, those of neighbouring rows side by side, four a copy.
    __device__ __forceinline__ void loadScales(int to) {
        constexpr int Copies = ROWS / ScalesOfCopy;
        const float* ofUnit = scales + (long long)(column / UnitWords * Runs) * scaleStride;
#pragma unroll
        for (int i = 0; i < (Runs * Copies + Threads - 1) / Threads; i++) {
            int copy = threadIdx.x + i * Threads, run = copy / Copies, first = copy % Copies * ScalesOfCopy;
            const float* from = ofUnit + (long long)run * scaleStride + first;
            if (run < Runs && first < rows) copyWeights(scalesInRing, to + i * Threads * WordsOfScales, (const Word*)from, policy);
        }
    }
};

// What arrives while a small kernel before ends; more would be in its way.
constexpr int FetchedUnits = 3;

// Units `begin` to `end` − 1, a row a thread: 128 bytes; of every 32 rows one thread brings the scales, which are as many.
__device__ __forceinline__ void fetchWeights(const Product& product, int begin, int end, int steps) {
    u64 policy = leaveFirst();
    for (int i = threadIdx.x; i < (end - begin) * ROWS; i += Threads) {
        int unit = begin + i / ROWS;
        Tile tile = tileAt(product, unit / steps);
        long long row = tile.row + i % ROWS;
        if (row < tile.weight.rows) fetchToCache(tile.weight.words + row * product.k + unit % steps * UnitWords, policy);
        bool bringsScales = i % 32 == 0 && row + 32 <= tile.weight.rows;
        for (int run = 0; bringsScales && run < Runs; run++) {
            fetchToCache(tile.weight.scales + (long long)(unit % steps * Runs + run) * tile.weight.rows + row, policy);
        }
    }
}
