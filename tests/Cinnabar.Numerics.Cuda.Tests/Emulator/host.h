// What kernels and those who run them agree on. A kernel is compiled for the processor into a library of its own; one thread of the host
// plays all threads of a block, each with a stack of its own (blocks.cpp), and takes another one's place wherever a barrier is.
#pragma once
#include <stddef.h>

namespace emulator {

// Bytes that a lane shows the others of its warp.
constexpr size_t SlotBytes = 32;

struct Triple { unsigned x, y, z; };

// The built-in variables of CUDA C++, of the thread that runs.
struct Position { Triple thread, block, threads, blocks; };

// What kernels ask of the host.
struct Host {
    void (*waitForBlock)();
    void (*waitForWarp)();
    unsigned char* (*slots)(); // 32 of a warp, for its next exchange
    void (*copyLater)(void* to, const void* from); // 16 bytes
    void (*endCopies)();
    void (*waitForCopies)(int groups); // all but the last so many
    void (*waitForPrevious)();
    void (*expectAligned)(const void* address); // to 16 bytes
    unsigned char* shared; // dynamic shared memory
};

// A kernel: makes a copy of its arguments, runs one thread with it, and lets go of it.
struct Kernel {
    void* (*copy)(void** arguments);
    void (*run)(void* arguments);
    void (*drop)(void* arguments);
};

} // namespace emulator
