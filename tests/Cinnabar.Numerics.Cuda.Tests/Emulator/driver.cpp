// The CUDA driver API, as far as CudaDriver.cs declares it, on a processor. The device has 8 GiB; each allocation is a mapping of its own
// that begins as NaN and ends where nothing is mapped, so that whoever goes behind it, or uses it after it was freed, ends the process.
// Streams run one after the other; see stream.h. A call that CUDA forbids while a graph is captured fails here, too, and so does one
// of a thread that has no context.
#include "blocks.h"
#include "stream.h"
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

using namespace emulator;

namespace {

enum Error {
    Success = 0, InvalidValue = 1, OutOfMemory = 2, InvalidImage = 200, InvalidContext = 201, NotFound = 500, LaunchFailed = 719,
    CaptureUnsupported = 900,
};

constexpr size_t DeviceBytes = 8ull << 30, Page = 4096;
constexpr unsigned MostSharedBytes = 232448, SharedWithoutAsking = 48 << 10, MostThreads = 1024, MostBlocksAcross = 65535;

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

struct Graph { std::vector<Work> works; };

struct Event { std::chrono::steady_clock::time_point time; };

std::recursive_mutex s_oneAtATime;
std::vector<Work> s_queue;
std::unique_ptr<Graph> s_captured;
std::map<char*, size_t> s_device, s_pinned; // by their first byte
size_t s_used;
int s_sticky; // what ended the context
thread_local bool t_hasContext;

bool contains(const std::map<char*, size_t>& blocks, const void* address, size_t bytes) {
    auto behind = blocks.upper_bound((char*)address);
    if (behind == blocks.begin()) return false;
    auto block = std::prev(behind);
    return (char*)address + bytes <= block->first + block->second;
}

int ready() { return !t_hasContext ? InvalidContext : s_sticky; }

int readyOutsideOfCapture() { return s_captured ? CaptureUnsupported : ready(); }

int flush() {
    std::vector<Work> works = std::move(s_queue);
    s_queue.clear();
    try {
        for (Work& work : works) work();
    } catch (const Fault& fault) {
        fprintf(stderr, "CUDA emulator: %s.\n", fault.text.c_str());
        s_sticky = LaunchFailed;
    }

    return s_sticky;
}

} // namespace

void emulator::enqueue(Work work) {
    std::lock_guard lock(s_oneAtATime);
    (s_captured ? s_captured->works : s_queue).push_back(std::move(work));
}

#define API extern "C" __attribute__((visibility("default"))) int
#define LOCKED std::lock_guard lock(s_oneAtATime)
#define REQUIRE(error) if (int found = (error)) return found

API cuInit(unsigned) { return Success; }

API cuGetErrorString(int error, const char** text) {
    static const std::map<int, const char*> texts = {
        {InvalidValue, "invalid argument"}, {OutOfMemory, "out of memory"}, {InvalidImage, "device kernel image is invalid"},
        {InvalidContext, "invalid device context"}, {NotFound, "named symbol not found"}, {LaunchFailed, "unspecified launch failure"},
        {CaptureUnsupported, "operation not permitted when stream is capturing"},
    };
    auto found = texts.find(error);
    *text = found == texts.end() ? nullptr : found->second;
    return found == texts.end() ? InvalidValue : Success;
}

API cuDeviceGetCount(int* count) { *count = 1; return Success; }
API cuDeviceGet(int* device, int ordinal) { *device = ordinal; return ordinal == 0 ? Success : InvalidValue; }

API cuDeviceGetName(char* name, int length, int) {
    snprintf(name, length, "a GPU played by the processor");
    return Success;
}

API cuDeviceGetAttribute(int* value, int attribute, int) {
    static const std::map<int, int> values = {
        {16, 6}, {75, 9}, {76, 0}, {97, MostSharedBytes}, // multiprocessors, compute capability, shared memory of a block
    };
    auto found = values.find(attribute);
    if (found == values.end()) return InvalidValue;
    *value = found->second;
    return Success;
}

API cuDevicePrimaryCtxRetain(void** context, int) { *context = &s_sticky; return Success; }
API cuCtxSetCurrent(void* context) { t_hasContext = context == &s_sticky; return t_hasContext ? Success : InvalidContext; }

API cuMemGetInfo_v2(size_t* free, size_t* total) {
    LOCKED;
    *free = DeviceBytes - s_used;
    *total = DeviceBytes;
    return ready();
}

API cuMemAlloc_v2(char** address, size_t bytes) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    if (bytes == 0) return InvalidValue;
    if (bytes > DeviceBytes - s_used) return OutOfMemory;
    size_t pages = (bytes + Page - 1) / Page * Page;
    char* mapped = (char*)mmap(nullptr, pages + Page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return OutOfMemory;
    if (mprotect(mapped, pages, PROT_READ | PROT_WRITE) != 0) return OutOfMemory;
    *address = mapped + pages - (bytes + 255) / 256 * 256; // aligned as CUDA's are
    memset(*address, 0xff, bytes);
    s_device[*address] = bytes;
    s_used += bytes;
    return Success;
}

