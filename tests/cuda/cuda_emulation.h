// SPDX-License-Identifier: GPL-3.0-or-later
//
// As much of CUDA as the sources in cuda/ use, on the CPU, for tests on machines without a device. device.h includes it
// where the compiler is not nvcc.
//
// Every thread of a block is a fiber with a stack of its own; blocks run one after the other. A fiber runs until it
// waits for others: for its block at __syncthreads(), for its warp at shuffles, votes and the tensor core instruction.
// So a missing barrier shows: the first thread reads what the others have not written yet, or, with the environment
// variable CHROMATCH_EMULATION_BACKWARDS set, the last one; blocks go backwards then as well. Threads that wait for
// each other for ever end the process.
//
// "Device memory" is malloc's, so AddressSanitizer watches it. Of the functions that can fail,
// the call number CHROMATCH_EMULATION_FAIL_AT fails with the error CHROMATCH_EMULATION_ERROR; they are counted from 1
// since the number changed.
#pragma once

#include <algorithm>
#include <bit>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#pragma GCC diagnostic ignored "-Wunknown-pragmas" // #pragma unroll

#define __global__
#define __device__
#define __host__
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static // with AddressSanitizer's guards
#else
#define __shared__ [[gnu::section("emulated_shared")]] static
extern char shared_begin[] __asm__("__start_emulated_shared") [[gnu::visibility("hidden")]];
extern char shared_end[] __asm__("__stop_emulated_shared") [[gnu::visibility("hidden")]];
#endif
#define __grid_constant__
#define __launch_bounds__(...)

// ------------------------------------------------------------------------------------------------------- types

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned x, y;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w)
{
    return {x, y, z, w};
}
inline uint2 make_uint2(unsigned x, unsigned y)
{
    return {x, y};
}

struct EmulatedIndex {
    unsigned x;
};
inline EmulatedIndex threadIdx, blockIdx, gridDim;

// ------------------------------------------------------------------------------------------------------ fibers

#if defined(__x86_64__)
/// Saves the registers that a call preserves, and the stack pointer in *from; goes on where `to` was saved.
extern "C" void chromatch_emulation_switch(void** from, void* to);
asm(R"(
.text
.weak chromatch_emulation_switch
.hidden chromatch_emulation_switch
.type chromatch_emulation_switch, @function
chromatch_emulation_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size chromatch_emulation_switch, .-chromatch_emulation_switch
)");
#endif

namespace emulation {

constexpr std::size_t stack_size = 256 * 1024;
constexpr int warp_size = 32;

/// A place of execution: a fiber, or the thread that runs them.
struct Context {
#if defined(__x86_64__)
    void* stack_pointer = nullptr;
#else
    ucontext_t registers;
#endif
    void* fake_stack = nullptr; // AddressSanitizer's
    const void* stack = nullptr;
    std::size_t size = 0;
};

/// Threads that wait for each other, and what they bring along.
struct Meeting {
    int members = 0;
    int arrived = 0;
    unsigned round = 0;
    int operation = 0;
    std::uint64_t value[2][warp_size]; // of this round and of the last, which a slower thread still reads
    void* operand[warp_size][3];
};

struct Fiber {
    Context context;
    std::unique_ptr<char[]> memory;
    unsigned thread = 0;
    bool ended = false;
    const Meeting* waits_for = nullptr;
    unsigned in_round = 0;
};

struct Block {
    Context scheduler;
    std::vector<Fiber> fibers;
    std::vector<Meeting> warps;
    Meeting all;
    std::function<void()> body;
    Fiber* running = nullptr;
    bool over = false;

    ~Block();
};
inline Block block;

inline void switch_to(Context& from, Context& to, bool for_ever)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_ever ? nullptr : &from.fake_stack, to.stack, to.size);
#endif
    static_cast<void>(for_ever);
#if defined(__x86_64__)
    chromatch_emulation_switch(&from.stack_pointer, to.stack_pointer);
#else
    swapcontext(&from.registers, &to.registers);
#endif
}

/// Goes on with a fiber until it waits or ends.
inline void resume(Fiber& fiber)
{
    block.running = &fiber;
    threadIdx.x = fiber.thread;
    switch_to(block.scheduler, fiber.context, false);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(block.scheduler.fake_stack, nullptr, nullptr);
#endif
}

/// What a fiber does first when it goes on; it learns the scheduler's stack, which may be another thread's now.
inline void arrive(void* fake_stack)
{
    static_cast<void>(fake_stack);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, &block.scheduler.stack, &block.scheduler.size);
#endif
}

inline void pause(Fiber& self)
{
    switch_to(self.context, block.scheduler, false);
    arrive(self.context.fake_stack);
}

