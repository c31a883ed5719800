// SPDX-License-Identifier: GPL-3.0-or-later
//
// GCC vector extensions and the choice of an instruction set at run time. A kernel is a template over the number of
// lanes, marked CHROMATCH_INLINE, and inlined into one function for each instruction set. Vectors are handed over by
// reference only: by value their ABI would depend on the instruction set.
#pragma once

#include <atomic>

#define CHROMATCH_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#define CHROMATCH_X86 1
#define CHROMATCH_AVX2 __attribute__((target("avx2,fma")))
#define CHROMATCH_AVX512 __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx2,fma")))
#endif

namespace chromatch::simd {

/// The vector of so many floats; at any address. Templates take the lanes, never the type: as a template argument it
/// would lose its alignment.
template <int lanes> struct Vector;
template <> struct Vector<1> {
    typedef float Float;
};
template <> struct Vector<4> {
    typedef float Float __attribute__((vector_size(16), aligned(4), may_alias));
};
template <> struct Vector<8> {
    typedef float Float __attribute__((vector_size(32), aligned(4), may_alias));
};
template <> struct Vector<16> {
    typedef float Float __attribute__((vector_size(64), aligned(4), may_alias));
};

/// AVX-512 with VNNI, which all but its first machines have. These run the AVX2 code.
enum class Level { baseline, avx2, avx512 };

/// No level above this one is used; for tests and benches.
inline std::atomic<Level> limit{Level::avx512};

/// The instruction set to use: the machine's best, up to `limit`.
inline Level level()
{
#if defined(CHROMATCH_X86)
    static const Level best = [] {
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512vnni"))
            return Level::avx512;
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? Level::avx2 : Level::baseline;
    }();
    return best < limit ? best : limit.load();
#else
    return Level::baseline;
#endif
}

} // namespace chromatch::simd
