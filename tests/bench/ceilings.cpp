// SPDX-License-Identifier: GPL-3.0-or-later
#include "ceilings.h"

#include "matching/parallel.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>

namespace chromatch {

namespace {

constexpr int sums = 12; // independent chains: enough to hide the latency of two units that multiply
constexpr int steps = 10'000'000;
constexpr int attempts = 15; // the best counts: other programs only make it slower
constexpr std::size_t copy_size = std::size_t(256) << 20;

/// One thread's loop: `steps` times `sums` instructions, or short groups of them.
using Loop = void (*)();

// In assembler, for a compiler would leave out what nobody reads. Register 15 holds a factor, the first 12 the sums.
#define CHROMATCH_TWELVE(step)                                                                                         \
    step("0") step("1") step("2") step("3") step("4") step("5") step("6") step("7") step("8") step("9") step("10")     \
        step("11")
#define CHROMATCH_LOOP(name, begin, step, end)                                                                         \
    void name()                                                                                                        \
    {                                                                                                                  \
        int left = steps;                                                                                              \
        asm volatile(begin "1:\n" CHROMATCH_TWELVE(step) "decl %0\n jnz 1b\n" end                                      \
                     : "+r"(left)                                                                                      \
                     :                                                                                                 \
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",  \
                       "xmm11", "xmm14", "xmm15");                                                                     \
    }

#define CHROMATCH_FLOAT_SSE(k) "mulps %%xmm15, %%xmm" k "\n addps %%xmm15, %%xmm" k "\n"
#define CHROMATCH_FLOAT_AVX2(k) "vfmadd132ps %%ymm15, %%ymm15, %%ymm" k "\n"
#define CHROMATCH_FLOAT_AVX512(k) "vfmadd132ps %%zmm15, %%zmm15, %%zmm" k "\n"
#define CHROMATCH_INTEGER_SSE(k) "movdqa %%xmm15, %%xmm14\n pmaddwd %%xmm15, %%xmm14\n paddd %%xmm14, %%xmm" k "\n"
#define CHROMATCH_INTEGER_AVX2(k) "vpmaddwd %%ymm15, %%ymm15, %%ymm14\n vpaddd %%ymm14, %%ymm" k ", %%ymm" k "\n"
#define CHROMATCH_INTEGER_AVX512(k) "vpdpwssd %%zmm15, %%zmm15, %%zmm" k "\n"

CHROMATCH_LOOP(float_portable, "xorps %%xmm15, %%xmm15\n", CHROMATCH_FLOAT_SSE, "")
CHROMATCH_LOOP(float_avx2, "vxorps %%xmm15, %%xmm15, %%xmm15\n", CHROMATCH_FLOAT_AVX2, "vzeroupper\n")
CHROMATCH_LOOP(float_avx512, "vxorps %%xmm15, %%xmm15, %%xmm15\n", CHROMATCH_FLOAT_AVX512, "vzeroupper\n")
CHROMATCH_LOOP(integer_portable, "pxor %%xmm15, %%xmm15\n", CHROMATCH_INTEGER_SSE, "")
CHROMATCH_LOOP(integer_avx2, "vpxor %%xmm15, %%xmm15, %%xmm15\n", CHROMATCH_INTEGER_AVX2, "vzeroupper\n")
CHROMATCH_LOOP(integer_avx512, "vpxor %%xmm15, %%xmm15, %%xmm15\n", CHROMATCH_INTEGER_AVX512, "vzeroupper\n")

double seconds_since(std::chrono::steady_clock::time_point start)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The shortest time of body(worker) on all threads at once.
template <class Body> double shortest_time(int threads, const Body& body)
{
    double shortest = std::numeric_limits<double>::infinity();
    for (int i = 0; i < attempts; ++i) {
        const auto start = std::chrono::steady_clock::now();
        run_workers(threads, body);
        shortest = std::min(shortest, seconds_since(start));
    }
    return shortest;
}

/// Operations a second of a loop whose instructions do so many.
double measure(Loop loop, int operations, int threads)
{
    const double seconds = shortest_time(threads, [&](int) { loop(); });
    return double(threads) * steps * sums * operations / seconds;
}

double measure_copy(int threads)
{
    const auto from = std::make_unique<char[]>(copy_size), to = std::make_unique<char[]>(copy_size);
    const std::size_t share = copy_size / threads;
    const double seconds = shortest_time(
        threads, [&](int worker) { std::memcpy(to.get() + worker * share, from.get() + worker * share, share); });
    return 2.0 * double(share * threads) / seconds;
}

struct LevelLoops {
    simd::Level level;
    const char* name;
    Loop floats, integers;
    int lanes; // of 32 bits: 2 operations each on float32, 4 on pairs of 16 bits
};
constexpr LevelLoops all_loops[] = {
    {simd::Level::avx512, "avx512", float_avx512, integer_avx512, 16},
    {simd::Level::avx2, "avx2", float_avx2, integer_avx2, 8},
    {simd::Level::baseline, "portable", float_portable, integer_portable, 4},
};

} // namespace

const char* name_of(simd::Level level)
{
    return std::find_if(std::begin(all_loops), std::end(all_loops), [&](const auto& l) { return l.level == level; })
        ->name;
}

std::vector<simd::Level> levels()
{
    std::vector<simd::Level> result;
    for (const LevelLoops& loops : all_loops)
        if (loops.level <= simd::level())
            result.push_back(loops.level);
    return result;
}

const LevelCeilings& Ceilings::of(simd::Level level) const
{
    return *std::find_if(levels.begin(), levels.end(), [&](const auto& l) { return l.level == level; });
}

Ceilings measure_ceilings(int threads)
{
    Ceilings ceilings{thread_count(threads, 1 << 16), {}, 0.0};
    for (const LevelLoops& loops : all_loops)
        if (loops.level <= simd::level())
            ceilings.levels.push_back({loops.level, measure(loops.floats, 2 * loops.lanes, ceilings.threads),
                                       measure(loops.integers, 4 * loops.lanes, ceilings.threads)});
    ceilings.copied_bytes = measure_copy(ceilings.threads);
    return ceilings;
}

} // namespace chromatch