/// A fiber serves one block after the other.
inline void fiber_main()
{
    arrive(nullptr);
    Fiber& self = *block.running;
    while (!block.over) {
        block.body();
        self.ended = true;
        pause(self);
    }
    switch_to(self.context, block.scheduler, true);
    std::abort(); // nobody comes back
}

inline Block::~Block()
{
    over = true;
    for (Fiber& fiber : fibers)
        resume(fiber);
}

inline void prepare(Fiber& fiber, unsigned thread)
{
    fiber.thread = thread;
    fiber.ended = false;
    if (fiber.memory != nullptr)
        return;
    fiber.memory = std::make_unique_for_overwrite<char[]>(stack_size);
    fiber.context.stack = fiber.memory.get();
    fiber.context.size = stack_size;
#if defined(__x86_64__)
    const auto top = reinterpret_cast<std::uintptr_t>(fiber.memory.get() + stack_size) / 16 * 16;
    auto* words = reinterpret_cast<void**>(top);
    *--words = nullptr; // keeps the stack aligned as after a call
    *--words = reinterpret_cast<void*>(&fiber_main);
    for (int saved = 0; saved < 6; ++saved)
        *--words = nullptr;
    fiber.context.stack_pointer = words;
#else
    getcontext(&fiber.context.registers);
    fiber.context.registers.uc_stack.ss_sp = fiber.memory.get();
    fiber.context.registers.uc_stack.ss_size = stack_size;
    makecontext(&fiber.context.registers, fiber_main, 0);
#endif
}

[[noreturn]] inline void give_up(const char* sentence)
{
    std::fprintf(stderr, "CUDA emulation: %s (block %u, thread %u)\n", sentence, blockIdx.x, threadIdx.x);
    std::abort();
}

/// Runs the threads of a block to their ends.
inline void run_block(unsigned threads, bool backwards)
{
    block.fibers.resize(threads);
    block.warps.assign(threads / warp_size, Meeting{});
    block.all = Meeting{};
    block.all.members = static_cast<int>(threads);
    for (Meeting& warp : block.warps)
        warp.members = warp_size;
    for (unsigned i = 0; i < threads; ++i)
        prepare(block.fibers[i], i);
    for (unsigned ended = 0; ended < threads;) {
        bool progress = false;
        for (unsigned i = 0; i < threads; ++i) {
            Fiber& fiber = block.fibers[backwards ? threads - 1 - i : i];
            if (fiber.ended || (fiber.waits_for != nullptr && fiber.waits_for->round == fiber.in_round))
                continue;
            fiber.waits_for = nullptr;
            resume(fiber);
            progress = true;
            ended += fiber.ended;
        }
        if (!progress)
            give_up("threads wait for others that ended or wait elsewhere");
    }
}

/// The calling thread's part of a meeting: `last` is called by whoever arrives last, before anyone goes on. Returns the
/// round that has ended.
template <class Last> unsigned meet(Meeting& meeting, int operation, const Last& last)
{
    if (meeting.arrived > 0 && meeting.operation != operation)
        give_up("the threads of a warp are at different operations");
    meeting.operation = operation;
    const unsigned round = meeting.round;
    if (++meeting.arrived == meeting.members) {
        last();
        meeting.arrived = 0;
        ++meeting.round;
        return round;
    }
    Fiber& self = *block.running;
    self.waits_for = &meeting;
    self.in_round = round;
    pause(self);
    return round;
}

inline Meeting& own_warp()
{
    return block.warps[threadIdx.x / warp_size];
}

enum Operation { barrier, shuffle, vote, multiply };

/// Every lane's value, once all lanes have brought theirs.
inline const std::uint64_t* exchange(unsigned mask, Operation operation, std::uint64_t value)
{
    if (mask != 0xffffffffu)
        give_up("only whole warps are emulated");
    Meeting& warp = own_warp();
    std::uint64_t* const values = warp.value[warp.round % 2];
    values[threadIdx.x % warp_size] = value;
    meet(warp, operation, [] {});
    return values;
}

template <class T> T shuffled(unsigned mask, T value, int from)
{
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    const std::uint64_t taken = exchange(mask, shuffle, bits)[from];
    std::memcpy(&value, &taken, sizeof value);
    return value;
}

/// mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 by the layout of the PTX ISA.
inline void multiply_fragments(Meeting& warp)
{
    std::int8_t a[16][32], b[32][8];
    for (int lane = 0; lane < warp_size; ++lane) {
        const int group = lane / 4, in_group = lane % 4;
        const auto* p = static_cast<const unsigned*>(warp.operand[lane][1]);
        const auto* q = static_cast<const unsigned*>(warp.operand[lane][2]);
        for (int byte = 0; byte < 4; ++byte)
            for (int half = 0; half < 2; ++half) {
                const int k = in_group * 4 + byte + 16 * half;
                a[group][k] = static_cast<std::int8_t>(p[2 * half] >> 8 * byte);
                a[group + 8][k] = static_cast<std::int8_t>(p[2 * half + 1] >> 8 * byte);
                b[k][group] = static_cast<std::int8_t>(q[half] >> 8 * byte);
            }
    }
    for (int lane = 0; lane < warp_size; ++lane)
        for (int i = 0; i < 4; ++i) {
            const int row = lane / 4 + 8 * (i / 2), column = lane % 4 * 2 + i % 2;
            int& sum = static_cast<int*>(warp.operand[lane][0])[i];
            unsigned total = static_cast<unsigned>(sum);
            for (int k = 0; k < 32; ++k)
                total += static_cast<unsigned>(a[row][k] * b[k][column]);
            sum = static_cast<int>(total);
        }
}

inline void mma_m16n8k32(int (&sum)[4], const unsigned (&p)[4], const unsigned (&q)[2])
{
    Meeting& warp = own_warp();
    void** operand = warp.operand[threadIdx.x % warp_size];
    operand[0] = sum;
    operand[1] = const_cast<unsigned*>(p);
    operand[2] = const_cast<unsigned*>(q);
    meet(warp, multiply, [&] { multiply_fragments(warp); });
}

} // namespace emulation

// ---------------------------------------------------------------------------------------------- device functions

inline void __syncthreads()
{
    emulation::meet(emulation::block.all, emulation::barrier, [] {});
}
template <class T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32)
{
    const int self = static_cast<int>(threadIdx.x % 32);
    return emulation::shuffled(mask, value, self / width * width + lane % width);
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int lane_mask)
{
    return emulation::shuffled(mask, value, static_cast<int>(threadIdx.x % 32) ^ lane_mask);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, int delta, int width)
{
    const int self = static_cast<int>(threadIdx.x % 32);
    return emulation::shuffled(mask, value, self % width >= delta ? self - delta : self);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, int delta, int width)
{
    const int self = static_cast<int>(threadIdx.x % 32);
    return emulation::shuffled(mask, value, self % width + delta < width ? self + delta : self);
}
inline unsigned __ballot_sync(unsigned mask, bool vote)
{
    const std::uint64_t* votes = emulation::exchange(mask, emulation::vote, vote);
    unsigned all = 0;
    for (int lane = 0; lane < 32; ++lane)
        all |= static_cast<unsigned>(votes[lane]) << lane;
    return all;
}
inline bool __any_sync(unsigned mask, bool vote)
{
    return __ballot_sync(mask, vote) != 0;
}
inline int __popc(unsigned value)
{
    return std::popcount(value);
}
inline int __dp4a(int a, int b, int sum)
{
    auto total = static_cast<unsigned>(sum);
    for (int byte = 0; byte < 4; ++byte)
        total +=
            static_cast<unsigned>(static_cast<std::int8_t>(a >> 8 * byte) * static_cast<std::int8_t>(b >> 8 * byte));
    return static_cast<int>(total);
}
template <class T> T __ldcg(const T* from)
{
    return *from;
}
template <class T> T atomicMax(T* to, T value)
{
    const T before = *to;
    *to = std::max(before, value);
    return before;
}
template <class T> T atomicMin(T* to, T value)
{
    const T before = *to;
    *to = std::min(before, value);
    return before;
}
inline unsigned __float_as_uint(float value)
{
    return std::bit_cast<unsigned>(value);
}
inline float __uint_as_float(unsigned value)
{
    return std::bit_cast<float>(value);
}
inline long long __double_as_longlong(double value)
{
    return std::bit_cast<long long>(value);
}
inline float __int2float_rn(int value)
{
    return static_cast<float>(value);
}
inline double __ll2double_rn(long long value)
{
    return static_cast<double>(value);
}
// Volatile keeps the compiler from joining operations.
inline float __fmul_rn(float a, float b)
{
    const volatile float product = a * b;
    return product;
}
inline float __fadd_rn(float a, float b)
{
    return a + b;
}
inline float __fsub_rn(float a, float b)
{
    return a - b;
}
inline double __dmul_rn(double a, double b)
{
    const volatile double product = a * b;
    return product;
}
inline double __dadd_rn(double a, double b)
{
    return a + b;
}
inline double __ddiv_rn(double a, double b)
{
    return a / b;
}
inline double __dsqrt_rn(double a)
{
    return std::sqrt(a);
}

