// SPDX-License-Identifier: GPL-3.0-or-later
//
// Barnes, Shechtman, Finkelstein and Goldman, "PatchMatch: a randomized correspondence algorithm for structural image
// editing", SIGGRAPH 2009, with half sweeps in the place of its scanlines: see patch_match_schedule.h.
#include "matching/patch_match.h"

#include "chromatch.h"
#include "matching/correlation_kernels.h"
#include "matching/exact_core.h"
#include "matching/match_checks.h"
#include "matching/parallel.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace chromatch {
namespace {

constexpr int band_rows = 16;
constexpr int coarse_factor = schedule::coarse_factor;
constexpr int smallest_side = 4 * coarse_factor; // below, a coarse match says nothing

void check_options(const FeatureBatch& target, const MatchOptions& options)
{
    if (options.iterations < 0)
        throw Error(ErrorCode::bad_option,
                    "PatchMatch cannot do " + std::to_string(options.iterations) + " iterations");
    for (int i = 0; options.initial != nullptr && i < target.count; ++i)
        if (options.initial[i].height != target.height || options.initial[i].width != target.width ||
            options.initial[i].match.size() != target.pixels())
            throw Error(ErrorCode::bad_option, "the initial field of " + std::to_string(options.initial[i].height) +
                                                   " x " + std::to_string(options.initial[i].width) +
                                                   " does not fit a target of " + std::to_string(target.height) +
                                                   " x " + std::to_string(target.width));
}

/// The indices of the pixels that the mask leaves.
std::vector<std::uint32_t> allowed_pixels(const std::uint8_t* mask, std::size_t count)
{
    std::vector<std::uint32_t> allowed;
    for (std::size_t i = 0; mask != nullptr && i < count; ++i)
        if (mask[i] != 0)
            allowed.push_back(static_cast<std::uint32_t>(i));
    return allowed;
}

/// A coarse pixel may be a match where one of its pixels may.
std::vector<std::uint8_t> coarse_mask(const std::uint8_t* mask, int height, int width)
{
    if (mask == nullptr)
        return {};
    const int columns = (width + coarse_factor - 1) / coarse_factor;
    std::vector<std::uint8_t> coarse(static_cast<std::size_t>((height + coarse_factor - 1) / coarse_factor) * columns);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            coarse[static_cast<std::size_t>(y / coarse_factor) * columns + x / coarse_factor] |=
                mask[static_cast<std::size_t>(y) * width + x];
    return coarse;
}

/// The matches that the search starts from: the given ones, or a coarse field carried up, where they may be, else
/// random.
void start(const SearchProblem& problem, const NearestNeighbourField* initial, const NearestNeighbourField* coarse,
           std::uint64_t seed, SearchState& state)
{
    const std::uint32_t of_start = schedule::sweep_seed(seed, 0);
    for (int y = 0; y < problem.target_height; ++y)
        for (int x = 0; x < problem.target_width; ++x) {
            const std::size_t pixel = static_cast<std::size_t>(y) * problem.target_width + x;
            Coordinate match;
            bool usable = true;
            if (initial != nullptr) {
                match = initial->match[pixel];
            } else if (coarse != nullptr) {
                const Coordinate from = coarse->match[coarse->index(y / coarse_factor, x / coarse_factor)];
                match.y = static_cast<std::uint16_t>(
                    std::min(from.y * coarse_factor + y % coarse_factor, problem.height - 1));
                match.x =
                    static_cast<std::uint16_t>(std::min(from.x * coarse_factor + x % coarse_factor, problem.width - 1));
            } else {
                usable = false;
            }
            usable = usable && match.y < problem.height && match.x < problem.width &&
                     (problem.mask == nullptr ||
                      problem.mask[static_cast<std::size_t>(match.y) * problem.width + match.x] != 0);
            if (!usable) {
                schedule::Random random(of_start, static_cast<std::uint32_t>(pixel));
                if (problem.mask != nullptr) {
                    const std::uint32_t index = (*problem.allowed)[schedule::below(
                        random.next(), static_cast<std::uint32_t>(problem.allowed->size()))];
                    match = {static_cast<std::uint16_t>(index / problem.width),
                             static_cast<std::uint16_t>(index % problem.width)};
                } else {
                    const std::uint32_t bits = random.next();
                    match.y = static_cast<std::uint16_t>(schedule::upper_below(bits, problem.height));
                    match.x = static_cast<std::uint16_t>(schedule::lower_below(bits, problem.width));
                }
            }
            state.match[pixel] = match;
        }
}

NearestNeighbourField search(const SearchProblem& problem, const NearestNeighbourField* initial,
                             const NearestNeighbourField* coarse, std::uint64_t seed, const MatchOptions& options)
{
    const CorrelationKernels& kernels = correlation_kernels();
    const std::size_t pixels = static_cast<std::size_t>(problem.target_height) * problem.target_width;
    SearchState state{std::vector<Coordinate>(pixels), std::vector<float>(pixels)};
    start(problem, initial, coarse, seed, state);
    parallel_for(problem.target_height, band_rows, options.threads,
                 [&](int first, int last) { kernels.score_rows(problem, state, first, last); });
    for (int sweep = 0; sweep < 2 * options.iterations; ++sweep) {
        const std::uint32_t random_seed = schedule::sweep_seed(seed, static_cast<std::uint32_t>(sweep) + 1);
        parallel_for(problem.target_height, band_rows, options.threads, [&](int first, int last) {
            kernels.half_sweep(problem, state, first, last, sweep % 2, random_seed);
        });
    }
    NearestNeighbourField field{problem.target_height, problem.target_width, std::move(state.match),
                                std::move(state.score)};
    for (float& value : field.distance)
        value = std::clamp(2.0f - 2.0f * value, 0.0f, 4.0f);
    return field;
}

SearchProblem make_problem(const FixedPointMaps& target, const FixedPointMaps& reference, int i, int patch,
                           const std::uint8_t* mask, const std::vector<std::uint32_t>* allowed)
{
    return {target.map(i),   reference.map(i), target.height, target.width, reference.height,  reference.width,
            target.channels, patch / 2,        mask,          allowed,      MeanFactors(patch)};
}

} // namespace

