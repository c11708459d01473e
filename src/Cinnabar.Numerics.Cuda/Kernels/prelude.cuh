// What every kernel source begins with: bfloat16, packs of neighbouring elements, and sums over warps and blocks.
// No header of the CUDA toolkit is included, so that a machine with the driver and the run-time libraries can compile the kernels.
#include "instructions.cuh"

#define INFINITY_F __uint_as_float(0x7f800000u)
#define FULL_WARP 0xffffffffu

__device__ __forceinline__ float fromBf16(bf16 x) { return __uint_as_float((unsigned)x << 16); }

// To nearest, ties to even, as on the CPU; infinities stay, and NaN becomes a quiet NaN.
__device__ __forceinline__ bf16 toBf16(float x) {
    unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (bf16)((bits >> 16) | 0x40);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// N neighbouring elements, 1 or 4: what a thread moves at once. Four need an address aligned to 16 bytes (F32) or 8 (bfloat16).
template <int N> struct Pack { float v[N]; };

template <int N> __device__ __forceinline__ Pack<N> load(const float* from) {
    if constexpr (N == 4) {
        float4 x = *(const float4*)from;
        return {{x.x, x.y, x.z, x.w}};
    } else {
        return {{from[0]}};
    }
}

template <int N> __device__ __forceinline__ Pack<N> load(const bf16* from) {
    if constexpr (N == 4) {
        uint2 x = *(const uint2*)from;
        return {{fromBf16((bf16)x.x), fromBf16((bf16)(x.x >> 16)), fromBf16((bf16)x.y), fromBf16((bf16)(x.y >> 16))}};
    } else {
        return {{fromBf16(from[0])}};
    }
}

template <int N> __device__ __forceinline__ void store(float* to, Pack<N> x) {
    if constexpr (N == 4) *(float4*)to = make_float4(x.v[0], x.v[1], x.v[2], x.v[3]);
    else to[0] = x.v[0];
}

template <int N> __device__ __forceinline__ void store(bf16* to, Pack<N> x) {
    if constexpr (N == 4) *(uint2*)to = make_uint2(packBf16(x.v[0], x.v[1]), packBf16(x.v[2], x.v[3]));
    else to[0] = toBf16(x.v[0]);
}

template <int N> struct Width { static constexpr int value = N; };

// Spreads `count` elements over all threads: body(Width<4>, i) for i = 0, 4, 8, …, and body(Width<1>, i) for the last count % 4.
template <typename Body> __device__ __forceinline__ void forEach(long long count, Body body) {
    long long thread = (long long)blockIdx.x * blockDim.x + threadIdx.x, threads = (long long)gridDim.x * blockDim.x;
    for (long long i = 4 * thread; i + 3 < count; i += 4 * threads) body(Width<4>(), i);
    for (long long i = count / 4 * 4 + thread; i < count; i += threads) body(Width<1>(), i);
}

template <typename T> __device__ __forceinline__ T warpSum(T x) {
    for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(FULL_WARP, x, d);
    return x;
}

__device__ __forceinline__ float warpMax(float x) {
    for (int d = 16; d > 0; d >>= 1) x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, d));
    return x;
}

// The sum over all threads of a block of whole warps, given to every thread; `partial` is shared memory for 32 values.
template <typename T> __device__ __forceinline__ T blockSum(T x, T* partial) {
    x = warpSum(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
    __syncthreads();
    T sum = 0;
    for (unsigned warp = 0; warp < blockDim.x / 32; warp++) sum += partial[warp];
    return sum;
}

__device__ __forceinline__ float blockMax(float x, float* partial) {
    x = warpMax(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
    __syncthreads();
    float largest = partial[0];
    for (unsigned warp = 1; warp < blockDim.x / 32; warp++) largest = fmaxf(largest, partial[warp]);
    return largest;
}
