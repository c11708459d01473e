// The one stream, graphs and events; see stream.h. A call that CUDA forbids while a graph is captured fails here, too.
#include "blocks.h"
#include "driver.h"
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

using namespace emulator;

namespace {

struct Graph { std::vector<Work> works; };

struct Event { std::chrono::steady_clock::time_point time; };

std::vector<Work> s_queue;
std::unique_ptr<Graph> s_captured;
int s_fault;
thread_local bool t_hasContext;

// The next so many calls that make a graph or launch one give this error.
int s_failingCalls, s_failure;

bool fails() { return s_failingCalls > 0 && s_failingCalls-- > 0; }

} // namespace

std::recursive_mutex emulator::oneAtATime;

int emulator::ready() { return !t_hasContext ? InvalidContext : s_fault; }

bool emulator::isCapturing() { return s_captured != nullptr; }

int emulator::flush() {
    std::vector<Work> works = std::move(s_queue);
    s_queue.clear();
    try {
        for (Work& work : works) work();
    } catch (const Fault& fault) {
        fprintf(stderr, "CUDA emulator: %s.\n", fault.text.c_str());
        s_fault = LaunchFailed;
    }

    return s_fault;
}

void emulator::enqueue(Work work) {
    LOCKED;
    (s_captured ? s_captured->works : s_queue).push_back(std::move(work));
}

API cuDevicePrimaryCtxRetain(void** context, int) { *context = &s_fault; return Success; }
API cuCtxSetCurrent(void* context) { t_hasContext = context == &s_fault; return t_hasContext ? Success : InvalidContext; }

API cuStreamCreate(void** stream, unsigned) { LOCKED; *stream = &s_queue; return ready(); }

API cuStreamSynchronize(void*) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    return flush();
}

API cuStreamBeginCapture_v2(void*, int) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
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
    if (fails()) return s_failure;
    *executable = new Graph(*graph);
    return ready();
}

API emulatorFailGraphs(int calls, int error) {
    LOCKED;
    s_failingCalls = calls;
    s_failure = error;
    return Success;
}

API cuGraphLaunch(Graph* executable, void*) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    if (fails()) return s_failure;
    for (const Work& work : executable->works) enqueue(work);
    return Success;
}

API cuGraphExecDestroy(Graph* executable) { LOCKED; delete executable; return Success; }
API cuGraphDestroy(Graph* graph) { LOCKED; delete graph; return Success; }

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
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    return flush();
}

API cuEventElapsedTime(float* milliseconds, Event* from, Event* to) {
    LOCKED;
    *milliseconds = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return ready();
}