Matches patch_match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    check_matching(target, reference, options);
    check_options(target, options);
    const int patch = options.patch;
    const FixedPointMaps from = to_fixed_point(target, patch, "target", options.threads);
    const FixedPointMaps to = to_fixed_point(reference, patch, "reference", options.threads);
    const std::vector<std::uint32_t> allowed = allowed_pixels(options.reference_mask, to.pixels());
    const bool needs_coarse = options.initial == nullptr || options.reverse;
    const bool coarse = needs_coarse && std::min({from.height, from.width, to.height, to.width}) >= smallest_side;
    std::optional<FixedPointMaps> coarse_from, coarse_to;
    if (coarse) {
        coarse_from = average(from, coarse_factor, patch, options.threads);
        coarse_to = average(to, coarse_factor, patch, options.threads);
    }
    const std::vector<std::uint8_t> small_mask = coarse_mask(options.reference_mask, to.height, to.width);

    Matches matches;
    matches.forward.resize(target.count);
    matches.reverse.resize(options.reverse ? target.count : 0);
    for_each_map(target.count, options, [&](int i, const MatchOptions& of_map) {
        ExactFields small;
        if (coarse) {
            MatchOptions of_small = of_map;
            of_small.reference_mask = small_mask.empty() ? nullptr : small_mask.data();
            small = exact_search_pair(coarse_from->map(i), coarse_from->height, coarse_from->width, coarse_to->map(i),
                                      coarse_to->height, coarse_to->width, from.channels, of_small);
        }
        const SearchProblem forward = make_problem(from, to, i, patch, options.reference_mask, &allowed);
        matches.forward[i] = search(forward, options.initial != nullptr ? options.initial + i : nullptr,
                                    coarse ? &small.forward : nullptr, options.seed, of_map);
        if (options.reverse) {
            const SearchProblem reverse = make_problem(to, from, i, patch, nullptr, nullptr);
            matches.reverse[i] = search(reverse, nullptr, coarse ? &small.reverse : nullptr, options.seed + 1, of_map);
        }
    });
    return matches;
}

} // namespace chromatch
