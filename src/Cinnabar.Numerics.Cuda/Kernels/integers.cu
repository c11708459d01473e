// What products of integers begin and end with (Kernels/product.cu, integers.cuh). Integers are those of the processor, where a row has one
// scale there, too (Cinnabar.Numerics: PanelScales):
//   quantize     q[m, k] = round(x[m, k] / scale[m]), ties to even, scale[m] = max_k |x[m, k]| / 127;  x F32 or bfloat16
//   scale_sums   y[m, n] (+)= xScale[m] · wScale[n] · sum[m, n] behind cuBLASLt, in place if y is where the sums are
//   pack_nibbles of each 256 columns of four bits, stored as q + 8 with neighbours in one byte, those from 128 on into the high half bytes of
//                the 128 before; q as a number of two's complement, so that a byte without its low half is 16 q
//   pack_scales  from [rows, groups] to [runs, rows], 1/16 of each; a group is one run of columns or several
#include "integers.cuh"

// Below, 1 / scale could overflow: such a row is zero.
constexpr float SmallestScale = 1e-32f;

__device__ __forceinline__ unsigned magnitude(float x) { return __float_as_uint(x) & 0x7fffffffu; }

// Of the whole block. Magnitudes compare like integers, with infinity and then NaN above all numbers: a row of NaN stays one.
__device__ __forceinline__ unsigned blockMax(unsigned x, unsigned* partial) {
    for (int d = 16; d > 0; d >>= 1) x = max(x, __shfl_xor_sync(FULL_WARP, x, d));
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
    __syncthreads();
    for (unsigned warp = 0; warp < blockDim.x / 32; warp++) x = max(x, partial[warp]);
    return x;
}

__device__ __forceinline__ unsigned largestOf(Pack<4> x) {
    return max(max(magnitude(x.v[0]), magnitude(x.v[1])), max(magnitude(x.v[2]), magnitude(x.v[3])));
}

__device__ __forceinline__ unsigned quantized(Pack<4> x, float inverse) {
    unsigned packed = 0;
    for (int j = 0; j < 4; j++) packed |= (__float2int_rn(x.v[j] * inverse) & 0xffu) << (8 * j);
    return packed;
}

// Of a row, by each thread of 256: 12,288 columns are read once, and what is beyond them twice.
constexpr int KeptPacks = 12;

// A block a row of x; columns a multiple of 4.
template <typename T> __device__ __forceinline__ void quantizeRow(
    const T* x, long long stride, unsigned* q, float* scales, int columns) {
    SHARED_ARRAY(unsigned, partial, 32);
    const T* row = x + blockIdx.x * stride;
    int first = threadIdx.x * 4, step = blockDim.x * 4;
    unsigned largest = 0;
    Pack<4> kept[KeptPacks];
#pragma unroll
    for (int i = 0; i < KeptPacks; i++) {
        kept[i] = first + i * step < columns ? load<4>(row + first + i * step) : Pack<4>{};
        largest = max(largest, largestOf(kept[i]));
    }

    for (int c = first + KeptPacks * step; c < columns; c += step) largest = max(largest, largestOf(load<4>(row + c)));
    float scale = __uint_as_float(blockMax(largest, partial)) / 127;
    float inverse = scale >= SmallestScale && scale < INFINITY_F ? 1 / scale : 0;
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    unsigned* to = q + (long long)blockIdx.x * (columns / 4);
#pragma unroll
    for (int i = 0; i < KeptPacks; i++) {
        if (first + i * step < columns) to[(first + i * step) / 4] = quantized(kept[i], inverse);
    }

    for (int c = first + KeptPacks * step; c < columns; c += step) to[c / 4] = quantized(load<4>(row + c), inverse);
}

extern "C" __global__ void integers_quantize_f32(const float* x, long long stride, unsigned* q, float* scales, int columns) {
    beginOverlapped();
    quantizeRow(x, stride, q, scales, columns);
}

extern "C" __global__ void integers_quantize_bf16(const bf16* x, long long stride, unsigned* q, float* scales, int columns) {
    beginOverlapped();
    quantizeRow(x, stride, q, scales, columns);
}

// Blocks in y walk down the rows. The sums are integers, but the compiler is to know that they may lie where y does.
extern "C" __global__ void integers_scale_sums(const float* sums, long long sumStride, const float* xScales, const float* wScales, float* y,
    long long yStride, int rows, int columns, int accumulate) {
    int n = blockIdx.x * blockDim.x + threadIdx.x;
    if (n >= columns) return;
    float wScale = wScales[n];
    for (int m = blockIdx.y; m < rows; m += gridDim.y) {
        float value = scaled(__float_as_int(sums[m * sumStride + n]), xScales[m], wScale);
        float* to = y + m * yStride + n;
        *to = accumulate ? *to + value : value;
    }
}

// A warp 256 columns: 128 bytes.
extern "C" __global__ void integers_pack_nibbles(const unsigned* from, unsigned* to, long long units) {
    int lane = threadIdx.x % 32;
    long long warps = (long long)gridDim.x * (blockDim.x / 32);
    for (long long unit = (long long)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32; unit < units; unit += warps) {
        unsigned own = from[unit * 32 + lane] ^ 0x88888888u; // columns 8 · lane on, as numbers of two's complement
        unsigned low = __shfl_sync(FULL_WARP, own, lane / 2) >> lane % 2 * 16;
        unsigned high = __shfl_sync(FULL_WARP, own, 16 + lane / 2) >> lane % 2 * 16;
        unsigned packed = 0;
        for (int j = 0; j < 4; j++) packed |= (low >> 4 * j & 0xf) << 8 * j | (high >> 4 * j & 0xf) << (8 * j + 4);
        to[unit * 32 + lane] = packed;
    }
}

extern "C" __global__ void integers_pack_scales(const float* from, float* to, int rows, int runs, int runsOfGroup) {
    long long count = (long long)rows * runs, threads = (long long)gridDim.x * blockDim.x;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int run = (int)(i / rows), row = (int)(i % rows);
        to[i] = from[(long long)row * (runs / runsOfGroup) + run / runsOfGroup] / 16;
    }
}