// --------------------------------------------------------------------------------------------------- host functions

enum cudaError_t {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInsufficientDriver = 35,
    cudaErrorNoDevice = 100,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorIllegalAddress = 700,
};
enum cudaMemcpyKind { cudaMemcpyDefault };
enum cudaMemoryType { cudaMemoryTypeUnregistered, cudaMemoryTypeHost, cudaMemoryTypeDevice };
struct cudaPointerAttributes {
    cudaMemoryType type;
    int device;
};
struct cudaDeviceProp {
    char name[32];
    int major, minor;
};
struct EmulatedStream {};
using cudaStream_t = EmulatedStream*;

namespace emulation {

inline int fail_at = 0, calls = 0;
inline cudaError_t last_error{}; // as in CUDA, a failed call stays on record

inline cudaError_t outcome()
{
    const char* const at = std::getenv("CHROMATCH_EMULATION_FAIL_AT");
    const char* const error = std::getenv("CHROMATCH_EMULATION_ERROR");
    const int wanted = at != nullptr ? std::atoi(at) : 0;
    if (wanted != fail_at)
        calls = 0;
    fail_at = wanted;
    if (++calls != wanted)
        return cudaSuccess;
    return last_error = static_cast<cudaError_t>(error != nullptr ? std::atoi(error) : cudaErrorIllegalAddress);
}

template <class Kernel, class... Arguments>
cudaError_t launch(Kernel kernel, unsigned blocks, unsigned threads, cudaStream_t, const Arguments&... arguments)
{
    if (last_error != cudaSuccess || outcome() != cudaSuccess)
        return last_error;
    block.body = [&] { kernel(arguments...); };
    gridDim.x = blocks;
#if !defined(__SANITIZE_ADDRESS__)
    std::memset(shared_begin, 0xa5, static_cast<std::size_t>(shared_end - shared_begin)); // nobody may count on zeros
#endif
    const bool backwards = std::getenv("CHROMATCH_EMULATION_BACKWARDS") != nullptr;
    for (unsigned i = 0; i < blocks; ++i) {
        blockIdx.x = backwards ? blocks - 1 - i : i;
        run_block(threads, backwards);
    }
    block.body = nullptr;
    return cudaSuccess;
}

} // namespace emulation

inline cudaError_t cudaGetLastError()
{
    return std::exchange(emulation::last_error, cudaSuccess);
}
inline const char* cudaGetErrorString(cudaError_t error)
{
    return error == cudaErrorMemoryAllocation ? "out of memory" : "an emulated error";
}
inline cudaError_t cudaGetDeviceCount(int* count)
{
    *count = std::getenv("CHROMATCH_EMULATION_NO_DEVICE") != nullptr ? 0 : 1;
    return emulation::outcome();
}
inline cudaError_t cudaGetDevice(int* device)
{
    *device = 0;
    return emulation::outcome();
}
inline cudaError_t cudaSetDevice(int)
{
    return emulation::outcome();
}
inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int)
{
    *properties = {"emulated device", 9, 0};
    return emulation::outcome();
}
inline cudaError_t cudaStreamCreate(cudaStream_t* stream)
{
    const cudaError_t error = emulation::outcome();
    *stream = error == cudaSuccess ? new EmulatedStream : nullptr;
    return error;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    delete stream;
    return emulation::outcome();
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return emulation::outcome();
}
inline cudaError_t cudaMalloc(void** memory, std::size_t size)
{
    const cudaError_t error = emulation::outcome();
    *memory = error == cudaSuccess ? std::aligned_alloc(256, (size + 255) / 256 * 256) : nullptr;
    if (*memory != nullptr)
        std::memset(*memory, 0xa5, size); // nobody may count on zeros
    return error;
}
inline cudaError_t cudaFree(void* memory)
{
    std::free(memory);
    return emulation::outcome();
}
inline cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t size, cudaStream_t)
{
    const cudaError_t error = emulation::outcome();
    if (error == cudaSuccess)
        std::memset(memory, value, size);
    return error;
}
inline cudaError_t cudaMemcpy(void* to, const void* from, std::size_t size, cudaMemcpyKind)
{
    const cudaError_t error = emulation::outcome();
    if (error == cudaSuccess)
        std::memcpy(to, from, size);
    return error;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t size, cudaMemcpyKind kind, cudaStream_t)
{
    return cudaMemcpy(to, from, size, kind);
}
inline cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void*)
{
    const bool device = std::getenv("CHROMATCH_EMULATION_DEVICE_INPUTS") != nullptr;
    *attributes = {device ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered, 0};
    return emulation::outcome();
}
