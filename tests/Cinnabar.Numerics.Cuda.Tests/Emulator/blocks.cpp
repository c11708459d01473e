// The threads of a block, each on a stack of its own, taking turns at barriers. Where CUDA leaves something open, it goes wrong here:
//   - shared memory begins as NaN, and what an asynchronous copy will fill is NaN until the thread has waited for it;
//   - copies read their source as late as they may;
//   - warps run from first to last up to a barrier of the block, and from last to first up to the next one: a missing barrier shows.
// A warp whose lanes wait for each other at different places would hang, a thread of an overlapping kernel that does not wait for the one
// before would read too early, and what moves 16 bytes at once takes no other addresses than multiples of 16; here all end in a Fault.
// Switching stacks is assembly of x86-64.
#include "blocks.h"
#include <cstdint>
#include <cstring>
#include <deque>
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

constexpr size_t StackBytes = 256 << 10, MostThreads = 1024, SharedCapacity = 256 << 10, SharedAlignment = 1024;
constexpr unsigned WarpSize = 32;

enum class State { Ready, AtWarp, AtBlock, Done };

struct Copy { void* to; const void* from; int group; };

struct Thread {
    void* stack;
    State state;
    unsigned exchanges;
    int group; // of the copies that begin now
    bool hasWaited; // for the kernel before
    std::deque<Copy> copies;
};

struct Warp { alignas(16) unsigned char slots[2][WarpSize * SlotBytes]; };

Thread s_threads[MostThreads];
Warp s_warps[MostThreads / WarpSize];
Thread* s_current;
void* s_scheduler;
const Kernel* s_kernel;
void* s_arguments;
Position* s_position;
bool s_hasSkippedWait, s_isMisaligned;
Host s_host;

unsigned current() { return (unsigned)(s_current - s_threads); }

// To the next lane of the warp, or behind the last one that can run back to runWarp.
void leave(State state) {
    Thread* left = s_current;
    Thread* next = left + 1;
    left->state = state;
    if (current() % WarpSize != WarpSize - 1 && next->state == State::Ready) {
        s_current = next;
        s_position->thread.x = current();
        emulatorSwitch(&left->stack, next->stack);
    } else {
        emulatorSwitch(&left->stack, s_scheduler);
    }
}

void waitForBlock() { leave(State::AtBlock); }
void waitForWarp() { leave(State::AtWarp); }
unsigned char* slots() { return s_warps[current() / WarpSize].slots[s_current->exchanges++ % 2]; }

void expectAligned(const void* address) { s_isMisaligned |= (uintptr_t)address % 16 != 0; }

void copyLater(void* to, const void* from) {
    expectAligned(to);
    expectAligned(from);
    memset(to, 0xff, 16);
    s_current->copies.push_back({to, from, s_current->group});
}

void endCopies() { s_current->group++; }

void waitForCopies(int groups) {
    std::deque<Copy>& copies = s_current->copies;
    for (; !copies.empty() && copies.front().group < s_current->group - groups; copies.pop_front()) {
        memcpy(copies.front().to, copies.front().from, 16);
    }
}

void waitForPrevious() { s_current->hasWaited = true; }

void runThread() {
    s_kernel->run(s_arguments);
    s_hasSkippedWait |= !s_current->hasWaited;
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
    begun.state = State::Ready;
    begun.exchanges = 0;
    begun.group = 0;
    begun.hasWaited = false;
    begun.copies.clear();
}

// Runs a warp until all its lanes wait for the block or are done; whether any waits.
bool runWarp(unsigned first) {
    for (;;) {
        for (unsigned lane = first; lane < first + WarpSize; lane++) {
            if (s_threads[lane].state != State::Ready) continue;
            s_position->thread.x = lane;
            s_current = &s_threads[lane];
            emulatorSwitch(&s_scheduler, s_current->stack);
        }

        unsigned count[4] = {};
        for (unsigned lane = first; lane < first + WarpSize; lane++) count[(int)s_threads[lane].state]++;
        unsigned atWarp = count[(int)State::AtWarp];
        if (atWarp == 0) return count[(int)State::AtBlock] > 0;
        if (atWarp < WarpSize) {
            throw Fault{std::to_string(atWarp) + " lanes of warp " + std::to_string(first / WarpSize) + " wait for the others, of which "
                + std::to_string(count[(int)State::AtBlock]) + " wait for the block and " + std::to_string(count[(int)State::Done])
                + " are done"};
        }

        for (unsigned lane = first; lane < first + WarpSize; lane++) s_threads[lane].state = State::Ready;
    }
}

void runBlock(unsigned threads) {
    for (unsigned thread = 0; thread < threads; thread++) begin(thread);
    bool isWaiting = true;
    for (bool forward = true; isWaiting; forward = !forward) {
        isWaiting = false;
        unsigned warps = threads / WarpSize;
        for (unsigned i = 0; i < warps; i++) isWaiting |= runWarp((forward ? i : warps - 1 - i) * WarpSize);
        for (unsigned thread = 0; thread < threads; thread++) {
            if (s_threads[thread].state == State::AtBlock) s_threads[thread].state = State::Ready;
        }
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
