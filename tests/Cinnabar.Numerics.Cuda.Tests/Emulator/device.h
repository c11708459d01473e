// CUDA C++ as far as the kernels use it, for a C++ compiler of the host: what stands before every source that is compiled.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <utility>
#include "host.h"

#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __restrict__ __restrict
#define __shared__ static

extern "C" emulator::Position emulatorPosition;
extern "C" const emulator::Host* emulatorHost;
emulator::Position emulatorPosition;
const emulator::Host* emulatorHost;

#define threadIdx emulatorPosition.thread
#define blockIdx emulatorPosition.block
#define blockDim emulatorPosition.threads
#define gridDim emulatorPosition.blocks

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }

template <typename A, typename B> inline std::common_type_t<A, B> min(A a, B b) { return b < a ? b : a; }
template <typename A, typename B> inline std::common_type_t<A, B> max(A a, B b) { return a < b ? b : a; }

inline float __uint_as_float(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
inline unsigned __float_as_uint(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }
inline int __float_as_int(float x) { return (int)__float_as_uint(x); }

// What the compiler cannot look through it does not make part of a fused operation.
inline float __fmul_rn(float x, float y) {
    float product = x * y;
    asm("" : "+x"(product));
    return product;
}

inline int __float2int_rn(float x) { return x == x ? (int)lrintf(x) : 0; }

inline void __syncthreads() { emulatorHost->waitForBlock(); }

namespace emulator {

inline unsigned lane() { return threadIdx.x % 32; }

// What the lanes of a warp show each other: of lane i at i · SlotBytes. It stays until the exchange behind the next one.
template <typename T> inline const unsigned char* exchange(const T& own) {
    static_assert(sizeof(T) <= SlotBytes, "A slot is too small.");
    unsigned char* slots = emulatorHost->slots();
    memcpy(slots + lane() * SlotBytes, &own, sizeof(T));
    emulatorHost->waitForWarp();
    return slots;
}

template <typename T> inline const T& shown(const unsigned char* slots, unsigned lane) {
    return *(const T*)(slots + lane % 32 * SlotBytes);
}

template <auto F> struct KernelOf;

template <typename... A, void (*F)(A...)> struct KernelOf<F> {
    using Arguments = std::tuple<A...>;

    template <size_t... I> static void* copy(void** from, std::index_sequence<I...>) { return new Arguments(*(A*)from[I]...); }
    static void* copy(void** from) { return copy(from, std::index_sequence_for<A...>()); }
    static void run(void* arguments) { std::apply(F, *(Arguments*)arguments); }
    static void drop(void* arguments) { delete (Arguments*)arguments; }
    static constexpr Kernel kernel = {copy, run, drop};
};

} // namespace emulator

template <typename T> inline T __shfl_sync(unsigned, T own, int lane) {
    return emulator::shown<T>(emulator::exchange(own), lane);
}

template <typename T> inline T __shfl_xor_sync(unsigned, T own, int distance) {
    return emulator::shown<T>(emulator::exchange(own), emulator::lane() ^ distance);
}

inline int __any_sync(unsigned, int own) {
    const unsigned char* slots = emulator::exchange(own);
    int any = 0;
    for (int lane = 0; lane < 32; lane++) any |= emulator::shown<int>(slots, lane) != 0;
    return any;
}
