// SPDX-License-Identifier: GPL-3.0-or-later
//
// What this machine can do at most, measured now: bare loops on registers and a large copy, on all threads at once.
// A multiplication and the addition of its product are two operations.
#pragma once

#include "matching/simd.h"

#include <vector>

namespace chromatch {

const char* name_of(simd::Level level); ///< "avx512", "avx2" or "portable"

/// The levels of this machine, the best first.
std::vector<simd::Level> levels();

struct LevelCeilings {
    simd::Level level;
    double float_operations;   ///< a second: float32 fused multiply-add; multiplication and addition where portable
    double integer_operations; ///< a second: 16-bit products added in 32 bits (vpdpwssd; vpmaddwd and vpaddd)
};

struct Ceilings {
    int threads;
    std::vector<LevelCeilings> levels;
    double copied_bytes; ///< a second, read and written

    const LevelCeilings& of(simd::Level level) const;
};

/// threads: 0 for all cores. Takes about two seconds.
Ceilings measure_ceilings(int threads);

} // namespace chromatch
