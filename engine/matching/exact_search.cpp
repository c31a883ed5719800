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

#include "matching/correlation_kernels.h"
#include "matching/exact_core.h"
#include "matching/match_checks.h"
#include "matching/parallel.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <vector>

namespace chromatch {
namespace {

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();
constexpr int tile_values = 16384; // 64 KiB

int round_up(int value, int step)
{
    return (value + step - 1) / step * step;
}

void pack_reference(const std::int16_t* reference, int panel, int threads, ExactProblem& problem)
{
    const int channels = problem.channels;
    problem.packed.assign(static_cast<std::size_t>(problem.height) * problem.padded * channels, 0);
    parallel_for(problem.height, 8, threads, [&](int first, int last) {
        for (int y = first; y < last; ++y) {
            std::int16_t* row = problem.packed.data() + static_cast<std::size_t>(y) * problem.padded * channels;
            for (int x = 0; x < problem.width; ++x) {
                const std::int16_t* from = reference + (static_cast<std::size_t>(y) * problem.width + x) * channels;
                std::int16_t* to = row + static_cast<std::size_t>(x / panel) * panel * channels + x % panel * 2;
                for (int c = 0; c < channels; c += 2) {
                    to[static_cast<std::size_t>(c) * panel] = from[c];
                    to[static_cast<std::size_t>(c) * panel + 1] = from[c + 1];
                }
            }
        }
    });
}

void prepare_scale(const MeanFactors& factors, ExactProblem& problem)
{
    const int radius = problem.radius;
    problem.scale.assign(static_cast<std::size_t>(radius + 1) * (radius + 1) * (2 * radius + 2) * problem.padded, 0);
    for (int left = 0; left <= radius; ++left)
        for (int right = 0; right <= radius; ++right)
            for (int rows = 1; rows <= 2 * radius + 1; ++rows) {
                float* row = const_cast<float*>(problem.scale_row(left, right, rows));
                for (int x = 0; x < problem.width; ++x)
                    row[x] = factors.of[rows * (std::min(left, x) + 1 + std::min(right, problem.width - 1 - x))];
            }
}

void prepare_bias(const std::uint8_t* mask, ExactProblem& problem)
{
    problem.masked = mask != nullptr;
    const int rows = problem.masked ? problem.height : 1;
    problem.bias.assign(static_cast<std::size_t>(rows) * problem.padded, minus_infinity);
    for (int y = 0; y < rows; ++y)
        for (int x = 0; x < problem.width; ++x)
            if (!problem.masked || mask[static_cast<std::size_t>(y) * problem.width + x] != 0)
                problem.bias[static_cast<std::size_t>(y) * problem.padded + x] = 0.0f;
}

/// The columns of a tile: as many as keep it small, evenly spread over the width.
int choose_block(int width, int padded)
{
    const int most = std::clamp(tile_values / padded, 16, 4096);
    const int blocks = (width + most - 1) / most;
    return (width + blocks - 1) / blocks;
}

/// A field from the best of each pixel, whose rows are `stride` apart.
NearestNeighbourField to_field(int height, int width, int stride, int partner_width, const Best& best)
{
    NearestNeighbourField field;
    field.height = height;
    field.width = width;
    field.match.reserve(static_cast<std::size_t>(height) * width);
    field.distance.reserve(static_cast<std::size_t>(height) * width);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const std::size_t i = static_cast<std::size_t>(y) * stride + x;
            field.match.push_back({static_cast<std::uint16_t>(best.index[i] / partner_width),
                                   static_cast<std::uint16_t>(best.index[i] % partner_width)});
            field.distance.push_back(distance_of(best.score[i]));
        }
    return field;
}

/// Padding takes no offer.
Best reverse_best(const ExactProblem& problem)
{
    if (!problem.reverse)
        return Best(0);
    Best best(static_cast<std::size_t>(problem.height) * problem.padded);
    for (int y = 0; y < problem.height; ++y)
        std::fill_n(best.score.begin() + static_cast<std::ptrdiff_t>(y) * problem.padded + problem.width,
                    problem.padded - problem.width, std::numeric_limits<float>::infinity());
    return best;
}

} // namespace

ExactFields exact_search_pair(const std::int16_t* target, int target_height, int target_width,
                              const std::int16_t* reference, int height, int width, int channels,
                              const MatchOptions& options)
{
    const CorrelationKernels& kernels = correlation_kernels();
    ExactProblem problem;
    problem.target = target;
    problem.target_height = target_height;
    problem.target_width = target_width;
    problem.height = height;
    problem.width = width;
    problem.channels = channels;
    problem.radius = options.patch / 2;
    problem.padded = round_up(width, kernels.panel);
    problem.block = choose_block(target_width, problem.padded);
    problem.reverse = options.reverse;
    pack_reference(reference, kernels.panel, options.threads, problem);
    prepare_scale(MeanFactors(options.patch), problem);
    prepare_bias(options.reference_mask, problem);

    const int blocks = (target_width + problem.block - 1) / problem.block;
    const int diagonals = target_height + height - 1;
    const std::size_t pixels = static_cast<std::size_t>(target_height) * target_width;
    const int workers = thread_count(options.threads, diagonals);
    std::vector<Best> forward(workers, Best(pixels)), reverse(workers, reverse_best(problem));
    std::atomic<int> next{0};
    run_workers(workers, [&](int worker) {
        ExactWorkspace work(problem);
        for (int item = next++; item < diagonals * blocks; item = next++) {
            const int first = item % blocks * problem.block;
            kernels.walk_diagonal(problem, item / blocks - (target_height - 1), first,
                                  std::min(target_width, first + problem.block), work, forward[worker],
                                  reverse[worker]);
        }
    });
    for (std::vector<Best>* best : {&forward, &reverse})
        for (int worker = 1; worker < workers; ++worker)
            for (std::size_t i = 0; i < (*best)[0].score.size(); ++i)
                (*best)[0].offer(i, (*best)[worker].score[i], (*best)[worker].index[i]);
    ExactFields fields;
    fields.forward = to_field(target_height, target_width, target_width, width, forward[0]);
    if (options.reverse)
        fields.reverse = to_field(height, width, problem.padded, target_width, reverse[0]);
    return fields;
}

Matches exact_search(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    check_matching(target, reference, options);
    const FixedPointMaps from = to_fixed_point(target, options.patch, "target", options.threads);
    const FixedPointMaps to = to_fixed_point(reference, options.patch, "reference", options.threads);
    Matches matches;
    matches.forward.resize(target.count);
    matches.reverse.resize(options.reverse ? target.count : 0);
    for_each_map(target.count, options, [&](int i, const MatchOptions& of_map) {
        ExactFields fields = exact_search_pair(from.map(i), from.height, from.width, to.map(i), to.height, to.width,
                                               from.channels, of_map);
        matches.forward[i] = std::move(fields.forward);
        if (options.reverse)
            matches.reverse[i] = std::move(fields.reverse);
    });
    return matches;
}

} // namespace chromatch
