// Libraries of kernels as compiler.cpp makes them, and launches.
#include "blocks.h"
#include "driver.h"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace emulator;

namespace {

constexpr unsigned SharedWithoutAsking = 48 << 10, MostThreads = 1024, MostBlocksAcross = 65535;

struct Function {
    const Kernel* kernel;
    Position* position;
    const Host** host;
    unsigned sharedBytes;
};

struct Module {
    void* library;
    std::map<std::string, std::unique_ptr<Function>> functions;
};

struct LaunchConfig {
    Triple blocks, threads;
    unsigned sharedBytes;
    void* stream;
    const int* attributes;
    unsigned attributeCount;
};

} // namespace

// An image: "EMULATOR", the bytes of a library of kernels, their number first.
API cuModuleLoadData(Module** module, const char* image) {
    LOCKED;
    REQUIRE(ready());
    if (memcmp(image, "EMULATOR", 8) != 0) return InvalidImage;
    uint64_t bytes;
    memcpy(&bytes, image + 8, 8);
    int file = memfd_create("kernels", 0);
    bool isWritten = file >= 0 && write(file, image + 16, bytes) == (ssize_t)bytes;
    std::string path = "/proc/self/fd/" + std::to_string(file);
    void* library = isWritten ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (!library) return InvalidImage; // the file stays open where it was loaded: its name is not to be given to the next one
    *module = new Module{library, {}};
    return Success;
}

API cuModuleGetFunction(Function** function, Module* module, const char* name) {
    LOCKED;
    REQUIRE(ready());
    std::unique_ptr<Function>& known = module->functions[name];
    if (!known) {
        auto kernel = (const Kernel*)dlsym(module->library, ("emulatorKernel_" + std::string(name)).c_str());
        if (!kernel) return NotFound;
        known.reset(new Function{
            kernel, (Position*)dlsym(module->library, "emulatorPosition"), (const Host**)dlsym(module->library, "emulatorHost"), 0});
    }

    *function = known.get();
    return Success;
}

API cuFuncSetAttribute(Function* function, int attribute, int value) {
    LOCKED;
    REQUIRE(ready());
    if (attribute == 9) return value >= -1 && value <= 100 ? Success : InvalidValue; // how a multiprocessor divides its memory
    if (attribute != 8 || value < 0 || (unsigned)value > MostSharedBytes) return InvalidValue;
    function->sharedBytes = value;
    return Success;
}

// Of attributes only that of kernels which overlap is known, number 6. They do not overlap here.
API cuLaunchKernelEx(const LaunchConfig* config, Function* function, void** arguments, void**) {
    LOCKED;
    REQUIRE(ready());
    Triple blocks = config->blocks;
    unsigned threads = config->threads.x, sharedBytes = config->sharedBytes;
    bool isGrid = blocks.x > 0 && blocks.y > 0 && blocks.z > 0 && blocks.y <= MostBlocksAcross && blocks.z <= MostBlocksAcross;
    bool isBlock = threads > 0 && threads <= MostThreads && config->threads.y == 1 && config->threads.z == 1;
    bool isKnown = config->attributeCount == 0 || (config->attributeCount == 1 && config->attributes[0] == 6);
    bool fits = sharedBytes <= std::max(SharedWithoutAsking, function->sharedBytes);
    if (!isGrid || !isBlock || !isKnown || !fits) return InvalidValue;
    const Kernel* kernel = function->kernel;
    std::shared_ptr<void> copy(kernel->copy(arguments), kernel->drop);
    bool overlaps = config->attributeCount > 0;
    enqueue([=] { runGrid(*kernel, copy.get(), function->position, function->host, blocks, threads, sharedBytes, overlaps); });
    return Success;
}
