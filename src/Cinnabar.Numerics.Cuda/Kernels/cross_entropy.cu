// Softmax of the rows of z [R, V], and its cross-entropy against a target a row; a block takes a row.
//   forward             loss = ln Σ_v exp z[v] − z[target]
//   forward_backward    dz[v] = scale·φ'(loss)·(softmax(z)[v] − [v = target]) in place of z, and φ(loss) in place of loss,
//                       φ(c) = (1 − e^−c)^γ·c      (Lin et al. 2017, "Focal Loss")
//   softmax             z[v] = exp(z[v] − max)/Σ exp, in place; a row of nothing but −∞ becomes zeros
// Maximum and sum come from one reading (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax"): a thread that meets a
// new maximum scales the sum it has. What writes a row reads it once more.

#define LOWEST_F __uint_as_float(0xff7fffffu)

struct RowSum { float max, sum; }; // sum: Σ exp(z − max)

template <int N> __device__ __forceinline__ RowSum sumOfRow(const float* row, int columns, float* partial) {
    float largest = LOWEST_F, sum = 0; // not −∞: its difference to itself is no number
    for (int c = threadIdx.x * N; c < columns; c += blockDim.x * N) {
        Pack<N> z = load<N>(row + c);
        float next = largest;
        for (int j = 0; j < N; j++) next = fmaxf(next, z.v[j]);
        sum *= expf(largest - next);
        for (int j = 0; j < N; j++) sum += expf(z.v[j] - next);
        largest = next;
    }
    float max = blockMax(largest, partial);
    return {max, blockSum(sum * expf(largest - max), partial)};
}

__device__ __forceinline__ RowSum sumOfRow(const float* row, int columns, float* partial) {
    return columns % 4 == 0 ? sumOfRow<4>(row, columns, partial) : sumOfRow<1>(row, columns, partial);
}

// row[v] = factor·exp(row[v] − max)
template <int N> __device__ __forceinline__ void exponentiate(float* row, int columns, float max, float factor) {
    for (int c = threadIdx.x * N; c < columns; c += blockDim.x * N) {
        Pack<N> z = load<N>(row + c);
        for (int j = 0; j < N; j++) z.v[j] = factor * expf(z.v[j] - max);
        store(row + c, z);
    }
}

__device__ __forceinline__ void exponentiate(float* row, int columns, float max, float factor) {
    if (columns % 4 == 0) exponentiate<4>(row, columns, max, factor);
    else exponentiate<1>(row, columns, max, factor);
}

extern "C" __global__ void __launch_bounds__(512) cross_entropy_forward(
    const float* logits, const int* targets, float* losses, int columns) {
    SHARED_ARRAY(float, partial, 32);
    const float* row = logits + (long long)blockIdx.x * columns;
    RowSum of = sumOfRow(row, columns, partial);
    if (threadIdx.x == 0) losses[blockIdx.x] = (float)(log((double)of.sum) + of.max - row[targets[blockIdx.x]]);
}

extern "C" __global__ void __launch_bounds__(512) cross_entropy_forward_backward(
    float* logits, const int* targets, const float* scales, float* losses, float gamma, int columns) {
    SHARED_ARRAY(float, partial, 32);
    SHARED_ARRAY(float, factor, 1);
    float* row = logits + (long long)blockIdx.x * columns;
    int target = targets[blockIdx.x];
    RowSum of = sumOfRow(row, columns, partial);
    if (threadIdx.x == 0) {
        double loss = log((double)of.sum) + of.max - row[target], weight = 1, slope = 1;
        if (gamma != 0) {
            double probability = exp(-loss), miss = fmax(1 - probability, 1e-12); // so that powers below 1 stay finite
            weight = pow(miss, (double)gamma);
            slope = weight + gamma * weight / miss * probability * loss;
        }
        losses[blockIdx.x] = (float)(weight * loss);
        factor[0] = (float)(scales[blockIdx.x] * slope);
    }
    __syncthreads();
    exponentiate(row, columns, of.max, factor[0] / of.sum);
    __syncthreads();
    if (threadIdx.x == 0) row[target] -= factor[0];
}

extern "C" __global__ void __launch_bounds__(512) cross_entropy_softmax(float* x, int columns) {
    SHARED_ARRAY(float, partial, 32);
    float* row = x + (long long)blockIdx.x * columns;
    RowSum of = sumOfRow(row, columns, partial);
    exponentiate(row, columns, of.max, of.sum == 0 ? 0 : 1 / of.sum);
}
