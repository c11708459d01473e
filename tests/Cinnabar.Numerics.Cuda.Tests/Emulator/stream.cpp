// Streams, graphs and events; see stream.h. Streams that do not wait for each other take turns in the order that shows most: on every other
// occasion the first stream goes ahead as far as it can, or the others do. A call that CUDA forbids while a graph is captured fails here, too.
#include "blocks.h"
#include "driver.h"
#include <chrono>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

using namespace emulator;

namespace {

struct Stream {};

// Work of a stream, which first waits for a record or ends one (0: none). Records are numbered in the order in which they were asked for.
struct Step { const void* stream; Work work; uint64_t awaited, recorded; };

struct Graph { const void* first; std::vector<Step> steps; std::set<const void*> streams; };

struct Event { std::chrono::steady_clock::time_point time; uint64_t lastRecord; const Graph* captured; };

std::vector<Step> s_queue;
std::unique_ptr<Graph> s_captured;
uint64_t s_records;
bool s_firstGoesAhead;
int s_fault;
thread_local bool t_hasContext;

void run(const std::vector<Step>& steps) {
    std::vector<const void*> streams; // as they appear
    std::map<const void*, std::deque<const Step*>> waiting;
    std::set<uint64_t> outstanding;
    for (const Step& step : steps) {
        if (!waiting.count(step.stream)) streams.push_back(step.stream);
        waiting[step.stream].push_back(&step);
        if (step.recorded) outstanding.insert(step.recorded);
    }

    s_firstGoesAhead = !s_firstGoesAhead;
    bool firstGoesAhead = s_firstGoesAhead;
    for (size_t left = steps.size(); left > 0; left--) {
        auto canGo = [&](const void* stream) {
            return !waiting[stream].empty() && !outstanding.count(waiting[stream].front()->awaited);
        };
        size_t chosen = firstGoesAhead ? 0 : streams.size() - 1;
        while (!canGo(streams[chosen])) chosen += firstGoesAhead ? 1 : -1;
        const Step* step = waiting[streams[chosen]].front();
        waiting[streams[chosen]].pop_front();
        if (step->work) step->work();
        outstanding.erase(step->recorded);
    }
}

void add(Step step) {
    bool isCaptured = s_captured && s_captured->streams.count(step.stream);
    (isCaptured ? s_captured->steps : s_queue).push_back(std::move(step));
}

} // namespace

std::recursive_mutex emulator::oneAtATime;

int emulator::ready() { return !t_hasContext ? InvalidContext : s_fault; }

bool emulator::isCapturing() { return s_captured != nullptr; }

int emulator::flush() {
    std::vector<Step> steps = std::move(s_queue);
    s_queue.clear();
    try {
        run(steps);
    } catch (const Fault& fault) {
        fprintf(stderr, "CUDA emulator: %s.\n", fault.text.c_str());
        s_fault = LaunchFailed;
    }

    return s_fault;
}

void emulator::enqueue(const void* stream, Work work) {
    LOCKED;
    add({stream, std::move(work), 0, 0});
}

API cuDevicePrimaryCtxRetain(void** context, int) { *context = &s_fault; return Success; }
API cuCtxSetCurrent(void* context) { t_hasContext = context == &s_fault; return t_hasContext ? Success : InvalidContext; }

API cuStreamCreate(void** stream, unsigned) { LOCKED; *stream = new Stream; return ready(); }

API cuStreamSynchronize(void*) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    return flush();
}

API cuStreamWaitEvent(void* stream, Event* event, unsigned) {
    LOCKED;
    REQUIRE(ready());
    if (event->captured && event->captured != s_captured.get()) return CapturedEvent;
    if (event->captured) s_captured->streams.insert(stream);
    if (event->lastRecord) add({stream, nullptr, event->lastRecord, 0});
    return Success;
}

API cuStreamBeginCapture_v2(void* stream, int) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    s_captured.reset(new Graph{stream, {}, {stream}});
    return Success;
}

API cuStreamEndCapture(void*, Graph** graph) {
    LOCKED;
    if (!s_captured) return InvalidValue;
    std::set<uint64_t> awaited;
    for (const Step& step : s_captured->steps) {
        if (step.stream == s_captured->first) awaited.insert(step.awaited);
    }

    std::map<const void*, uint64_t> ends;
    for (const Step& step : s_captured->steps) ends[step.stream] = step.recorded;
    bool isJoined = true;
    for (auto [stream, recorded] : ends) isJoined = isJoined && (stream == s_captured->first || (recorded && awaited.count(recorded)));
    *graph = s_captured.release();
    return isJoined ? ready() : CaptureUnjoined;
}

API cuGraphInstantiateWithFlags(Graph** executable, Graph* graph, unsigned long long) {
    LOCKED;
    *executable = new Graph(*graph);
    return ready();
}

API cuGraphLaunch(Graph* executable, void* stream) {
    LOCKED;
    REQUIRE_NO_CAPTURE;
    REQUIRE(ready());
    enqueue(stream, [steps = executable->steps] { run(steps); });
    return Success;
}

API cuGraphExecDestroy(Graph* executable) { LOCKED; delete executable; return Success; }
API cuGraphDestroy(Graph* graph) { LOCKED; delete graph; return Success; }

API cuEventCreate(Event** event, unsigned) { LOCKED; *event = new Event{}; return ready(); }

API cuEventDestroy_v2(Event* event) {
    LOCKED;
    add({nullptr, [=] { delete event; }, event->lastRecord, 0});
    return Success;
}

API cuEventRecord(Event* event, void* stream) {
    LOCKED;
    REQUIRE(ready());
    event->lastRecord = ++s_records;
    event->captured = s_captured && s_captured->streams.count(stream) ? s_captured.get() : nullptr;
    add({stream, [=] { event->time = std::chrono::steady_clock::now(); }, 0, event->lastRecord});
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
