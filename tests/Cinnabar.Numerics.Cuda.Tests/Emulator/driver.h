// What the parts of the driver have in common.
#pragma once
#include <mutex>
#include "stream.h"

namespace emulator {

enum Error {
    Success = 0, InvalidValue = 1, OutOfMemory = 2, InvalidImage = 200, InvalidContext = 201, NotFound = 500, LaunchFailed = 719,
    CaptureUnsupported = 900,
};

constexpr unsigned MostSharedBytes = 232448;

// Held by every call.
extern std::recursive_mutex oneAtATime;

// 0, or why nothing can be done: the thread has no context, or a kernel ended it.
int ready();

bool isCapturing();

// Does all that was put off; `ready` afterwards.
int flush();

} // namespace emulator

#define API extern "C" __attribute__((visibility("default"))) int
#define LOCKED std::lock_guard lock(emulator::oneAtATime)
#define REQUIRE(error) if (int found = (error)) return found
#define REQUIRE_NO_CAPTURE if (isCapturing()) return CaptureUnsupported
