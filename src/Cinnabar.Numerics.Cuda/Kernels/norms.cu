// Normalisation of rows; x, y: [rows, columns], weight and bias: [columns], F32 unless said otherwise.
//   rms     r = 1/√(mean_c(x²) + ε),  y = x·r·w; y F32 or bfloat16                      (Zhang & Sennrich 2019, eq. 4)
//   rms_backward    with g = dY ∘ w:  dX += r·g − x·r³/C·Σ_c(g·x),  and Σ_t dY·x·r of a chunk of rows for the weight's gradient
//   layer   μ = mean_c(x),  r = 1/√(mean_c((x − μ)²) + ε),  y = (x − μ)·r·w + b; y F32 or bfloat16      (Ba et al. 2016)
// A team of threads takes a row: a warp where rows are short (heads), or a whole block. The second and third reading of a row find it in
// the cache.

struct Team {
    int size, member;
    long long number; // among the teams of all blocks

    __device__ explicit Team(int size)
        : size(size), member(threadIdx.x % size), number((long long)blockIdx.x * (blockDim.x / size) + threadIdx.x / size) {}

    __device__ __forceinline__ float sum(float x, float* partial) const { return size == 32 ? warpSum(x) : blockSum(x, partial); }
};

template <int N, typename Y> __device__ __forceinline__ void rmsForward(
    const float* x, const float* weight, float epsilon, Y* y, float* inverseRms, int rows, int columns, int teamSize) {
    SHARED_ARRAY(float, partial, 32);
    Team team(teamSize);
    if (team.number >= rows) return;
    const float* row = x + team.number * columns;
    float squares = 0;
    for (int c = team.member * N; c < columns; c += team.size * N) {
        Pack<N> value = load<N>(row + c);
        for (int j = 0; j < N; j++) squares += value.v[j] * value.v[j];
    }
    float r = 1 / sqrtf(team.sum(squares, partial) / columns + epsilon);
    if (inverseRms && team.member == 0) inverseRms[team.number] = r;
    for (int c = team.member * N; c < columns; c += team.size * N) {
        Pack<N> value = load<N>(row + c), w = load<N>(weight + c);
        for (int j = 0; j < N; j++) value.v[j] *= r * w.v[j];
        store(y + team.number * columns + c, value);
    }
}

// inverseRms may be missing.
extern "C" __global__ void norms_rms_f32(
    const float* x, const float* weight, float epsilon, float* y, float* inverseRms, int rows, int columns, int teamSize) {
    beginOverlapped();
    if (columns % 4 == 0) rmsForward<4>(x, weight, epsilon, y, inverseRms, rows, columns, teamSize);
    else rmsForward<1>(x, weight, epsilon, y, inverseRms, rows, columns, teamSize);
}

extern "C" __global__ void norms_rms_bf16(
    const float* x, const float* weight, float epsilon, bf16* y, float* inverseRms, int rows, int columns, int teamSize) {
    beginOverlapped();
    if (columns % 4 == 0) rmsForward<4>(x, weight, epsilon, y, inverseRms, rows, columns, teamSize);
    else rmsForward<1>(x, weight, epsilon, y, inverseRms, rows, columns, teamSize);
}

