// Runs a grid of blocks.
#pragma once
#include "host.h"
#include <string>

namespace emulator {

// What a GPU would take for a fault, or for ever.
struct Fault { std::string text; };

// Runs all blocks, one after another. overlaps: on a GPU the kernel may begin while the one before still runs.
void runGrid(const Kernel& kernel, void* arguments, Position* position, const Host** host, Triple blocks, unsigned threads,
    unsigned sharedBytes, bool overlaps);

} // namespace emulator
