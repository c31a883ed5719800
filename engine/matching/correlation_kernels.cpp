// SPDX-License-Identifier: GPL-3.0-or-later
//
// The kernels are written once, in correlation_kernels.inc, and compiled for each instruction set: the pragmas make
// every function between them use it. What comes from other headers is compiled before, for all machines.
#include "matching/correlation_kernels.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#if defined(CHROMATCH_X86)
#include <immintrin.h>
#endif

#define CHROMATCH_LANES 4
namespace chromatch::portable {
#include "matching/correlation_kernels.inc"
}
#undef CHROMATCH_LANES

#if defined(CHROMATCH_X86)
#pragma GCC push_options
#pragma GCC target("avx2")
#define CHROMATCH_LANES 8
namespace chromatch::avx2 {
#include "matching/correlation_kernels.inc"
}
#undef CHROMATCH_LANES
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx512vnni,avx2")
#define CHROMATCH_LANES 16
namespace chromatch::avx512 {
#include "matching/correlation_kernels.inc"
}
#undef CHROMATCH_LANES
#pragma GCC pop_options
#endif

namespace chromatch {

const CorrelationKernels& correlation_kernels()
{
#if defined(CHROMATCH_X86)
    switch (simd::level()) {
    case simd::Level::avx512:
        return avx512::kernels;
    case simd::Level::avx2:
        return avx2::kernels;
    case simd::Level::baseline:
        break;
    }
#endif
    return portable::kernels;
}

} // namespace chromatch
