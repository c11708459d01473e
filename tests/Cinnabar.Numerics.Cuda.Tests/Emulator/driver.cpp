// The CUDA driver API, as far as CudaDriver.cs declares it, on a processor: here what the device is. Its memory, its stream and its kernels
// have files of their own.
#include "driver.h"
#include <cstdio>
#include <map>

using namespace emulator;

API cuInit(unsigned) { return Success; }
API cuDriverGetVersion(int* version) { *version = 13000; return Success; }

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
