// SPDX-License-Identifier: GPL-3.0-or-later
//
// Barnes, Shechtman, Finkelstein and Goldman, "PatchMatch: a randomized correspondence algorithm for structural image
// editing", SIGGRAPH 2009. Two things are different from the paper:
// - Every pixel keeps the correlations of its patch's pixels with its match's. A neighbour's match, moved by the step
//   between the two, shares all but one row or column of them, so a propagated candidate costs a third of a patch.
// - The map is cut into bands of 16 rows, whatever the number of threads. A band sees the rows beyond its borders as
//   they were before the sweep, so the bands can run at the same time, in any order, with the same outcome.
#include "matching/patch_match.h"

#include "chromatch.h"
#include "matching/match_checks.h"
#include "matching/parallel.h"
#include "matching/simd.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

namespace chromatch {
namespace {

constexpr int band_rows = 16;

/// splitmix64's output function (Steele, Lea and Flood, OOPSLA 2014).
std::uint64_t mix(std::uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/// Maps 32 random bits to [0, count).
std::uint32_t scale_to(std::uint32_t bits, std::uint32_t count)
{
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bits) * count) >> 32);
}

/// Read by all threads.
struct Problem {
    FeatureMap target, reference;
    int radius;
    std::uint64_t seed;
    const std::uint8_t* mask;
    std::vector<Coordinate> allowed; // with a mask: the pixels it leaves
    float inverse[26];               // 1 / number of offsets inside both maps

    bool may_match(int y, int x) const
    {
        return y >= 0 && y < reference.height && x >= 0 && x < reference.width &&
               (mask == nullptr || mask[static_cast<std::size_t>(y) * reference.width + x] != 0);
    }

    /// Any reference pixel that may be a match.
    Coordinate anywhere(std::uint64_t random) const
    {
        const auto high = static_cast<std::uint32_t>(random >> 32), low = static_cast<std::uint32_t>(random);
        if (mask != nullptr)
            return allowed[scale_to(high, static_cast<std::uint32_t>(allowed.size()))];
        return {static_cast<std::uint16_t>(scale_to(high, reference.height)),
                static_cast<std::uint16_t>(scale_to(low, reference.width))};
    }
};

/// The field in the making: for every target pixel its match, the correlations of the patch's pixels (0 where an offset
/// leaves one of the maps), and their mean.
struct State {
    int width, area; // of the target; of a patch
    std::vector<Coordinate> match;
    std::vector<float> dots;
    std::vector<float> score;

    State(int rows, int columns, int patch_area)
        : width(columns), area(patch_area), match(static_cast<std::size_t>(rows) * columns),
          dots(match.size() * patch_area), score(match.size())
    {
    }
};

/// The offsets of a patch that lie inside both maps: [top, bottom] x [left, right].
struct Window {
    int top, bottom, left, right;

    Window(const Problem& problem, int ty, int tx, int ry, int rx)
        : top(-std::min(problem.radius, std::min(ty, ry))),
          bottom(std::min(problem.radius, std::min(problem.target.height - 1 - ty, problem.reference.height - 1 - ry))),
          left(-std::min(problem.radius, std::min(tx, rx))),
          right(std::min(problem.radius, std::min(problem.target.width - 1 - tx, problem.reference.width - 1 - rx)))
    {
    }
    int count() const { return (bottom - top + 1) * (right - left + 1); }
};

template <int lanes> CHROMATCH_INLINE float total(const typename simd::Vector<lanes>::Float& value)
{
    if constexpr (lanes == 4) {
        return (value[0] + value[2]) + (value[1] + value[3]);
    } else {
        using Half = typename simd::Vector<lanes / 2>::Float;
        const Half sum = *reinterpret_cast<const Half*>(&value) + *(reinterpret_cast<const Half*>(&value) + 1);
        return total<lanes / 2>(sum);
    }
}

/// The dot product of `count` contiguous values, a multiple of 16.
template <int lanes> CHROMATCH_INLINE float dot(const float* p, const float* q, int count)
{
    using Float = typename simd::Vector<lanes>::Float;
    Float even = {}, odd = {};
    int i = 0;
    for (; i + 2 * lanes <= count; i += 2 * lanes) {
        even += *reinterpret_cast<const Float*>(p + i) * *reinterpret_cast<const Float*>(q + i);
        odd += *reinterpret_cast<const Float*>(p + i + lanes) * *reinterpret_cast<const Float*>(q + i + lanes);
    }
    for (; i < count; i += lanes)
        even += *reinterpret_cast<const Float*>(p + i) * *reinterpret_cast<const Float*>(q + i);
    even += odd;
    return total<lanes>(even);
}

