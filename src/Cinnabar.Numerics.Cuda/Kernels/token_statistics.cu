// What a sampler wants to know of rows of logits l [R, V] (the definition and its words: TokenStatistics.cs of Cinnabar.Numerics).
//
//   chunks   a block reads CHUNK logits of a row once, keeps them in registers and leaves a Partial: sums relative to the chunk's largest
//   rows     a warp merges the partials of a row, sums rescaled to the row's largest logit, and writes its reading
//
// The chunks of a row are the same however many rows there are, and partials merge in a fixed order: a row has the same reading in every
// launch. Exponentials of the sums are floats, added as doubles; what decides which token is drawn is double, as on the CPU.
#define CHUNK 4096
#define THREADS 256
#define PER_THREAD (CHUNK / THREADS)
#define WORD 32

// e^x is 0 from here on, in float and in double.
#define LEAST_EXPONENT (-1000.0)

struct TokenRow { double temperature; u64 key; int row, mask, firstOwn, ownCount, asked; };

struct TokenReading {
    double bestProbability, drawnProbability, askedProbability, negativeEntropy, margin, lead;
    int bestId, drawnId;
    float bestLogit;
};

// Of some logits of a row, relative to the largest of them, m: sum of e^(l − m); of w = e^(s·(l − m)); of w ln w; and the draw.
struct Partial {
    u64 best;     // see keyOf
    double sum, scaledSum, weighted;
    double score; // of the drawn token: s·(l − m) − ln(−ln u)
    float second; // the largest logit but the best
    int drawn;
};

