// Memory of the device, 8 GiB, and pinned memory of the host. Each block of the device is a mapping of its own that begins as NaN and ends
// where nothing is mapped, so that whoever goes behind it, or uses it after it was freed, ends the process.
#include "driver.h"
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <sys/mman.h>
#include <vector>

using namespace emulator;

namespace {

constexpr size_t DeviceBytes = 8ull << 30, Page = 4096;

std::map<char*, size_t> s_device, s_pinned; // by their first byte
size_t s_used;

bool contains(const std::map<char*, size_t>& blocks, const void* address, size_t bytes) {
    auto behind = blocks.upper_bound((char*)address);
    if (behind == blocks.begin()) return false;
    auto block = std::prev(behind);
    return (char*)address + bytes <= block->first + block->second;
}

} // namespace

API cuMemGetInfo_v2(size_t* free, size_t* total) {
    LOCKED;
    *free = DeviceBytes - s_used;
    *total = DeviceBytes;
    return ready();
}

API cuMemAlloc_v2(char** address, size_t bytes) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
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
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
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
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
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

    REQUIRE_NO_CAPTURE;
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

    REQUIRE_NO_CAPTURE;
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
