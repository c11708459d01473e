// Sums over the rows of a matrix [rows, columns], column by column, in two stages with an order that never changes:
//   chunks    sums[k, c] = Σ x[t, c] over the rows t of chunk k
//   finish    result[c] += Σ_k sums[k, c]

template <int N> __device__ __forceinline__ void sumChunk(const float* x, float* sums, int rows, int columns, int chunk, int c) {
    Pack<N> sum = {};
    for (int t = blockIdx.y * chunk; t < rows && t < (int)(blockIdx.y + 1) * chunk; t++) {
        Pack<N> value = load<N>(x + (long long)t * columns + c);
        for (int j = 0; j < N; j++) sum.v[j] += value.v[j];
    }
    store(sums + (long long)blockIdx.y * columns + c, sum);
}

// Blocks in x share the columns, one block in y takes a chunk.
extern "C" __global__ void sums_chunks(const float* x, float* sums, int rows, int columns, int chunk) {
    int thread = blockIdx.x * blockDim.x + threadIdx.x;
    if (columns % 4 != 0) {
        if (thread < columns) sumChunk<1>(x, sums, rows, columns, chunk, thread);
    } else if (4 * thread < columns) {
        sumChunk<4>(x, sums, rows, columns, chunk, 4 * thread);
    }
}

// A block of 32 warps takes 32 columns: warp w adds rows w, w + 32, …, and the first warp adds what they found.
extern "C" __global__ void __launch_bounds__(1024) sums_finish(const float* sums, float* result, int rows, int columns) {
    SHARED_ARRAY(float, found, 32 * 32);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, c = blockIdx.x * 32 + lane;
    float sum = 0;
    if (c < columns) {
        for (int k = warp; k < rows; k += 32) sum += sums[(long long)k * columns + c];
    }
    found[threadIdx.x] = sum;
    __syncthreads();
    if (warp != 0 || c >= columns) return;
    sum = 0;
    for (int w = 0; w < 32; w++) sum += found[w * 32 + lane];
    result[c] += sum;
}