// (logit, id) as an integer that is greater for the better token: NaN, then larger logits, then lower ids. 0: no token is possible.
__device__ __forceinline__ u64 keyOf(float logit, int id) {
    if (logit == -INFINITY_F) return 0;
    unsigned bits = __float_as_uint(logit + 0.0f); // −0 becomes +0
    unsigned order = logit != logit ? 0xffffffffu : (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;
    return ((u64)order << 32) | ~(unsigned)id;
}

__device__ __forceinline__ int idOf(u64 key) { return key == 0 ? -1 : (int)~(unsigned)key; }

__device__ __forceinline__ float logitOf(u64 key) {
    unsigned order = (unsigned)(key >> 32);
    if (key == 0) return -INFINITY_F;
    return __uint_as_float((order & 0x80000000u) ? order & 0x7fffffffu : ~order);
}

// SplitMix.ToUnit(SplitMix.At(key, index)), in (0, 1).
__device__ __forceinline__ double unitAt(u64 key, u64 index) {
    u64 bits = key + (index + 1) * 0x9E3779B97F4A7C15ull;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9ull;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBull;
    bits = (bits ^ (bits >> 31)) >> 11;
    return (bits == 0 ? 0.5 : (double)bits) * (1.0 / 9007199254740992.0);
}

__device__ __forceinline__ double scaleOf(const TokenRow& row) { return row.temperature > 0 ? 1 / row.temperature : 1; }

__device__ __forceinline__ bool isFinite(float x) { return fabsf(x) < INFINITY_F; }

__device__ __forceinline__ u64 blockLargest(u64 key, u64* partial) {
    for (int d = 16; d > 0; d >>= 1) key = max(key, __shfl_xor_sync(FULL_WARP, key, d));
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = key;
    __syncthreads();
    for (int warp = 0; warp < THREADS / 32; warp++) key = max(key, partial[warp]);
    return key;
}

// The better of two draws: the higher score, ties to the lower id.
__device__ __forceinline__ void keepBetter(double& score, int& drawn, double otherScore, int otherDrawn) {
    if (otherScore > score || (otherScore == score && otherDrawn < drawn)) { score = otherScore; drawn = otherDrawn; }
}

__device__ __forceinline__ void warpBetter(double& score, int& drawn) {
    for (int d = 16; d > 0; d >>= 1) {
        double otherScore = __shfl_xor_sync(FULL_WARP, score, d);
        int otherDrawn = __shfl_xor_sync(FULL_WARP, drawn, d);
        keepBetter(score, drawn, otherScore, otherDrawn);
    }
}

// The token of a row's Gumbel draw among the thread's own values, or the chunk's best one, which is finite.
__device__ __forceinline__ void draw(
    const float (&values)[PER_THREAD], int firstId, u64 key, double scale, u64 best, double& score, int& drawn) {
    double largest = logitOf(best);
    drawn = idOf(best);
    score = -log(-log(unitAt(key, drawn)));
    for (int i = 0; i < PER_THREAD; i++) {
        int id = firstId + i * THREADS;
        double scaled = scale * ((double)values[i] - largest);
        double unit = unitAt(key, id);

        // It leads if −ln u < e^(scaled − score), and −ln u is at least 1 − u: most ids are out without a logarithm.
        if ((float)(1 - unit) > 1.001f * expf((float)(scaled - score))) continue;
        keepBetter(score, drawn, scaled - log(-log(unit)), id);
    }
}

// Grid: M rows × ⌈V / CHUNK⌉ chunks. partials: [M, chunks].
extern "C" __global__ void __launch_bounds__(THREADS) token_statistics_chunks(
    const float* __restrict__ logits, int columns, const TokenRow* __restrict__ rows, const unsigned* __restrict__ masks,
    const int* __restrict__ own, Partial* __restrict__ partials) {
    SHARED_ARRAY(unsigned, forbidden, CHUNK / WORD);
    SHARED_ARRAY(u64, keys, THREADS / 32);
    SHARED_ARRAY(double, sums, 32);
    SHARED_ARRAY(float, seconds, 32);
    SHARED_ARRAY(double, scores, THREADS / 32);
    SHARED_ARRAY(int, draws, THREADS / 32);
    TokenRow row = rows[blockIdx.x];
    int first = blockIdx.y * CHUNK;
    const float* chunk = logits + (long long)row.row * columns + first;
    int count = min(CHUNK, columns - first);
    Partial* partial = partials + (long long)blockIdx.x * gridDim.y + blockIdx.y;

    float values[PER_THREAD];
#pragma unroll
    for (int i = 0; i < PER_THREAD; i++) {
        int place = i * THREADS + threadIdx.x;
        values[i] = place < count ? chunk[place] : -INFINITY_F;
    }

    if (threadIdx.x < CHUNK / WORD) {
        int words = (columns + WORD - 1) / WORD;
        int word = first / WORD + threadIdx.x;
        unsigned bits = word < words ? masks[(long long)row.mask * words + word] : 0;
        for (int i = 0; i < row.ownCount; i++) {
            int id = own[row.firstOwn + i];
            if (id / WORD == word) bits |= 1u << (id % WORD);
        }
        forbidden[threadIdx.x] = bits;
    }
    __syncthreads();

    u64 best = 0;
#pragma unroll
    for (int i = 0; i < PER_THREAD; i++) {
        int place = i * THREADS + threadIdx.x;
        if ((forbidden[place / WORD] >> (place % WORD)) & 1) values[i] = -INFINITY_F;
        best = max(best, keyOf(values[i], first + place));
    }
    best = blockLargest(best, keys);
    float largest = logitOf(best);
    if (!isFinite(largest)) {
        if (threadIdx.x == 0) *partial = Partial { best, 0, 0, 0, -INFINITY_F, -INFINITY_F, idOf(best) };
        return;
    }

    double scale = scaleOf(row);
    float second = -INFINITY_F;
    double sum = 0, scaledSum = 0, weighted = 0;
#pragma unroll
    for (int i = 0; i < PER_THREAD; i++) {
        float below = values[i] - largest;
        float exponent = (float)fmax(scale * (double)below, LEAST_EXPONENT);
        float weight = expf(exponent);
        sum += expf(below);
        scaledSum += weight;
        weighted += (double)weight * exponent;
        if (first + i * THREADS + (int)threadIdx.x != idOf(best)) second = fmaxf(second, values[i]);
    }
    second = blockMax(second, seconds);
    sum = blockSum(sum, sums);
    scaledSum = blockSum(scaledSum, sums);
    weighted = blockSum(weighted, sums);

    double score = -INFINITY_F;
    int drawn = idOf(best);
    if (row.temperature > 0) {
        draw(values, first + threadIdx.x, row.key, scale, best, score, drawn);
        warpBetter(score, drawn);
        if (threadIdx.x % 32 == 0) { scores[threadIdx.x / 32] = score; draws[threadIdx.x / 32] = drawn; }
        __syncthreads();
        for (int warp = 0; warp < THREADS / 32; warp++) keepBetter(score, drawn, scores[warp], draws[warp]);
    }
    if (threadIdx.x == 0) *partial = Partial { best, sum, scaledSum, weighted, score, second, drawn };
}

// Makes a part relative to another logit, no smaller than its largest.
__device__ __forceinline__ void rescale(Partial& part, float largest, double scale) {
    if (part.best == 0 || !isFinite(largest)) return; // sums of 0; and of a row that is not finite no sum is wanted
    double below = (double)logitOf(part.best) - largest;
    double exponent = fmax(scale * below, LEAST_EXPONENT);
    double factor = exp(exponent);
    part.sum *= exp(below);
    part.weighted = factor * (part.weighted + exponent * part.scaledSum);
    part.scaledSum *= factor;
    part.score += scale * below;
}

__device__ __forceinline__ Partial merged(Partial a, Partial b, double scale) {
    float largest = logitOf(max(a.best, b.best));
    float smaller = logitOf(min(a.best, b.best));
    rescale(a, largest, scale);
    rescale(b, largest, scale);
    keepBetter(a.score, a.drawn, b.score, b.drawn);
    return Partial {
        max(a.best, b.best), a.sum + b.sum, a.scaledSum + b.scaledSum, a.weighted + b.weighted,
        a.score, fmaxf(fmaxf(a.second, b.second), smaller), a.drawn };
}

__device__ __forceinline__ Partial shuffled(const Partial& part, int d) {
    return Partial {
        __shfl_xor_sync(FULL_WARP, part.best, d), __shfl_xor_sync(FULL_WARP, part.sum, d), __shfl_xor_sync(FULL_WARP, part.scaledSum, d),
        __shfl_xor_sync(FULL_WARP, part.weighted, d), __shfl_xor_sync(FULL_WARP, part.score, d),
        __shfl_xor_sync(FULL_WARP, part.second, d), __shfl_xor_sync(FULL_WARP, part.drawn, d) };
}

__device__ __forceinline__ bool isForbidden(int id, const TokenRow& row, int columns, const unsigned* masks, const int* own) {
    int words = (columns + WORD - 1) / WORD;
    bool found = (masks[(long long)row.mask * words + id / WORD] >> (id % WORD)) & 1;
    for (int i = 0; i < row.ownCount; i++) found |= own[row.firstOwn + i] == id;
    return found;
}

// Grid: M rows, a warp each.
extern "C" __global__ void __launch_bounds__(32) token_statistics_rows(
    const float* __restrict__ logits, int columns, const TokenRow* __restrict__ rows, const unsigned* __restrict__ masks,
    const int* __restrict__ own, const Partial* __restrict__ partials, int chunks, TokenReading* __restrict__ readings) {
    TokenRow row = rows[blockIdx.x];
    const float* x = logits + (long long)row.row * columns;
    double scale = scaleOf(row);
    Partial all = Partial { 0, 0, 0, 0, -INFINITY_F, -INFINITY_F, -1 };
    for (int c = threadIdx.x; c < chunks; c += 32) all = merged(all, partials[(long long)blockIdx.x * chunks + c], scale);
    for (int d = 16; d > 0; d >>= 1) all = merged(all, shuffled(all, d), scale);
    if (threadIdx.x != 0) return;

    float largest = logitOf(all.best);
    int best = idOf(all.best);
    TokenReading reading = { 0, 0, 0, 0, 0, 0, best, best, largest };
    if (isFinite(largest)) {
        if (row.temperature > 0) reading.drawnId = all.drawn;
        reading.bestProbability = 1 / all.sum;
        reading.drawnProbability = exp((double)x[reading.drawnId] - largest) / all.sum;
        if (row.asked >= 0 && !isForbidden(row.asked, row, columns, masks, own))
            reading.askedProbability = exp((double)x[row.asked] - largest) / all.sum;
        reading.negativeEntropy = all.weighted / all.scaledSum - log(all.scaledSum);
        reading.margin = (1 - exp(scale * ((double)all.second - largest))) / all.scaledSum;
        reading.lead = largest - all.second;
    }
    readings[blockIdx.x] = reading;
}
