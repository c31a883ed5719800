// SPDX-License-Identifier: GPL-3.0-or-later
//
// The inner loops of the matchers, once for each instruction set, with the same outcome.
#pragma once

#include "matching/fixed_point.h"
#include "matching/nearest_neighbour_field.h"
#include "matching/patch_match_schedule.h"
#include "matching/simd.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <vector>

namespace chromatch {

/// The factors that make the mean of so many summed correlations, [-1, 1].
struct MeanFactors {
    float of[26]; // by the number of pixels that were summed

    explicit MeanFactors(int patch)
    {
        const double scale = fixed_point_scale(patch);
        of[0] = 0.0f;
        for (int count = 1; count < 26; ++count)
            of[count] = static_cast<float>(1.0 / (count * scale * scale));
    }
};

/// The distance that belongs to a mean correlation, [0, 4].
inline float distance_of(float score)
{
    return std::clamp(2.0f - 2.0f * score, 0.0f, 4.0f);
}

/// Memory that begins at a cache line, so that vectors do not lie across two.
template <class T> struct CacheLineAllocator {
    using value_type = T;
    static constexpr std::align_val_t alignment{64};

    CacheLineAllocator() = default;
    template <class U> CacheLineAllocator(const CacheLineAllocator<U>&) {}
    T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
    void deallocate(T* memory, std::size_t) { ::operator delete(memory, alignment); }
    bool operator==(const CacheLineAllocator&) const { return true; }
};
template <class T> using AlignedVector = std::vector<T, CacheLineAllocator<T>>;

// ------------------------------------------------------------------------------------------------- exact search

/// The best partner so far of every pixel of a map.
struct Best {
    AlignedVector<float> score; // mean correlation
    std::vector<std::uint32_t> index;

    explicit Best(std::size_t count) : score(count, -std::numeric_limits<float>::infinity()), index(count, 0) {}

    /// A total order, so that the result does not depend on the order of the comparisons.
    void offer(std::size_t pixel, float candidate, std::uint32_t candidate_index)
    {
        if (candidate > score[pixel] || (candidate == score[pixel] && candidate_index < index[pixel])) {
            score[pixel] = candidate;
            index[pixel] = candidate_index;
        }
    }
};

/// One pair of maps; read by all threads.
struct ExactProblem {
    const std::int16_t* target;
    int target_height, target_width;
    int height, width, channels; // of the reference
    int radius;
    int padded;                         // width, rounded up to whole panels
    int block;                          // target columns of one tile, without their halo
    AlignedVector<std::int16_t> packed; // reference: row, panel, pair of channels, column in the panel; zeros beyond
    AlignedVector<float> scale;         // [left][right][rows] -> padded mean factors
    AlignedVector<float> bias;          // padded values: 0, or minus infinity where no match may be; one row, or each
    bool masked;
    bool reverse;

    const std::int16_t* target_pixel(int y, int x) const
    {
        return target + (static_cast<std::size_t>(y) * target_width + x) * channels;
    }
    const std::int16_t* packed_row(int y) const
    {
        return packed.data() + static_cast<std::size_t>(y) * padded * channels;
    }
    const float* bias_row(int y) const { return bias.data() + (masked ? static_cast<std::size_t>(y) * padded : 0); }
    const float* scale_row(int left, int right, int rows) const
    {
        const int row = (left * (radius + 1) + right) * (2 * radius + 2) + rows;
        return scale.data() + static_cast<std::size_t>(row) * padded;
    }
};

constexpr int tile_guard = 16; // zeros on both sides of a tile's rows: at least the patch radius

/// One thread's memory for one tile's walk along a diagonal.
struct ExactWorkspace {
    int stride;                          // of a tile row
    AlignedVector<std::int32_t> product; // block + 4 * radius rows of pixel correlations, with guards
    AlignedVector<std::int32_t> summed;  // ring of 2 * radius + 1 tiles, summed along the pixel diagonal
    AlignedVector<std::int32_t> zeros;
    AlignedVector<float> row; // scores of one target pixel

    explicit ExactWorkspace(const ExactProblem& problem)
        : stride(problem.padded + 2 * tile_guard),
          product(static_cast<std::size_t>(problem.block + 4 * problem.radius) * stride),
          summed(static_cast<std::size_t>(2 * problem.radius + 1) * problem.block * problem.padded),
          zeros(problem.padded), row(problem.padded)
    {
    }
    std::int32_t* tile(const ExactProblem& problem, int i)
    {
        return summed.data() + static_cast<std::size_t>(i) * problem.block * problem.padded;
    }
};

/// All row pairs (y, y + diagonal) for the target columns [first, last). `reverse`: of the reference's rows of `padded`
/// pixels; used where the problem asks for it.
using WalkDiagonal = void (*)(const ExactProblem&, int diagonal, int first, int last, ExactWorkspace&, Best& forward,
                              Best& reverse);

// -------------------------------------------------------------------------------------------------- PatchMatch

/// One pair of maps; read by all threads.
struct SearchProblem {
    const std::int16_t* target;
    const std::int16_t* reference;
    int target_height, target_width, height, width, channels;
    int radius;
    const std::uint8_t* mask;
    const std::vector<std::uint32_t>* allowed; // with a mask: the indices of the pixels it leaves
    MeanFactors factors;

    const std::int16_t* target_pixel(int y, int x) const
    {
        return target + (static_cast<std::size_t>(y) * target_width + x) * channels;
    }
    const std::int16_t* reference_pixel(int y, int x) const
    {
        return reference + (static_cast<std::size_t>(y) * width + x) * channels;
    }
};

/// For every target pixel its match and the mean correlation of the two patches.
struct SearchState {
    std::vector<Coordinate> match;
    std::vector<float> score;
};

/// Scores the matches of the rows [first, last).
using ScoreRows = void (*)(const SearchProblem&, SearchState&, int first, int last);
/// One half sweep (patch_match_schedule.h) over the pixels of `colour` in the rows [first, last).
using HalfSweep = void (*)(const SearchProblem&, SearchState&, int first, int last, int colour,
                           std::uint32_t random_seed);

struct CorrelationKernels {
    int panel; ///< reference columns of one panel
    WalkDiagonal walk_diagonal;
    ScoreRows score_rows;
    HalfSweep half_sweep;
};

/// Those of simd::level().
const CorrelationKernels& correlation_kernels();

} // namespace chromatch
