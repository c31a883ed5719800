// SPDX-License-Identifier: GPL-3.0-or-later
//
// Exact nearest patches. The correlation of two patches is the sum of pixel correlations along a diagonal: with
// C(t, r) = <target pixel t, reference pixel r>, a 3x3 patch at (t, r) sums C(t + d, r + d) over its nine offsets d. So
// the pixel products are made once (an N x M x channels matrix product) and box-summed along the diagonal, a ninth of
// the work of comparing whole patches.
//
// The full N x M matrix is never there. The walk goes along one diagonal of row pairs (ty + i, ry + i) at a time: each
// step multiplies one target row with one reference row (a tile of some 16 KiB), sums it along the pixel diagonal, and
// keeps the last `patch` tiles to sum them vertically. Everything stays in the first two cache levels.
#include "matching/exact_search.h"

#include "chromatch.h"
#include "matching/match_checks.h"
#include "matching/parallel.h"
#include "matching/simd.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

namespace chromatch {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();
constexpr int guard = 16;          // zeros on both sides of a tile's rows: at least the patch radius
constexpr int tile_values = 16384; // 64 KiB

int round_up(int value, int step)
{
    return (value + step - 1) / step * step;
}

/// The best reference pixel so far of every target pixel.
struct Best {
    std::vector<float> score; // mean correlation
    std::vector<std::uint32_t> index;

    explicit Best(std::size_t count) : score(count, minus_infinity), index(count, 0) {}

    /// A total order, so that the result does not depend on the order of the comparisons.
    void offer(std::size_t pixel, float candidate, std::uint32_t candidate_index)
    {
        if (candidate > score[pixel] || (candidate == score[pixel] && candidate_index < index[pixel])) {
            score[pixel] = candidate;
            index[pixel] = candidate_index;
        }
    }
};

/// Read by all threads.
struct Problem {
    FeatureMap target;
    int height, width, channels; // of the reference
    int radius;
    int panel;                 // reference columns that one kernel call handles
    int padded;                // width, rounded up to whole panels
    int block;                 // target columns of one tile, without their halo
    std::vector<float> packed; // reference: row, panel, channel, column in the panel; zeros beyond the width
    std::vector<float> scale;  // [left][right][rows] -> padded factors 1 / (number of offsets inside both maps)
    std::vector<float> bias;   // padded values: 0, or minus infinity where no match may be; one row, or one for each
    bool masked;

    const float* packed_row(int y) const { return packed.data() + static_cast<std::size_t>(y) * padded * channels; }
    const float* bias_row(int y) const { return bias.data() + (masked ? static_cast<std::size_t>(y) * padded : 0); }
    const float* scale_row(int left, int right, int rows) const
    {
        const int row = (left * (radius + 1) + right) * (2 * radius + 2) + rows;
        return scale.data() + static_cast<std::size_t>(row) * padded;
    }
};

void pack_reference(const FeatureMap& reference, int threads, Problem& problem)
{
    const int panel = problem.panel, channels = problem.channels;
    problem.packed.assign(static_cast<std::size_t>(problem.height) * problem.padded * channels, 0.0f);
    parallel_for(problem.height, 8, threads, [&](int first, int last) {
        for (int y = first; y < last; ++y) {
            float* row = problem.packed.data() + static_cast<std::size_t>(y) * problem.padded * channels;
            for (int x = 0; x < problem.width; ++x) {
                const float* from = reference.at(y, x);
                float* to = row + static_cast<std::size_t>(x / panel) * panel * channels + x % panel;
                for (int c = 0; c < channels; ++c)
                    to[static_cast<std::size_t>(c) * panel] = from[c];
            }
        }
    });
}

void prepare_scale(Problem& problem)
{
    const int radius = problem.radius;
    problem.scale.assign(static_cast<std::size_t>(radius + 1) * (radius + 1) * (2 * radius + 2) * problem.padded, 0);
    for (int left = 0; left <= radius; ++left)
        for (int right = 0; right <= radius; ++right)
            for (int rows = 1; rows <= 2 * radius + 1; ++rows) {
                float* row = const_cast<float*>(problem.scale_row(left, right, rows));
                for (int x = 0; x < problem.width; ++x)
                    row[x] = 1.0f / (rows * (std::min(left, x) + 1 + std::min(right, problem.width - 1 - x)));
            }
}

void prepare_bias(const std::uint8_t* mask, Problem& problem)
{
    problem.masked = mask != nullptr;
    const int rows = problem.masked ? problem.height : 1;
    problem.bias.assign(static_cast<std::size_t>(rows) * problem.padded, minus_infinity);
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < problem.width; ++x)
            if (!problem.masked || mask[static_cast<std::size_t>(y) * problem.width + x] != 0)
                problem.bias[static_cast<std::size_t>(y) * problem.padded + x] = 0.0f;
}

