// One result an element, bound by memory; all arrays of `count` elements, F32 unless said otherwise.
//   add            y = a + b                                        y may be a or b
//   scale          x = factor · x
//   soft_cap       x = cap · tanh(x / cap)                          (Gemma Team 2024, "Gemma 2", section 2)
//   geglu          y = g/(1 + e^−2z) · u,  z = √(2/π)·(g + 0.044715·g³): gelu(g)·u in its tanh form      y may be g or u
//   swiglu         y = g·σ·u,  σ = 1/(1 + e^−g)                     (Shazeer 2020); y F32 or bfloat16
//   swiglu_backward    du += dY·g·σ,   dg += dY·u·σ·(1 + g·(1 − σ))          = where there is nothing to add to

extern "C" __global__ void elementwise_add(const float* a, const float* b, float* y, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> sum = load<N>(a + i), right = load<N>(b + i);
        for (int j = 0; j < N; j++) sum.v[j] += right.v[j];
        store(y + i, sum);
    });
}

extern "C" __global__ void elementwise_scale(float* x, float factor, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> value = load<N>(x + i);
        for (int j = 0; j < N; j++) value.v[j] *= factor;
        store(x + i, value);
    });
}

extern "C" __global__ void elementwise_soft_cap(float* x, float cap, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> value = load<N>(x + i);
        for (int j = 0; j < N; j++) value.v[j] = cap * tanhf(value.v[j] / cap);
        store(x + i, value);
    });
}

extern "C" __global__ void elementwise_geglu(const float* gate, const float* up, float* y, long long count) {
    constexpr float Slope = 1.5957691216f, Cubic = 0.044715f; // 2·√(2/π)
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> g = load<N>(gate + i), u = load<N>(up + i);
        for (int j = 0; j < N; j++) {
            float z = Slope * g.v[j] * (1 + Cubic * g.v[j] * g.v[j]);
            u.v[j] *= g.v[j] / (1 + expf(-z));
        }
        store(y + i, u);
    });
}

template <typename Y> __device__ __forceinline__ void swiGlu(const float* gate, const float* up, Y* y, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> g = load<N>(gate + i), u = load<N>(up + i);
        for (int j = 0; j < N; j++) u.v[j] *= g.v[j] / (1 + expf(-g.v[j]));
        store(y + i, u);
    });
}

extern "C" __global__ void elementwise_swiglu_f32(const float* gate, const float* up, float* y, long long count) {
    beginOverlapped();
    swiGlu(gate, up, y, count);
}

extern "C" __global__ void elementwise_swiglu_bf16(const float* gate, const float* up, bf16* y, long long count) {
    beginOverlapped();
    swiGlu(gate, up, y, count);
}

extern "C" __global__ void elementwise_swiglu_backward(
    const float* dY, const float* gate, const float* up, float* dGate, float* dUp, int addsToGate, int addsToUp, long long count) {
    forEach(count, [=](auto width, long long i) {
        constexpr int N = decltype(width)::value;
        Pack<N> d = load<N>(dY + i), g = load<N>(gate + i), u = load<N>(up + i), dG = {}, dU = {};
        if (addsToGate) dG = load<N>(dGate + i);
        if (addsToUp) dU = load<N>(dUp + i);
        for (int j = 0; j < N; j++) {
            float sigmoid = 1 / (1 + expf(-g.v[j]));
            float slope = sigmoid * (1 + g.v[j] * (1 - sigmoid));
            dU.v[j] += d.v[j] * g.v[j] * sigmoid;
            dG.v[j] += d.v[j] * u.v[j] * slope;
        }
        store(dUp + i, dU);
        store(dGate + i, dG);
    });
}
