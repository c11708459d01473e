// The threads of a block, each on a stack of its own, taking turns at barriers. Where CUDA leaves something open, it goes wrong here:
//   - shared memory begins as NaN, and what an asynchronous copy will fill is NaN until the thread has waited for it;
//   - copies read their source as late as they may;
//   - warps run from first to last up to a barrier of the block, and from last to first up to the next one: a missing barrier shows.
// A warp whose lanes wait for each other at different places would hang, a thread of an overlapping kernel that does not wait for the one
// before would read too early, and what moves 16 bytes at once takes no other addresses than multiples of 16; here all end in a Fault.
// Switching stacks is assembly of x86-64.
#include "blocks.h"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <sys/mman.h>
#include <vector>

#ifndef __x86_64__
#error "The emulator switches stacks in x86-64 assembly."
#endif

// Saves what a call keeps on the current stack, leaves its top in *from and goes on with the stack at `to`.
extern "C" void emulatorSwitch(void** from, void* to);
asm(R"(
    .text
    .globl emulatorSwitch
    .hidden emulatorSwitch
emulatorSwitch:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
)");

namespace emulator {
namespace {

// Stacks do not lie a power of two apart: what the threads of a warp use of theirs, in turn, would share a few lines of the cache.
constexpr size_t StackBytes = (256 << 10) + 17 * 64, MostThreads = 1024, SharedCapacity = 256 << 10, SharedAlignment = 1024;
constexpr unsigned WarpSize = 32;

enum class State : unsigned char { Ready, AtWarp, AtBlock, Done };

struct Copy { void* to; const void* from; int group; };

struct Thread {
    void* stack;
    unsigned exchanges;
    int group; // of the copies that begin now
    bool hasWaited; // for the kernel before
    std::vector<Copy> copies; // in the order they began in; those before `firstCopy` are done
    size_t firstCopy;
};

struct Warp { alignas(16) unsigned char slots[2][WarpSize * SlotBytes]; };

Thread s_threads[MostThreads];
State s_states[MostThreads]; // of the threads: side by side, so that those of a warp are looked at together
Warp s_warps[MostThreads / WarpSize];
unsigned s_current;
void* s_scheduler;
const Kernel* s_kernel;
void* s_arguments;
Position* s_position;
bool s_hasSkippedWait, s_isMisaligned;
Host s_host;

Thread& current() { return s_threads[s_current]; }

// To the next lane of the warp, or behind the last one that can run back to runWarp.
void leave(State state) {
    void** left = &current().stack;
    s_states[s_current] = state;
    unsigned next = s_current + 1;
    if (next % WarpSize != 0 && s_states[next] == State::Ready) {
        s_position->thread.x = s_current = next;
        emulatorSwitch(left, current().stack);
    } else {
        emulatorSwitch(left, s_scheduler);
    }
}

void waitForBlock() { leave(State::AtBlock); }
void waitForWarp() { leave(State::AtWarp); }
unsigned char* slots() { return s_warps[s_current / WarpSize].slots[current().exchanges++ % 2]; }

void expectAligned(const void* address) { s_isMisaligned |= (uintptr_t)address % 16 != 0; }

void copyLater(void* to, const void* from) {
    expectAligned(to);
    expectAligned(from);
    memset(to, 0xff, 16);
    current().copies.push_back({to, from, current().group});
}

void endCopies() { current().group++; }

void waitForCopies(int groups) {
    Thread& thread = current();
    size_t& first = thread.firstCopy;
    for (; first < thread.copies.size() && thread.copies[first].group < thread.group - groups; first++) {
        memcpy(thread.copies[first].to, thread.copies[first].from, 16);
    }

    if (first == thread.copies.size()) {
        thread.copies.clear();
        first = 0;
    }
}

void waitForPrevious() { current().hasWaited = true; }

void runThread() {
    s_kernel->run(s_arguments);
    s_hasSkippedWait |= !current().hasWaited;
    leave(State::Done);
}

char* stacks() {
    static char* const all = (char*)mmap(
        nullptr, StackBytes * MostThreads, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return all;
}

// The end of what dynamic shared memory can take. Whoever goes on behind it meets memory that is not there.
unsigned char* sharedEnd() {
    static unsigned char* const all = (unsigned char*)mmap(nullptr, 2 * SharedCapacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const int opened = mprotect(all, SharedCapacity, PROT_READ | PROT_WRITE);
    return opened == 0 ? all + SharedCapacity : nullptr;
}

void begin(unsigned thread) {
    // As emulatorSwitch leaves a stack: six registers below where it returns to, and there the stack is as behind a call.
    void** top = (void**)(stacks() + StackBytes * (thread + 1)) - 2;
    top[0] = (void*)runThread;
    Thread& begun = s_threads[thread];
    begun.stack = top - 6;
    s_states[thread] = State::Ready;
    begun.exchanges = 0;
    begun.group = 0;
    begun.hasWaited = false;
    begun.copies.clear();
    begun.firstCopy = 0;
}

// Runs a warp until all its lanes wait for the block or are done; whether any waits.
bool runWarp(unsigned first) {
    State *begin = s_states + first, *end = begin + WarpSize;
    for (;;) {
        for (unsigned lane = first; lane < first + WarpSize; lane++) {
            if (s_states[lane] != State::Ready) continue;
            s_position->thread.x = s_current = lane;
            emulatorSwitch(&s_scheduler, current().stack);
            lane = s_current; // those between have run
        }

        auto in = [=](State state) { return std::count(begin, end, state); };
        auto atWarp = in(State::AtWarp);
        if (atWarp == 0) return in(State::AtBlock) > 0;
        if (atWarp < WarpSize) {
            throw Fault{std::to_string(atWarp) + " lanes of warp " + std::to_string(first / WarpSize) + " wait for the others, of which "
                + std::to_string(in(State::AtBlock)) + " wait for the block and " + std::to_string(in(State::Done)) + " are done"};
        }

        std::fill(begin, end, State::Ready);
    }
}

void runBlock(unsigned threads) {
    for (unsigned thread = 0; thread < threads; thread++) begin(thread);
    bool isWaiting = true;
    for (bool forward = true; isWaiting; forward = !forward) {
        isWaiting = false;
        unsigned warps = threads / WarpSize;
        for (unsigned i = 0; i < warps; i++) isWaiting |= runWarp((forward ? i : warps - 1 - i) * WarpSize);
        std::replace(s_states, s_states + threads, State::AtBlock, State::Ready);
    }
}

} // namespace

void runGrid(const Kernel& kernel, void* arguments, Position* position, const Host** host, Triple blocks, unsigned threads,
    unsigned sharedBytes, bool overlaps) {
    unsigned char* shared = sharedEnd() - (sharedBytes + SharedAlignment - 1) / SharedAlignment * SharedAlignment;
    s_host = {waitForBlock, waitForWarp, slots, copyLater, endCopies, waitForCopies, waitForPrevious, expectAligned, shared};
    *host = &s_host;
    s_kernel = &kernel;
    s_arguments = arguments;
    s_position = position;
    s_hasSkippedWait = s_isMisaligned = false;
    position->threads = {threads, 1, 1};
    position->blocks = blocks;
    if (threads % WarpSize != 0) throw Fault{"a block of " + std::to_string(threads) + " threads is not one of whole warps"};
    for (unsigned z = 0; z < blocks.z; z++) {
        for (unsigned y = 0; y < blocks.y; y++) {
            for (unsigned x = 0; x < blocks.x; x++) {
                memset(shared, 0xff, sharedBytes);
                position->block = {x, y, z};
                runBlock(threads);
            }
        }
    }

    if (s_isMisaligned) throw Fault{"an address of 16 bytes that move at once is no multiple of 16"};
    if (overlaps && s_hasSkippedWait) throw Fault{"a thread of a kernel that overlaps with the one before did not wait for it"};
}

} // namespace emulator