API cuMemFree_v2(char* address) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    auto block = s_device.find(address);
    if (block == s_device.end()) return InvalidValue;
    REQUIRE(flush()); // as CUDA, which waits
    char* mapped = (char*)((uintptr_t)address / Page * Page);
    munmap(mapped, (block->second + (address - mapped) + Page - 1) / Page * Page + Page);
    s_used -= block->second;
    s_device.erase(block);
    return Success;
}

API cuMemHostAlloc(char** address, size_t bytes, unsigned) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    *address = (char*)mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*address == MAP_FAILED) return OutOfMemory;
    s_pinned[*address] = bytes;
    return Success;
}

API cuMemcpyHtoDAsync_v2(char* to, const char* from, size_t bytes, void*) {
    LOCKED;
    REQUIRE(ready());
    if (!contains(s_device, to, bytes)) return InvalidValue;
    if (contains(s_pinned, from, bytes)) {
        enqueue([=] { memcpy(to, from, bytes); });
        return Success;
    }

    if (s_captured) return CaptureUnsupported;
    auto copy = std::make_shared<std::vector<char>>(from, from + bytes);
    enqueue([=] { memcpy(to, copy->data(), bytes); });
    return Success;
}

API cuMemcpyDtoHAsync_v2(char* to, const char* from, size_t bytes, void*) {
    LOCKED;
    REQUIRE(ready());
    if (!contains(s_device, from, bytes)) return InvalidValue;
    if (contains(s_pinned, to, bytes)) {
        enqueue([=] { memcpy(to, from, bytes); });
        return Success;
    }

    if (s_captured) return CaptureUnsupported;
    REQUIRE(flush());
    memcpy(to, from, bytes);
    return Success;
}

API cuMemsetD8Async(char* address, unsigned char value, size_t bytes, void*) {
    LOCKED;
    REQUIRE(ready());
    if (!contains(s_device, address, bytes)) return InvalidValue;
    enqueue([=] { memset(address, value, bytes); });
    return Success;
}

API cuStreamCreate(void** stream, unsigned) { LOCKED; *stream = &s_queue; return ready(); }

API cuStreamSynchronize(void*) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    return flush();
}

API cuStreamBeginCapture_v2(void*, int) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    s_captured = std::make_unique<Graph>();
    return Success;
}

API cuStreamEndCapture(void*, Graph** graph) {
    LOCKED;
    if (!s_captured) return InvalidValue;
    *graph = s_captured.release();
    return ready();
}

API cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
    LOCKED;
    *executable = new Graph(*graph);
    return ready();
}

API cuGraphLaunch(Graph* executable, void*) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    for (const Work& work : executable->works) enqueue(work);
    return Success;
}

API cuGraphExecDestroy(Graph* executable) { LOCKED; delete executable; return Success; }
API cuGraphDestroy(Graph* graph) { LOCKED; delete graph; return Success; }

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
    if (attribute != 8 || value < 0 || (unsigned)value > MostSharedBytes) return InvalidValue;
    function->sharedBytes = value;
    return Success;
}

API cuLaunchKernel(Function* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned threadsY, unsigned threadsZ,
    unsigned sharedBytes, void*, void** arguments, void**) {
    LOCKED;
    REQUIRE(ready());
    bool isGrid = x > 0 && y > 0 && z > 0 && y <= MostBlocksAcross && z <= MostBlocksAcross;
    bool isBlock = threads > 0 && threads <= MostThreads && threadsY == 1 && threadsZ == 1;
    if (!isGrid || !isBlock || sharedBytes > std::max(SharedWithoutAsking, function->sharedBytes)) return InvalidValue;
    const Kernel* kernel = function->kernel;
    std::shared_ptr<void> copy(kernel->copy(arguments), kernel->drop);
    enqueue([=] { runGrid(*kernel, copy.get(), function->position, function->host, {x, y, z}, threads, sharedBytes); });
    return Success;
}

API cuEventCreate(Event** event, unsigned) { LOCKED; *event = new Event; return ready(); }

API cuEventDestroy_v2(Event* event) {
    LOCKED;
    enqueue([=] { delete event; });
    return Success;
}

API cuEventRecord(Event* event, void*) {
    LOCKED;
    REQUIRE(ready());
    enqueue([=] { event->time = std::chrono::steady_clock::now(); });
    return Success;
}

API cuEventSynchronize(Event*) {
    LOCKED;
    REQUIRE(readyOutsideOfCapture());
    return flush();
}

API cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
    LOCKED;
    *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return ready();
}
