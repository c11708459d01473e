// Runs a grid of blocks.
#pragma once
#include "host.h"
#include <string>

namespace emulator {

// What a GPU would take for a fault, or for ever.
struct Fault { std::string text; };

// Runs all blocks, one after another.
void runGrid(const Kernel& kernel, void* arguments, Position* position, const Host** host, Triple blocks, unsigned threads,
    unsigned sharedBytes);

} // namespace emulator
