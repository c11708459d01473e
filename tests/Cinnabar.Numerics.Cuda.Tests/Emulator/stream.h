// What the driver has been told to do and has not done yet. Work is put off as long as CUDA allows, until somebody waits for it, so that
// memory of the host which is written too early, or freed, shows.
#pragma once
#include <functional>

namespace emulator {

using Work = std::function<void()>;

// Puts work behind what is there, or into the graph that is being captured.
void enqueue(Work work);

} // namespace emulator