/// Moves pixel (y, x) to the candidate if its mean correlation, from the patch's `dots`, is higher.
template <int radius>
CHROMATCH_INLINE void accept(const Problem& problem, State& state, std::size_t pixel, Coordinate candidate,
                             const float* dots, int count)
{
    constexpr int area = (2 * radius + 1) * (2 * radius + 1);
    float sum = 0.0f;
    for (int i = 0; i < area; ++i)
        sum += dots[i];
    const float score = sum * problem.inverse[count];
    if (!(score > state.score[pixel]))
        return;
    state.match[pixel] = candidate;
    state.score[pixel] = score;
    std::copy(dots, dots + area, state.dots.data() + pixel * area);
}

/// All correlations of a patch; zero outside the maps.
template <int lanes, int radius>
CHROMATCH_INLINE void all_dots(const Problem& problem, const Window& window, int ty, int tx, int ry, int rx,
                               float* dots)
{
    std::fill(dots, dots + (2 * radius + 1) * (2 * radius + 1), 0.0f);
    for (int dy = window.top; dy <= window.bottom; ++dy)
        for (int dx = window.left; dx <= window.right; ++dx)
            dots[(dy + radius) * (2 * radius + 1) + dx + radius] = dot<lanes>(
                problem.target.at(ty + dy, tx + dx), problem.reference.at(ry + dy, rx + dx), problem.target.channels);
}

/// Tries a candidate found by chance. A row of the patch is one contiguous dot product; most candidates are given up
/// after the first, when not even perfect other rows could help.
template <int lanes, int radius>
CHROMATCH_INLINE void try_candidate(const Problem& problem, State& state, int ty, int tx, Coordinate candidate)
{
    const std::size_t pixel = static_cast<std::size_t>(ty) * state.width + tx;
    const Window window(problem, ty, tx, candidate.y, candidate.x);
    const int count = window.count(), columns = window.right - window.left + 1;
    float missing = static_cast<float>(count) * (1.0f - state.score[pixel]);
    for (int dy = window.top; dy <= window.bottom; ++dy) {
        const float sum = dot<lanes>(problem.target.at(ty + dy, tx + window.left),
                                     problem.reference.at(candidate.y + dy, candidate.x + window.left),
                                     columns * problem.target.channels);
        missing -= static_cast<float>(columns) - sum;
        if (missing < -1e-4f)
            return;
    }
    float dots[(2 * radius + 1) * (2 * radius + 1)];
    all_dots<lanes, radius>(problem, window, ty, tx, candidate.y, candidate.x, dots);
    accept<radius>(problem, state, pixel, candidate, dots, count);
}

/// Tries the match of the neighbour at (ty - step_y, tx - step_x), moved by the step. The neighbour's correlation at
/// offset d + step is this pixel's at d: the same two pixels.
template <int lanes, int radius>
CHROMATCH_INLINE void propagate(const Problem& problem, State& state, int ty, int tx, int step_y, int step_x,
                                const Coordinate& neighbour, const float* neighbour_dots)
{
    constexpr int side = 2 * radius + 1;
    const int ry = neighbour.y + step_y, rx = neighbour.x + step_x;
    const std::size_t pixel = static_cast<std::size_t>(ty) * state.width + tx;
    const Coordinate candidate{static_cast<std::uint16_t>(ry), static_cast<std::uint16_t>(rx)};
    if (!problem.may_match(ry, rx) || candidate == state.match[pixel])
        return;
    const Window window(problem, ty, tx, ry, rx);
    const int channels = problem.target.channels;
    float dots[side * side];
    for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
            float& value = dots[(dy + radius) * side + dx + radius];
            const int from_y = dy + step_y, from_x = dx + step_x;
            if (std::abs(from_y) <= radius && std::abs(from_x) <= radius)
                value = neighbour_dots[(from_y + radius) * side + from_x + radius];
            else if (dy >= window.top && dy <= window.bottom && dx >= window.left && dx <= window.right)
                value =
                    dot<lanes>(problem.target.at(ty + dy, tx + dx), problem.reference.at(ry + dy, rx + dx), channels);
            else
                value = 0.0f;
        }
    accept<radius>(problem, state, pixel, candidate, dots, window.count());
}