/// One thread's working memory for one tile's walk along a diagonal.
struct Workspace {
    int stride;                             // of a tile row, in floats
    std::vector<float> product;             // block + 2 * radius rows of pixel correlations, with guards
    std::vector<std::vector<float>> summed; // ring of 2 * radius + 1 tiles, summed along the pixel diagonal
    std::vector<float> zeros;

    explicit Workspace(const Problem& problem)
        : stride(problem.padded + 2 * guard),
          product(static_cast<std::size_t>(problem.block + 4 * problem.radius) * stride),
          summed(2 * problem.radius + 1, std::vector<float>(static_cast<std::size_t>(problem.block) * problem.padded)),
          zeros(problem.padded)
    {
    }
};

/// rows x (vectors * lanes) correlations: out[i][j] = sum over c of target[i][c] * panel[c][j]. The sum runs over c in
/// order for every element, so that its value does not depend on where in a block it is.
template <int lanes, int rows, int vectors>
CHROMATCH_INLINE void correlate(const float* const* target, const float* panel, int channels, float* const* out)
{
    using Float = typename simd::Vector<lanes>::Float;
    Float sum[rows][vectors] = {};
    for (int c = 0; c < channels; ++c) {
        Float column[vectors];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
            column[v] = *reinterpret_cast<const Float*>(panel + v * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v)
                sum[i][v] += target[i][c] * column[v];
        }
        panel += vectors * lanes;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
            *reinterpret_cast<Float*>(out[i] + v * lanes) = sum[i][v];
    }
}

/// The correlations of `count` target pixels with one packed reference row.
template <int lanes, int rows, int vectors>
CHROMATCH_INLINE void correlate_tile(const Problem& problem, const float* target, int count, const float* packed,
                                     float* product, int stride)
{
    for (int x = 0; x < problem.padded; x += vectors * lanes) {
        for (int first = 0; first < count; first += rows) {
            // The last block repeats its last pixel: same value to the same place.
            const float* pixel[rows];
            float* out[rows];
            for (int i = 0; i < rows; ++i) {
                const int t = std::min(first + i, count - 1);
                pixel[i] = target + static_cast<std::size_t>(t) * problem.channels;
                out[i] = product + static_cast<std::size_t>(t) * stride + x;
            }
            correlate<lanes, rows, vectors>(pixel, packed + static_cast<std::size_t>(x) * problem.channels,
                                            problem.channels, out);
        }
    }
}

/// summed[t][x] = sum over d of product[t + d][x + d], for `count` target pixels.
template <int lanes, int radius>
CHROMATCH_INLINE void sum_diagonally(const float* product, int stride, int count, int padded, float* summed)
{
    using Float = typename simd::Vector<lanes>::Float;
    for (int t = 0; t < count; ++t) {
        const float* row = product + static_cast<std::ptrdiff_t>(t) * stride;
        for (int x = 0; x < padded; x += lanes) {
            Float sum = {};
#pragma GCC unroll 5
            for (int d = -radius; d <= radius; ++d)
                sum += *reinterpret_cast<const Float*>(row + static_cast<std::ptrdiff_t>(d) * stride + x + d);
            *reinterpret_cast<Float*>(summed + static_cast<std::size_t>(t) * padded + x) = sum;
        }
    }
}

template <int lanes> CHROMATCH_INLINE float maximum(const typename simd::Vector<lanes>::Float& value)
{
    if constexpr (lanes == 4) {
        const float low = value[0] > value[1] ? value[0] : value[1];
        const float high = value[2] > value[3] ? value[2] : value[3];
        return low > high ? low : high;
    } else {
        using Half = typename simd::Vector<lanes / 2>::Float;
        const Half low = *reinterpret_cast<const Half*>(&value);
        const Half high = *(reinterpret_cast<const Half*>(&value) + 1);
        const Half larger = low > high ? low : high;
        return maximum<lanes / 2>(larger);
    }
}

