// The elementwise parts of an optimiser step, one pass over F32 each.
//   adamw (Loshchilov & Hutter 2019, alg. 2), g scaled first:
//       m = β1·m + (1−β1)·g,  v = β2·v + (1−β2)·g²,  w −= η·( m·k1/(√(v·k2) + ε) + λ·w ),  k = 1/(1 − β^t): corrections
//   ema        s = d·s + (1−d)·w
//   squares    sums[block] = Σ x² of the block's chunk, in double

extern "C" __global__ void optimizer_adamw(
    float* weight, const float* gradient, float* m, float* v, long long count,
    float learningRate, float beta1, float rest1, float beta2, float rest2,
    float epsilon, float weightDecay, float gradientScale, float correction1, float correction2) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> w = load<N>(weight + i), g = load<N>(gradient + i), mean = load<N>(m + i), square = load<N>(v + i);
        for (int j = 0; j < N; j++) {
            float scaled = g.v[j] * gradientScale;
            mean.v[j] = beta1 * mean.v[j] + rest1 * scaled;
            square.v[j] = beta2 * square.v[j] + rest2 * scaled * scaled;
            float direction = mean.v[j] * correction1 / (sqrtf(square.v[j] * correction2) + epsilon);
            w.v[j] -= learningRate * (direction + weightDecay * w.v[j]);
        }
        store(m + i, mean);
        store(v + i, square);
        store(weight + i, w);
    });
}

extern "C" __global__ void optimizer_ema(float* average, const float* weight, float decay, float rest, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> s = load<N>(average + i), w = load<N>(weight + i);
        for (int j = 0; j < N; j++) s.v[j] = decay * s.v[j] + rest * w.v[j];
        store(average + i, s);
    });
}

// A chunk is a whole number of packs.
extern "C" __global__ void optimizer_squares(const float* x, double* sums, long long count, int chunk) {
    SHARED_ARRAY(double, partial, 32);
    long long first = (long long)blockIdx.x * chunk, end = first + chunk < count ? first + chunk : count;
    double sum = 0;
    for (long long i = first + 4 * threadIdx.x; i + 3 < end; i += 4 * blockDim.x) {
        Pack<4> value = load<4>(x + i);
        for (int j = 0; j < 4; j++) sum += (double)value.v[j] * value.v[j];
    }
    for (long long i = first + (end - first) / 4 * 4 + threadIdx.x; i < end; i += blockDim.x) sum += (double)x[i] * x[i];
    sum = blockSum(sum, partial);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}