/// Random search around the best match so far, in windows of halving size.
template <int lanes, int radius>
CHROMATCH_INLINE void search(const Problem& problem, State& state, int ty, int tx, int iteration)
{
    const std::size_t pixel = static_cast<std::size_t>(ty) * state.width + tx;
    std::uint64_t random = mix(problem.seed ^ mix(static_cast<std::uint64_t>(iteration + 1) << 40 ^ pixel));
    const int largest = std::max(problem.reference.height, problem.reference.width);
    for (int reach = largest; reach >= 1; reach /= 2) {
        random = mix(random);
        const Coordinate best = state.match[pixel];
        Coordinate candidate;
        if (reach == largest) {
            candidate = problem.anywhere(random);
        } else {
            const int top = std::max(0, best.y - reach), left = std::max(0, best.x - reach);
            const int bottom = std::min(problem.reference.height - 1, best.y + reach);
            const int right = std::min(problem.reference.width - 1, best.x + reach);
            const auto high = static_cast<std::uint32_t>(random >> 32), low = static_cast<std::uint32_t>(random);
            candidate = {static_cast<std::uint16_t>(top + scale_to(high, bottom - top + 1)),
                         static_cast<std::uint16_t>(left + scale_to(low, right - left + 1))};
        }
        if (candidate != best && problem.may_match(candidate.y, candidate.x))
            try_candidate<lanes, radius>(problem, state, ty, tx, candidate);
    }
}

/// One sweep over the rows [first, last), forwards or backwards. `before` holds, for the row that comes before the
/// band in the sweep's direction, its state before the sweep; null at the map's border.
template <int lanes, int radius>
CHROMATCH_INLINE void sweep(const Problem& problem, State& state, int first, int last, int iteration,
                            const State* before)
{
    const int step = iteration % 2 == 0 ? 1 : -1, height = last - first, width = problem.target.width;
    for (int i = 0; i < height; ++i) {
        const int y = step > 0 ? first + i : last - 1 - i;
        for (int j = 0; j < width; ++j) {
            const int x = step > 0 ? j : width - 1 - j;
            if (j > 0) {
                const std::size_t beside = static_cast<std::size_t>(y) * width + x - step;
                propagate<lanes, radius>(problem, state, y, x, 0, step, state.match[beside],
                                         state.dots.data() + beside * state.area);
            }
            if (i > 0) {
                const std::size_t above = static_cast<std::size_t>(y - step) * width + x;
                propagate<lanes, radius>(problem, state, y, x, step, 0, state.match[above],
                                         state.dots.data() + above * state.area);
            } else if (before != nullptr) {
                propagate<lanes, radius>(problem, state, y, x, step, 0, before->match[x],
                                         before->dots.data() + static_cast<std::size_t>(x) * state.area);
            }
            search<lanes, radius>(problem, state, y, x, iteration);
        }
    }
}

/// The score of the matches that the search starts from.
template <int lanes, int radius>
CHROMATCH_INLINE void score_rows(const Problem& problem, State& state, int first, int last)
{
    for (int y = first; y < last; ++y)
        for (int x = 0; x < state.width; ++x) {
            const std::size_t pixel = static_cast<std::size_t>(y) * state.width + x;
            const Coordinate match = state.match[pixel];
            const Window window(problem, y, x, match.y, match.x);
            float dots[(2 * radius + 1) * (2 * radius + 1)];
            all_dots<lanes, radius>(problem, window, y, x, match.y, match.x, dots);
            state.score[pixel] = -2.0f; // below every mean correlation
            accept<radius>(problem, state, pixel, match, dots, window.count());
        }
}

/// A band's work in one iteration; iteration -1 scores the start.
template <int lanes>
CHROMATCH_INLINE void run_band(const Problem& problem, State& state, int first, int last, int iteration,
                               const State* before)
{
    const auto with_radius = [&](auto radius) __attribute__((always_inline)) {
        if (iteration < 0)
            score_rows<lanes, decltype(radius)::value>(problem, state, first, last);
        else
            sweep<lanes, decltype(radius)::value>(problem, state, first, last, iteration, before);
    };
    if (problem.radius == 0)
        with_radius(std::integral_constant<int, 0>());
    else if (problem.radius == 1)
        with_radius(std::integral_constant<int, 1>());
    else
        with_radius(std::integral_constant<int, 2>());
}

using RunBand = void (*)(const Problem&, State&, int, int, int, const State*);