/// Offers a target pixel all reference pixels of one row. `rows`: the tiles of the patch, `scale`, `bias`: see Problem.
template <int lanes, int radius>
CHROMATCH_INLINE void choose(const float* const* rows, const float* scale, const float* bias, const Problem& problem,
                             std::size_t pixel, int y, Best& best)
{
    using Float = typename simd::Vector<lanes>::Float;
    const auto score = [&](int x, Float& sum) __attribute__((always_inline)) {
        sum = *reinterpret_cast<const Float*>(rows[0] + x);
#pragma GCC unroll 4
        for (int d = 1; d <= 2 * radius; ++d)
            sum += *reinterpret_cast<const Float*>(rows[d] + x);
        sum = sum * *reinterpret_cast<const Float*>(scale + x) + *reinterpret_cast<const Float*>(bias + x);
    };
    Float largest;
    score(0, largest);
    for (int x = lanes; x < problem.padded; x += lanes) {
        Float value;
        score(x, value);
        largest = value > largest ? value : largest;
    }
    if (!(maximum<lanes>(largest) >= best.score[pixel]))
        return;
    for (int x = 0; x < problem.padded; x += lanes) {
        Float value;
        score(x, value);
        for (int lane = 0; lane < lanes && x + lane < problem.width; ++lane)
            best.offer(pixel, value[lane], static_cast<std::uint32_t>(y) * problem.width + x + lane);
    }
}

/// All row pairs (ty, ty + diagonal), for the target columns [first, last).
template <int lanes, int kernel_rows, int vectors, int radius>
CHROMATCH_INLINE void walk_diagonal(const Problem& problem, int diagonal, int first, int last, Workspace& work,
                                    Best& best)
{
    const FeatureMap& target = problem.target;
    const int count = last - first, ring = 2 * radius + 1;
    const int with_halo_first = std::max(0, first - radius), with_halo_last = std::min(target.width, last + radius);
    // Where the block lies at the map's border, the halo's rows stay zero.
    std::fill(work.product.begin(), work.product.end(), 0.0f);
    float* const origin = work.product.data() + static_cast<std::size_t>(radius) * work.stride + guard;
    float* const product = origin + static_cast<std::ptrdiff_t>(with_halo_first - first) * work.stride;

    const int start = std::max(0, -diagonal), end = std::min(target.height, problem.height - diagonal);
    for (int step = start; step < end + radius; ++step) {
        if (step < end) {
            correlate_tile<lanes, kernel_rows, vectors>(problem, target.at(step, with_halo_first),
                                                        with_halo_last - with_halo_first,
                                                        problem.packed_row(step + diagonal), product, work.stride);
            sum_diagonally<lanes, radius>(origin, work.stride, count, problem.padded, work.summed[step % ring].data());
        }
        const int ty = step - radius;
        if (ty < start)
            continue;
        const int inside = std::min(end - 1, ty + radius) - std::max(start, ty - radius) + 1;
        for (int t = 0; t < count; ++t) {
            const float* rows[ring];
            for (int d = -radius; d <= radius; ++d) {
                const bool there = ty + d >= start && ty + d < end;
                rows[d + radius] =
                    there ? work.summed[(ty + d) % ring].data() + static_cast<std::size_t>(t) * problem.padded
                          : work.zeros.data();
            }
            const int tx = first + t;
            const float* scale =
                problem.scale_row(std::min(tx, radius), std::min(target.width - 1 - tx, radius), inside);
            choose<lanes, radius>(rows, scale, problem.bias_row(ty + diagonal), problem,
                                  static_cast<std::size_t>(ty) * target.width + tx, ty + diagonal, best);
        }
    }
}

