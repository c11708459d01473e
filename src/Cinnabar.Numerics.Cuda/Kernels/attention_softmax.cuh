// The softmax of scores that come tile by tile, and the sum it weighs (Milakov and Gimelshein 2018, online softmax):
//   m = max(m, max s),  sum = sum·exp((m before − m)/√D) + Σ exp((s − m)/√D),  o likewise with the values
#pragma once

// Of the four lanes that hold a row of a product.
__device__ __forceinline__ float rowSum(float x) {
    x += __shfl_xor_sync(FULL_WARP, x, 1);
    return x + __shfl_xor_sync(FULL_WARP, x, 2);
}

__device__ __forceinline__ float rowMax(float x) {
    x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 1));
    return fmaxf(x, __shfl_xor_sync(FULL_WARP, x, 2));
}

// A running softmax of 16 rows: o not yet divided by sum. The largest score is without 1/√D; of sum, four lanes have a part each.
template <int W> struct Softmax {
    float o[W / 8][4] = {}, largest[2] = {-INFINITY_F, -INFINITY_F}, sum[2] = {0, 0};

    // s[16, 8 N], scores of more keys, become exp(s/√D − maximum); what earlier keys gave is scaled down to the new maximum. Keys that a
    // row does not see leave its sums as they are.
    template <int N> __device__ __forceinline__ void add(float (&s)[N][4], float scale) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float highest = largest[half];
#pragma unroll
            for (int n = 0; n < N; n++) highest = fmaxf(highest, fmaxf(s[n][2 * half], s[n][2 * half + 1]));
            float base = raise(half, rowMax(highest), scale) * (scale * Log2E);
#pragma unroll
            for (int n = 0; n < N; n++) {
#pragma unroll
                for (int i = 2 * half; i < 2 * half + 2; i++) {
                    s[n][i] = exponential2(s[n][i] * (scale * Log2E) - base);
                    sum[half] += s[n][i];
                }
            }
        }
    }

    // Scales what there is to a new maximum, which it gives: 0 of a row that has seen nothing yet.
    __device__ __forceinline__ float raise(int half, float highest, float scale) {
        float base = highest == -INFINITY_F ? 0 : highest;
        float shrink = exponential2((largest[half] - base) * (scale * Log2E)); // exactly 1 where the maximum stays
        largest[half] = highest;
        sum[half] *= shrink;
#pragma unroll
        for (int n = 0; n < W / 8; n++) {
            o[n][2 * half] *= shrink;
            o[n][2 * half + 1] *= shrink;
        }

        return base;
    }

    // Elements that a warp leaves for another one.
    static constexpr int Elements = (W / 2 + 4) * 32;

    __device__ __forceinline__ void leave(float* to) const {
        to += threadIdx.x % 32;
#pragma unroll
        for (int i = 0; i < W / 2; i++) to[i * 32] = o[i / 4][i % 4];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            to[(W / 2 + half) * 32] = largest[half];
            to[(W / 2 + 2 + half) * 32] = sum[half];
        }
    }

    __device__ __forceinline__ void join(const float* from, float scale) {
        from += threadIdx.x % 32;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            float other = from[(W / 2 + half) * 32];
            float base = raise(half, fmaxf(largest[half], other), scale), shrink = exponential2((other - base) * (scale * Log2E));
            sum[half] += from[(W / 2 + 2 + half) * 32] * shrink;
#pragma unroll
            for (int n = 0; n < W / 8; n++) {
                o[n][2 * half] += from[(n * 4 + 2 * half) * 32] * shrink;
                o[n][2 * half + 1] += from[(n * 4 + 2 * half + 1) * 32] * shrink;
            }
        }
    }
};