void run_band_baseline(const Problem& problem, State& state, int first, int last, int iteration, const State* before)
{
    run_band<4>(problem, state, first, last, iteration, before);
}
#if defined(CHROMATCH_X86)
CHROMATCH_AVX2 void run_band_avx2(const Problem& problem, State& state, int first, int last, int iteration,
                                  const State* before)
{
    run_band<8>(problem, state, first, last, iteration, before);
}
CHROMATCH_AVX512 void run_band_avx512(const Problem& problem, State& state, int first, int last, int iteration,
                                      const State* before)
{
    run_band<16>(problem, state, first, last, iteration, before);
}
#endif

RunBand choose_run_band()
{
#if defined(CHROMATCH_X86)
    if (simd::level() == simd::Level::avx512)
        return run_band_avx512;
    if (simd::level() == simd::Level::avx2)
        return run_band_avx2;
#endif
    return run_band_baseline;
}

/// Where the search starts: the given field where it may match, else by chance.
void start(const Problem& problem, const NearestNeighbourField* initial, State& state)
{
    for (std::size_t pixel = 0; pixel < state.match.size(); ++pixel) {
        state.match[pixel] = problem.anywhere(mix(problem.seed ^ mix(pixel)));
        if (initial != nullptr && problem.may_match(initial->match[pixel].y, initial->match[pixel].x))
            state.match[pixel] = initial->match[pixel];
    }
}

/// A copy of one row.
State copy_row(const State& state, int y)
{
    State row(1, state.width, state.area);
    const auto first = static_cast<std::ptrdiff_t>(y) * state.width;
    std::copy_n(state.match.begin() + first, state.width, row.match.begin());
    std::copy_n(state.dots.begin() + first * state.area, row.dots.size(), row.dots.begin());
    return row;
}

void run_iteration(const Problem& problem, State& state, int iteration, int threads, RunBand run)
{
    const int height = problem.target.height, bands = (height + band_rows - 1) / band_rows;
    const bool forwards = iteration % 2 == 0;
    std::vector<State> before; // for band i the row before it, in the sweep's direction
    for (int band = 0; band < bands && iteration >= 0; ++band) {
        const int row = forwards ? band * band_rows - 1 : (band + 1) * band_rows;
        before.push_back(row >= 0 && row < height ? copy_row(state, row) : State(0, state.width, state.area));
    }
    parallel_for(height, band_rows, threads, [&](int first, int last) {
        const State* row = iteration >= 0 ? &before[first / band_rows] : nullptr;
        run(problem, state, first, last, iteration, row != nullptr && !row->match.empty() ? row : nullptr);
    });
}

void check_options(const FeatureMap& target, const PatchMatchOptions& options)
{
    if (options.iterations < 0)
        throw Error(ErrorCode::bad_option,
                    "PatchMatch cannot do " + std::to_string(options.iterations) + " iterations");
    if (options.initial != nullptr &&
        (options.initial->height != target.height || options.initial->width != target.width ||
         options.initial->match.size() != static_cast<std::size_t>(target.height) * target.width))
        throw Error(ErrorCode::bad_option, "the initial field of " + std::to_string(options.initial->height) + " x " +
                                               std::to_string(options.initial->width) + " does not fit a target of " +
                                               std::to_string(target.height) + " x " + std::to_string(target.width));
}

} // namespace

NearestNeighbourField patch_match(const FeatureMap& target, const FeatureMap& reference,
                                  const PatchMatchOptions& options)
{
    check_matching(target, reference, options);
    check_options(target, options);
    Problem problem{target, reference, options.patch / 2, options.seed, options.reference_mask, {}, {}};
    for (int count = 1; count <= 25; ++count)
        problem.inverse[count] = 1.0f / static_cast<float>(count);
    if (problem.mask != nullptr)
        for (int y = 0; y < reference.height; ++y)
            for (int x = 0; x < reference.width; ++x)
                if (problem.may_match(y, x))
                    problem.allowed.push_back({static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(x)});

    State state(target.height, target.width, options.patch * options.patch);
    start(problem, options.initial, state);
    const RunBand run = choose_run_band();
    for (int iteration = -1; iteration < options.iterations; ++iteration)
        run_iteration(problem, state, iteration, options.threads, run);

    NearestNeighbourField field;
    field.height = target.height;
    field.width = target.width;
    field.distance.resize(state.score.size());
    for (std::size_t i = 0; i < state.score.size(); ++i)
        field.distance[i] = std::clamp(2.0f - 2.0f * state.score[i], 0.0f, 4.0f);
    field.match = std::move(state.match);
    return field;
}

} // namespace chromatch