template <int lanes, int kernel_rows, int vectors>
CHROMATCH_INLINE void walk_any_radius(const Problem& problem, int diagonal, int first, int last, Workspace& work,
                                      Best& best)
{
    if (problem.radius == 0)
        walk_diagonal<lanes, kernel_rows, vectors, 0>(problem, diagonal, first, last, work, best);
    else if (problem.radius == 1)
        walk_diagonal<lanes, kernel_rows, vectors, 1>(problem, diagonal, first, last, work, best);
    else
        walk_diagonal<lanes, kernel_rows, vectors, 2>(problem, diagonal, first, last, work, best);
}

// The block of sums fills about half of the vector registers: 16 of 32, 12 of 16, 8 of 16.
void walk_baseline(const Problem& problem, int diagonal, int first, int last, Workspace& work, Best& best)
{
    walk_any_radius<4, 4, 2>(problem, diagonal, first, last, work, best);
}
#if defined(CHROMATCH_X86)
CHROMATCH_AVX2 void walk_avx2(const Problem& problem, int diagonal, int first, int last, Workspace& work, Best& best)
{
    walk_any_radius<8, 6, 2>(problem, diagonal, first, last, work, best);
}
CHROMATCH_AVX512 void walk_avx512(const Problem& problem, int diagonal, int first, int last, Workspace& work,
                                  Best& best)
{
    walk_any_radius<16, 8, 2>(problem, diagonal, first, last, work, best);
}
#endif

using Walk = void (*)(const Problem&, int, int, int, Workspace&, Best&);

/// The walk for this machine, and how many reference columns its kernel takes at once.
Walk choose_walk(int& panel)
{
#if defined(CHROMATCH_X86)
    switch (simd::level()) {
    case simd::Level::avx512:
        panel = 32;
        return walk_avx512;
    case simd::Level::avx2:
        panel = 16;
        return walk_avx2;
    case simd::Level::baseline:
        break;
    }
#endif
    panel = 8;
    return walk_baseline;
}

/// The columns of a tile: as many as keep it small, evenly spread over the width.
int choose_block(int width, int padded)
{
    const int most = std::clamp(tile_values / padded, 16, 4096);
    const int blocks = (width + most - 1) / most;
    return (width + blocks - 1) / blocks;
}

NearestNeighbourField to_field(const FeatureMap& target, int reference_width, const Best& best)
{
    NearestNeighbourField field;
    field.height = target.height;
    field.width = target.width;
    field.match.resize(best.index.size());
    field.distance.resize(best.index.size());
    for (std::size_t i = 0; i < best.index.size(); ++i) {
        field.match[i] = {static_cast<std::uint16_t>(best.index[i] / reference_width),
                          static_cast<std::uint16_t>(best.index[i] % reference_width)};
        field.distance[i] = std::clamp(2.0f - 2.0f * best.score[i], 0.0f, 4.0f);
    }
    return field;
}

} // namespace

NearestNeighbourField exact_search(const FeatureMap& target, const FeatureMap& reference, const MatchOptions& options)
{
    check_matching(target, reference, options);
    Problem problem;
    const Walk walk = choose_walk(problem.panel);
    problem.target = target;
    problem.height = reference.height;
    problem.width = reference.width;
    problem.channels = reference.channels;
    problem.radius = options.patch / 2;
    problem.padded = round_up(reference.width, problem.panel);
    problem.block = choose_block(target.width, problem.padded);
    pack_reference(reference, options.threads, problem);
    prepare_scale(problem);
    prepare_bias(options.reference_mask, problem);

    const int blocks = (target.width + problem.block - 1) / problem.block;
    const int diagonals = target.height + reference.height - 1;
    const std::size_t pixels = static_cast<std::size_t>(target.height) * target.width;
    const int workers = thread_count(options.threads, diagonals);
    std::vector<Best> best(workers, Best(pixels));
    std::atomic<int> next{0};
    run_workers(workers, [&](int worker) {
        Workspace work(problem);
        for (int item = next++; item < diagonals * blocks; item = next++) {
            const int first = item % blocks * problem.block;
            walk(problem, item / blocks - (target.height - 1), first, std::min(target.width, first + problem.block),
                 work, best[worker]);
        }
    });
    for (int worker = 1; worker < workers; ++worker)
        for (std::size_t i = 0; i < pixels; ++i)
            best[0].offer(i, best[worker].score[i], best[worker].index[i]);
    return to_field(target, reference.width, best[0]);
}

} // namespace chromatch
