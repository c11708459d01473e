// What every kernel source begins with: bfloat16, packs of neighbouring elements, sums over warps and blocks, and the tensor cores'
// product of 16 × 16 by 16 × 8 with its way of loading.
// No header of the CUDA toolkit is included, so that a machine with the driver and the run-time libraries can compile the kernels.
// With CUEMU the same sources run on a CPU, thread by thread.
typedef unsigned short bf16;
typedef unsigned long long u64;

#ifdef CUEMU
#define SHARED_BYTES(name) unsigned char* name = (unsigned char*)(((uintptr_t)cuemu::shared.data() + 1023) & ~(uintptr_t)1023)
#define SHARED_ARRAY(type, name, count) type* name = (type*)cuemu::sharedStatic(__FILE__, __LINE__, sizeof(type) * (count))
#else
// Dynamic shared memory as bytes, aligned to 1024; and a static array.
#define SHARED_BYTES(name) extern __shared__ __align__(1024) unsigned char name[]
#define SHARED_ARRAY(type, name, count) __shared__ __align__(16) type name[count]
#endif

#define INFINITY_F __uint_as_float(0x7f800000u)
#define FULL_WARP 0xffffffffu

__device__ __forceinline__ float fromBf16(bf16 x) { return __uint_as_float((unsigned)x << 16); }

// To nearest, ties to even, as on the CPU; infinities stay, and NaN becomes a quiet NaN.
__device__ __forceinline__ bf16 toBf16(float x) {
    unsigned bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (bf16)((bits >> 16) | 0x40);
    return (bf16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Two values as one register, the first in the low half: what the tensor cores read.
__device__ __forceinline__ unsigned packBf16(float low, float high) {
#ifdef CUEMU
    return (unsigned)toBf16(low) | ((unsigned)toBf16(high) << 16);
#else
    unsigned packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
#endif
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

// d[16, 8] += a[16, 16] · b[16, 8] by one warp (mma.m16n8k16, PTX ISA 9.7.14). With group g = lane / 4 and place p = lane % 4:
//   a[0]: (g, 2p) and (g, 2p + 1);  a[1]: row g + 8;  a[2]: columns 8 on;  a[3]: both          (row, k)
//   b[0]: (2p, g) and (2p + 1, g);  b[1]: k 8 on                                                (k, column)
//   d[0], d[1]: (g, 2p), (g, 2p + 1);  d[2], d[3]: row g + 8
__device__ __forceinline__ void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#ifdef CUEMU
    struct Fragments { unsigned a[4], b[2]; } mine, all[32];
    memcpy(mine.a, a, 16); memcpy(mine.b, b, 8);
    for (int lane = 0; lane < 32; lane++) all[lane] = __shfl_sync(FULL_WARP, mine, lane);
    int g = (threadIdx.x % 32) / 4, p = (threadIdx.x % 32) % 4;
    for (int i = 0; i < 4; i++) {
        int row = g + (i / 2) * 8, column = 2 * p + i % 2;
        double sum = 0;
        for (int k = 0; k < 16; k++) {
            unsigned x = all[(row % 8) * 4 + (k % 8) / 2].a[(row / 8) + 2 * (k / 8)];
            unsigned y = all[column * 4 + (k % 8) / 2].b[k / 8];
            sum += (double)fromBf16((bf16)(x >> (16 * (k % 2)))) * fromBf16((bf16)(y >> (16 * (k % 2))));
        }
        d[i] += (float)sum;
    }
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Where a row of a tile is, as ldmatrix wants it.
#ifdef CUEMU
typedef const bf16* SharedRow;
__device__ __forceinline__ SharedRow sharedRow(const bf16* row) { return row; }
#else
typedef unsigned SharedRow;
__device__ __forceinline__ SharedRow sharedRow(const bf16* row) {
    unsigned address;
    asm("{ .reg .u64 a; cvta.to.shared.u64 a, %1; cvt.u32.u64 %0, a; }" : "=r"(address) : "l"(row));
    return address;
}
#endif

// Four matrices of 8 × 8, row `lane % 8` of matrix `lane / 8` so many elements behind `row`: of each, a lane gets row lane / 4, columns
// 2 (lane % 4) and the next; or that of its transpose (ldmatrix, PTX ISA 9.7.14).
template <bool TRANSPOSED> __device__ __forceinline__ void loadMatrices(unsigned (&x)[4], SharedRow row, int elements) {
#ifdef CUEMU
    int g = (threadIdx.x % 32) / 4, p = (threadIdx.x % 32) % 4;
    for (int i = 0; i < 4; i++) {
        const bf16* even = __shfl_sync(FULL_WARP, row + elements, 8 * i + (TRANSPOSED ? 2 * p : g));
        const bf16* odd = __shfl_sync(FULL_WARP, row + elements, 8 * i + (TRANSPOSED ? 2 * p + 1 : g));
        x[i] = TRANSPOSED ? even[g] | (unsigned)odd[g] << 16 : even[2 * p] | (unsigned)odd[2 * p + 1] << 16;
    }
#else
    unsigned address = row + elements * (int)sizeof(bf16);
    if (TRANSPOSED) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
            : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
            : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
    }
#endif
}
