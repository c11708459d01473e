// CUDA C++ as far as the kernels use it, for a C++ compiler of the host: what stands before every source that is compiled.
#pragma once
// Headers of C alone: those of C++ take longer to compile than a kernel, and `math.h` of a C++ compiler is one of them unless told.
#define _GLIBCXX_INCLUDE_NEXT_C_HEADERS
#include <math.h>
#include <stdint.h>
#include <string.h>
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

template <typename A, typename B> inline auto min(A a, B b) { return b < a ? b : a; }
template <typename A, typename B> inline auto max(A a, B b) { return a < b ? b : a; }

inline float __uint_as_float(unsigned bits) { float x; memcpy(&x, &bits, 4); return x; }
inline unsigned __float_as_uint(float x) { unsigned bits; memcpy(&bits, &x, 4); return bits; }
inline int __float_as_int(float x) { return (int)__float_as_uint(x); }

// What the compiler cannot look through it does not make part of a fused operation.
inline float __fmul_rn(float x, float y) {
    float product = x * y;
    asm("" : "+x"(product));
    return product;
}

// The larger one, or the one that is a number; without a call.
#define fmaxf emulator::larger
namespace emulator { inline float larger(float x, float y) { return x >= y || y != y ? x : y; } }

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

// Arguments of a kernel, copied from where the driver is told they are.
template <typename... A> struct Arguments {
    Arguments(void**) {}
    template <auto F, typename... B> void call(B... before) const { F(before...); }
};

template <typename First, typename... Rest> struct Arguments<First, Rest...> {
    First first;
    Arguments<Rest...> rest;
    Arguments(void** from) : first(*(First*)from[0]), rest(from + 1) {}
    template <auto F, typename... B> void call(B... before) const { rest.template call<F>(before..., first); }
};

template <auto F> struct KernelOf;

template <typename... A, void (*F)(A...)> struct KernelOf<F> {
    static void* copy(void** from) { return new Arguments<A...>(from); }
    static void run(void* arguments) { ((const Arguments<A...>*)arguments)->template call<F>(); }
    static void drop(void* arguments) { delete (Arguments<A...>*)arguments; }
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
