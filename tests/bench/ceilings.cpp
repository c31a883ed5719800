// SPDX-License-Identifier: GPL-3.0-or-later
#include "ceilings.h"

#include "matching/parallel.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>

#if defined(CHROMATCH_X86)
#include <immintrin.h>
#endif

namespace chromatch {

namespace {

constexpr int sums = 12; // independent chains: latency times the units that multiply, and they fit in 16 registers
constexpr int steps = 4'000'000;
constexpr int attempts = 5; // the best counts: other programs only make it slower
constexpr std::size_t copy_size = std::size_t(256) << 20;

/// One thread's loop: `steps` times `sums` instructions. Returns something of the results, so that they are needed.
using Loop = std::int32_t (*)();

/// Makes the compiler believe that a register has changed, so that it keeps every instruction of a loop.
#define CHROMATCH_CHANGED(vector) asm volatile("" : "+v"(vector))

template <int lanes> CHROMATCH_INLINE std::int32_t float_loop()
{
    using Floats = typename simd::Vector<lanes>::Float;
    Floats factor = Floats{} + 0.5f, sum[sums];
    for (Floats& each : sum)
        each = Floats{} + 1.0f;
    for (int i = 0; i < steps; ++i) {
        CHROMATCH_CHANGED(factor);
#pragma GCC unroll 12
        for (int k = 0; k < sums; ++k)
            sum[k] = sum[k] * factor + factor;
    }
    for (int k = 1; k < sums; ++k)
        sum[0] += sum[k];
    return static_cast<std::int32_t>(sum[0][0]);
}

std::int32_t float_portable()
{
    return float_loop<4>();
}

#if defined(CHROMATCH_X86)
CHROMATCH_AVX2 std::int32_t float_avx2()
{
    return float_loop<8>();
}
CHROMATCH_AVX512 std::int32_t float_avx512()
{
    return float_loop<16>();
}

std::int32_t integer_portable()
{
    __m128i factor = _mm_set1_epi16(3), sum[sums] = {};
    for (int i = 0; i < steps; ++i)
#pragma GCC unroll 12
        for (int k = 0; k < sums; ++k) {
            CHROMATCH_CHANGED(factor);
            sum[k] = _mm_add_epi32(sum[k], _mm_madd_epi16(factor, factor));
        }
    for (int k = 1; k < sums; ++k)
        sum[0] = _mm_add_epi32(sum[0], sum[k]);
    return _mm_cvtsi128_si32(sum[0]);
}
CHROMATCH_AVX2 std::int32_t integer_avx2()
{
    __m256i factor = _mm256_set1_epi16(3), sum[sums] = {};
    for (int i = 0; i < steps; ++i)
#pragma GCC unroll 12
        for (int k = 0; k < sums; ++k) {
            CHROMATCH_CHANGED(factor);
            sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(factor, factor));
        }
    for (int k = 1; k < sums; ++k)
        sum[0] = _mm256_add_epi32(sum[0], sum[k]);
    return _mm256_cvtsi256_si32(sum[0]);
}
CHROMATCH_AVX512 std::int32_t integer_avx512()
{
    __m512i factor = _mm512_set1_epi16(3), sum[sums] = {};
    for (int i = 0; i < steps; ++i) {
        CHROMATCH_CHANGED(factor);
#pragma GCC unroll 12
        for (int k = 0; k < sums; ++k)
            sum[k] = _mm512_dpwssd_epi32(sum[k], factor, factor);
    }
    for (int k = 1; k < sums; ++k)
        sum[0] = _mm512_add_epi32(sum[0], sum[k]);
    return _mm512_cvtsi512_si32(sum[0]);
}
#else
std::int32_t integer_portable()
{
    typedef std::int32_t Ints __attribute__((vector_size(16)));
    Ints factor = Ints{} + 3, sum[sums] = {};
    for (int i = 0; i < steps; ++i)
        for (int k = 0; k < sums; ++k) {
            asm volatile("" : "+w"(factor));
            sum[k] += factor * factor;
        }
    for (int k = 1; k < sums; ++k)
        sum[0] += sum[k];
    return sum[0][0];
}
#endif
