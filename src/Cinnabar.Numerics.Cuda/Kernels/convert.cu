// Between F32 and BF16: y[i] = round(x[i]) and y[i] = x[i], four elements a thread.

extern "C" __global__ void round_to_bf16(const float* __restrict__ x, bf16* __restrict__ y, long long count) {
    long long stride = (long long)gridDim.x * blockDim.x;
    long long quads = count / 4;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < quads; i += stride) {
        float4 v = ((const float4*)x)[i];
        ((uint2*)y)[i] = make_uint2(packBf16(v.x, v.y), packBf16(v.z, v.w));
    }
    if (blockIdx.x == 0 && threadIdx.x < count % 4) y[4 * quads + threadIdx.x] = toBf16(x[4 * quads + threadIdx.x]);
}

extern "C" __global__ void widen_bf16(const bf16* __restrict__ x, float* __restrict__ y, long long count) {
    long long stride = (long long)gridDim.x * blockDim.x;
    long long quads = count / 4;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < quads; i += stride) {
        uint2 v = ((const uint2*)x)[i];
        ((float4*)y)[i] = make_float4(__uint_as_float(v.x << 16), __uint_as_float(v.x & 0xffff0000u),
            __uint_as_float(v.y << 16), __uint_as_float(v.y & 0xffff0000u));
    }
    if (blockIdx.x == 0 && threadIdx.x < count % 4) y[4 * quads + threadIdx.x] = fromBf16(x[4 * quads + threadIdx.x]);
}

// y = x; also to learn how fast memory is.
extern "C" __global__ void copy_floats(const float* __restrict__ x, float* __restrict__ y, long long count) {
    long long stride = (long long)gridDim.x * blockDim.x;
    long long quads = count / 4;
    for (long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x; i < quads; i += stride) ((float4*)y)[i] = ((const float4*)x)[i];
    if (blockIdx.x == 0 && threadIdx.x < count % 4) y[4 * quads + threadIdx.x] = x[4 * quads + threadIdx.x];
}
