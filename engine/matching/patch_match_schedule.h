// SPDX-License-Identifier: GPL-3.0-or-later
//
// What PatchMatch tries, and in which order; shared by the CPU's and the CUDA device's implementation, so that both
// find the same field, bit for bit.
//
// An iteration is two half sweeps, over the pixels of one colour of a chessboard each (Galliani, Lasinger and
// Schindler, "Massively parallel multiview stereopsis by surface normal diffusion", ICCV 2015). A pixel tries the
// matches of neighbours at odd distances, which are all of the other colour, then random places around its match in
// windows of falling size. No pixel reads what the same half sweep writes, so the pixels can be done in any order.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define CHROMATCH_SHARED __host__ __device__ inline
#else
#define CHROMATCH_SHARED inline
#endif

namespace chromatch::schedule {

/// Distances of the neighbours whose matches are tried, in this order; all odd. Each is tried up, down, left, right.
constexpr int jump_count = 1;
constexpr int jumps[jump_count] = {1};

/// The search starts on maps that were halved: averaged over 2 x 2 pixels, again and again while no side is smaller
/// than smallest_side, at least once and until there are no more pixel pairs than exact_start_pairs. There exact search
/// finds the matches, or, where the sides forbid to go so far, PatchMatch from a random start. Each finer level starts
/// from the matches of the coarser one, carried up: pixel (y, x) from twice the match of (y / 2, x / 2), plus (y % 2, x
/// % 2).
constexpr int smallest_side = 8;
constexpr double exact_start_pairs = 128.0 * 128.0 * 128.0 * 128.0;

constexpr bool can_be_halved(int target_height, int target_width, int height, int width)
{
    return target_height >= smallest_side && target_width >= smallest_side && height >= smallest_side &&
           width >= smallest_side;
}
constexpr bool can_start_exactly(int target_height, int target_width, int height, int width)
{
    return double(target_height) * target_width * (double(height) * width) <= exact_start_pairs;
}

/// A 32-bit hash without fixed structure ("lowbias32", Wellons 2018).
CHROMATCH_SHARED std::uint32_t mix(std::uint32_t value)
{
    value ^= value >> 16;
    value *= 0x7feb352du;
    value ^= value >> 15;
    value *= 0x846ca68bu;
    return value ^ (value >> 16);
}

/// What the random numbers of a half sweep begin with. `sweep`: 0 for the start, then 1, 2, ...
CHROMATCH_SHARED std::uint32_t sweep_seed(std::uint64_t seed, std::uint32_t sweep)
{
    return mix(static_cast<std::uint32_t>(seed) + mix(static_cast<std::uint32_t>(seed >> 32) + mix(sweep + 1)));
}

/// The random numbers of one pixel in one half sweep.
struct Random {
    std::uint32_t state;

    /// pixel: y * width + x.
    CHROMATCH_SHARED Random(std::uint32_t of_sweep, std::uint32_t pixel) : state(mix(of_sweep ^ mix(pixel))) {}

    CHROMATCH_SHARED std::uint32_t next() { return state = mix(state + 0x9e3779b9u); }
};

/// Maps 32 random bits to [0, count).
CHROMATCH_SHARED std::uint32_t below(std::uint32_t random, std::uint32_t count)
{
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(random) * count) >> 32);
}

/// The upper and the lower half of 32 random bits as numbers in [0, count), count <= 65536.
CHROMATCH_SHARED std::uint32_t upper_below(std::uint32_t random, std::uint32_t count)
{
    return ((random >> 16) * count) >> 16;
}
CHROMATCH_SHARED std::uint32_t lower_below(std::uint32_t random, std::uint32_t count)
{
    return ((random & 0xffffu) * count) >> 16;
}

} // namespace chromatch::schedule
