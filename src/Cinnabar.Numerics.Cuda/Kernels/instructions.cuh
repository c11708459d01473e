// What C++ has no words for: shared memory whose size the launch says, and instructions of the tensor cores, of copies that go on behind
// the arithmetic, and of the caches (PTX ISA 8, the chapter beside each). All PTX of the kernels is here, so that whoever runs them on
// something else than a GPU replaces this file alone (tests/Cinnabar.Numerics.Cuda.Tests/Emulator).
typedef unsigned short bf16;
typedef unsigned long long u64;

// Dynamic shared memory as bytes, aligned to 1024; and a static array.
#define SHARED_BYTES(name) extern __shared__ __align__(1024) unsigned char name[]
#define SHARED_ARRAY(type, name, count) __shared__ __align__(16) type name[count]

// Two values as one register, the first in the low half, rounded to nearest, ties to even: what the tensor cores read.
__device__ __forceinline__ unsigned packBf16(float low, float high) {
    unsigned packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

// 2^x by the special function unit, 2 units in the last place off; denormal results become 0.
__device__ __forceinline__ float exponential2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// d[16, 8] += a[16, 16] · b[16, 8] by one warp (mma.m16n8k16, 9.7.14). With group g = lane / 4 and place p = lane % 4:
//   a[0]: (g, 2p) and (g, 2p + 1);  a[1]: row g + 8;  a[2]: columns 8 on;  a[3]: both          (row, k)
//   b[0]: (2p, g) and (2p + 1, g);  b[1]: k 8 on                                                (k, column)
//   d[0], d[1]: (g, 2p), (g, 2p + 1);  d[2], d[3]: row g + 8
__device__ __forceinline__ void multiplyTile(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same of integers, d[16, 8] += a[16, 32] · b[32, 8] (mma.m16n8k32): four neighbours along k where two numbers are above.
__device__ __forceinline__ void multiplyTile(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Where a row of a tile is in shared memory, as ldmatrix and cp.async want it.
typedef unsigned SharedRow;
__device__ __forceinline__ SharedRow sharedRow(const bf16* row) {
    unsigned address;
    asm("{ .reg .u64 a; cvta.to.shared.u64 a, %1; cvt.u32.u64 %0, a; }" : "=r"(address) : "l"(row));
    return address;
}

// Four matrices of 8 × 8, row `lane % 8` of matrix `lane / 8` so many elements behind `row`: of each, a lane gets row lane / 4, columns
// 2 (lane % 4) and the next; or that of its transpose (ldmatrix, 9.7.14).
template <bool TRANSPOSED> __device__ __forceinline__ void loadMatrices(unsigned (&x)[4], SharedRow row, int elements) {
    unsigned address = row + elements * (int)sizeof(bf16);
    if (TRANSPOSED) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
            : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
            : "=r"(x[0]), "=r"(x[1]), "=r"(x[2]), "=r"(x[3]) : "r"(address) : "memory");
    }
}

// Begins to copy 16 bytes to shared memory, so many elements behind a row; the thread sees them behind waitForCopies (cp.async, 9.7.9).
__device__ __forceinline__ void copyAsync(SharedRow to, int elements, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(to + elements * (int)sizeof(bf16)), "l"(from) : "memory");
}

// The same of what other blocks read, too: the cache fetches 128 bytes.
__device__ __forceinline__ void copyRows(SharedRow to, int elements, const bf16* from) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" :: "r"(to + elements * (int)sizeof(bf16)), "l"(from) : "memory");
}

// The same of weights, which are read once, a long row of them: the cache fetches the next 128 bytes as well, and what `policy` says is
// the first to leave it again.
__device__ __forceinline__ void copyWeights(SharedRow to, int elements, const bf16* from, u64 policy) {
    asm volatile("cp.async.cg.shared.global.L2::cache_hint.L2::256B [%0], [%1], 16, %2;"
        :: "r"(to + elements * (int)sizeof(bf16)), "l"(from), "l"(policy) : "memory");
}

__device__ __forceinline__ u64 leaveFirst() {
    u64 policy;
    asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    return policy;
}

// The copies that the thread began since the last call are a group.
__device__ __forceinline__ void endCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Until all groups of the thread but the last N are done.
template <int N> __device__ __forceinline__ void waitForCopies() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); }

// Until all copies of the thread are done.
__device__ __forceinline__ void waitForAllCopies() { asm volatile("cp.async.wait_all;" ::: "memory"); }

// A kernel that overlaps with the one before it (CudaFunction.cs) may begin while that one still runs, once all its blocks have called
// letNextBegin or ended; what it wrote, and all before it, is there behind waitForPrevious (griddepcontrol, 9.7.13; from Hopper on).
__device__ __forceinline__ void letNextBegin() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}

__device__ __forceinline__ void waitForPrevious() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// What a kernel that overlaps and has nothing to do before begins with. All of its threads have to: the next one relies on this one's wait.
__device__ __forceinline__ void beginOverlapped() {
    letNextBegin();
    waitForPrevious();
}

// Brings 128 bytes to the second-level cache, as copyWeights does (cp.async.bulk.prefetch, 9.7.9.25; from Hopper on).
__device__ __forceinline__ void fetchToCache(const void* from, u64 policy) {
#if __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.prefetch.L2.global.L2::cache_hint [%0], %1, %2;" :: "l"(from), "r"(128), "l"(policy));
#endif
}

// Counts a block in, with all it wrote before the barrier; what others wrote before they came can be read then.
__device__ __forceinline__ int arrive(int* arrivals) {
    int before;
    asm volatile("atom.acq_rel.gpu.global.add.s32 %0, [%1], 1;" : "=r"(before) : "l"(arrivals) : "memory");
    return before;
}

// 16 bytes past the first-level cache, which does not see what other multiprocessors write.
template <typename T> __device__ __forceinline__ T loadShared(const T* from) {
    static_assert(sizeof(T) == 16, "Expected 16 bytes.");
    union { unsigned words[4]; T value; } x;
    asm volatile("ld.global.cg.v4.b32 {%0,%1,%2,%3}, [%4];"
        : "=r"(x.words[0]), "=r"(x.words[1]), "=r"(x.words[2]), "=r"(x.words[3]) : "l"(from) : "memory");
    return x.value;
}