// A team takes `chunk` rows one after the other; every thread keeps the sums of its own columns in shared memory.
template <int N> __device__ __forceinline__ void rmsBackward(
    const float* dY, const float* x, const float* weight, const float* inverseRms, float* dX, int adds, float* chunkSums,
    int rows, int columns, int chunk, int teamSize) {
    SHARED_ARRAY(float, partial, 32);
    SHARED_BYTES(memory);
    Team team(teamSize);
    long long first = team.number * chunk;
    if (first >= rows) return;
    float* sums = (float*)memory + (long long)(threadIdx.x / teamSize) * columns;
    for (int c = team.member * N; c < columns; c += team.size * N) store(sums + c, Pack<N>{});
    for (long long t = first; t < rows && t < first + chunk; t++) {
        const float* d = dY + t * columns;
        const float* row = x + t * columns;
        float r = inverseRms[t], dot = 0;
        for (int c = team.member * N; c < columns; c += team.size * N) {
            Pack<N> a = load<N>(d + c), value = load<N>(row + c), w = load<N>(weight + c), sum = load<N>(sums + c);
            for (int j = 0; j < N; j++) {
                float product = a.v[j] * value.v[j];
                dot += product * w.v[j];
                sum.v[j] += product * r;
            }
            store(sums + c, sum);
        }
        float projection = team.sum(dot, partial) * r * r * r / columns;
        for (int c = team.member * N; c < columns; c += team.size * N) {
            float* at = dX + t * columns + c;
            Pack<N> a = load<N>(d + c), value = load<N>(row + c), w = load<N>(weight + c), result = {};
            if (adds) result = load<N>(at);
            for (int j = 0; j < N; j++) result.v[j] += r * a.v[j] * w.v[j] - value.v[j] * projection;
            store(at, result);
        }
    }
    for (int c = team.member * N; c < columns; c += team.size * N) store(chunkSums + team.number * columns + c, load<N>(sums + c));
}

// chunkSums: [⌈rows / chunk⌉, columns]; dynamic shared memory: `columns` floats a team.
extern "C" __global__ void norms_rms_backward(
    const float* dY, const float* x, const float* weight, const float* inverseRms, float* dX, int adds, float* chunkSums,
    int rows, int columns, int chunk, int teamSize) {
    if (columns % 4 == 0) rmsBackward<4>(dY, x, weight, inverseRms, dX, adds, chunkSums, rows, columns, chunk, teamSize);
    else rmsBackward<1>(dY, x, weight, inverseRms, dX, adds, chunkSums, rows, columns, chunk, teamSize);
}

template <int N, typename Y> __device__ __forceinline__ void layerForward(
    const float* x, const float* weight, const float* bias, float epsilon, Y* y, int rows, int columns, int teamSize) {
    SHARED_ARRAY(float, partial, 32);
    Team team(teamSize);
    if (team.number >= rows) return;
    const float* row = x + team.number * columns;
    float sum = 0, rest = 0, squares = 0;
    for (int c = team.member * N; c < columns; c += team.size * N) {
        Pack<N> value = load<N>(row + c);
        for (int j = 0; j < N; j++) sum += value.v[j];
    }
    float mean = team.sum(sum, partial) / columns;
    // A row far from zero has a mean that is a few of its own units wrong: the mean of what is left when it is taken away mends that.
    for (int c = team.member * N; c < columns; c += team.size * N) {
        Pack<N> value = load<N>(row + c);
        for (int j = 0; j < N; j++) {
            rest += value.v[j] - mean;
            squares += (value.v[j] - mean) * (value.v[j] - mean);
        }
    }
    rest = team.sum(rest, partial) / columns;
    float r = 1 / sqrtf(fmaxf(team.sum(squares, partial) / columns - rest * rest, 0) + epsilon);
    for (int c = team.member * N; c < columns; c += team.size * N) {
        Pack<N> value = load<N>(row + c), w = load<N>(weight + c), b = load<N>(bias + c);
        for (int j = 0; j < N; j++) value.v[j] = (value.v[j] - mean - rest) * r * w.v[j] + b.v[j];
        store(y + team.number * columns + c, value);
    }
}

extern "C" __global__ void norms_layer_f32(
    const float* x, const float* weight, const float* bias, float epsilon, float* y, int rows, int columns, int teamSize) {
    if (columns % 4 == 0) layerForward<4>(x, weight, bias, epsilon, y, rows, columns, teamSize);
    else layerForward<1>(x, weight, bias, epsilon, y, rows, columns, teamSize);
}

extern "C" __global__ void norms_layer_bf16(
    const float* x, const float* weight, const float* bias, float epsilon, bf16* y, int rows, int columns, int teamSize) {
    if (columns % 4 == 0) layerForward<4>(x, weight, bias, epsilon, y, rows, columns, teamSize);
    else layerForward<1>(x, weight, bias, epsilon, y, rows, columns, teamSize);
}
