// Products of integers: Σ_k x[m, k]·w[n, k] = xScale[m] · wScale[n] · Σ_k q[m, k]·p[n, k], the sum on the right exact.

// What an exact sum, or one that has the scales of the weights already, stands for: the same in every kernel, whatever the number of rows.
// The product is rounded by itself even where it is added to something.
template <typename Sum> __device__ __forceinline__ float scaled(Sum sum, float xScale, float wScale) {
    return __fmul_rn((float)sum, xScale * wScale);
}

// Of eight numbers of four bits, −8 … 7, those in the low (part 0) or high half bytes, times 16: as four Int8.
__device__ __forceinline__ unsigned sixteenTimes(unsigned packed, int part) {
    return (part == 0 ? packed << 4 : packed) & 0xf0f0f0f0u;
}
