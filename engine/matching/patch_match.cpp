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
#include <utility>
#include <vector>

namespace chromatch {
namespace {

constexpr int band_rows = 16;

/// The indices of the pixels that the mask leaves.
std::vector<std::uint32_t> allowed_pixels(const std::vector<std::uint8_t>& mask)
{
    std::vector<std::uint32_t> allowed;
    for (std::size_t i = 0; i < mask.size(); ++i)
        if (mask[i] != 0)
            allowed.push_back(static_cast<std::uint32_t>(i));
    return allowed;
}

/// One pair of batches of the pyramid.
struct Level {
    FixedPointMaps target, reference;
    std::vector<std::uint8_t> mask; // empty: all reference pixels may be a match
    std::vector<std::uint32_t> allowed;

    Level(FixedPointMaps of_target, FixedPointMaps of_reference, std::vector<std::uint8_t> of_mask)
        : target(std::move(of_target)), reference(std::move(of_reference)), mask(std::move(of_mask)),
          allowed(allowed_pixels(mask))
    {
    }
    bool can_be_halved() const
    {
        return schedule::can_be_halved(target.height, target.width, reference.height, reference.width);
    }
    bool is_small() const
    {
        return schedule::can_start_exactly(target.height, target.width, reference.height, reference.width);
    }
};

/// A pixel of the halved mask may be a match where one of its pixels may.
std::vector<std::uint8_t> halve_mask(const Level& level)
{
    const int height = level.reference.height, width = level.reference.width, columns = (width + 1) / 2;
    std::vector<std::uint8_t> half(level.mask.empty() ? 0 : static_cast<std::size_t>((height + 1) / 2) * columns);
    for (int y = 0; y < height && !half.empty(); ++y)
        for (int x = 0; x < width; ++x)
            half[static_cast<std::size_t>(y / 2) * columns + x / 2] |=
                level.mask[static_cast<std::size_t>(y) * width + x];
    return half;
}

/// The maps, then halved ones until they are small.
std::vector<Level> make_pyramid(Level finest, int patch, int threads)
{
    std::vector<Level> levels;
    levels.push_back(std::move(finest));
    while (levels.back().can_be_halved() && (levels.size() == 1 || !levels.back().is_small())) {
        const Level& last = levels.back();
        levels.push_back({halve(last.target, patch, threads), halve(last.reference, patch, threads), halve_mask(last)});
    }
    return levels;
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
                const Coordinate from = coarse->match[coarse->index(y / 2, x / 2)];
                match.y = static_cast<std::uint16_t>(std::min(from.y * 2 + y % 2, problem.height - 1));
                match.x = static_cast<std::uint16_t>(std::min(from.x * 2 + x % 2, problem.width - 1));
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
        value = distance_of(value);
    return field;
}

SearchProblem make_problem(const FixedPointMaps& target, const FixedPointMaps& reference, int i, int patch)
{
    return {target.map(i),   reference.map(i), target.height, target.width, reference.height,  reference.width,
            target.channels, patch / 2,        nullptr,       nullptr,      MeanFactors(patch)};
}

/// The fields of map i: exact on the coarsest level, where that is small, then carried up from level to level.
ExactFields search_pyramid(const std::vector<Level>& levels, int i, const MatchOptions& options)
{
    ExactFields fields;
    bool started = false;
    for (std::size_t l = levels.size(); l-- > 0;) {
        const Level& level = levels[l];
        if (l > 0 && l + 1 == levels.size() && level.is_small()) {
            MatchOptions of_level = options;
            of_level.reference_mask = level.mask.empty() ? nullptr : level.mask.data();
            fields =
                exact_search_pair(level.target.map(i), level.target.height, level.target.width, level.reference.map(i),
                                  level.reference.height, level.reference.width, level.target.channels, of_level);
            started = true;
            continue;
        }
        const NearestNeighbourField* initial = l == 0 && options.initial != nullptr ? options.initial + i : nullptr;
        SearchProblem forward = make_problem(level.target, level.reference, i, options.patch);
        forward.mask = level.mask.empty() ? nullptr : level.mask.data();
        forward.allowed = &level.allowed;
        fields.forward = search(forward, initial, started ? &fields.forward : nullptr, options.seed, options);
        if (options.reverse)
            fields.reverse = search(make_problem(level.reference, level.target, i, options.patch), nullptr,
                                    started ? &fields.reverse : nullptr, options.seed + 1, options);
        started = true;
    }
    return fields;
}

} // namespace

Matches patch_match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    check_matching(target, reference, options);
    check_search(target, options);
    std::vector<std::uint8_t> mask;
    if (options.reference_mask != nullptr)
        mask.assign(options.reference_mask, options.reference_mask + reference.pixels());
    FixedPointMaps from = to_fixed_point(target, options.patch, "target", options.threads);
    FixedPointMaps to = to_fixed_point(reference, options.patch, "reference", options.threads);
    Level finest(std::move(from), std::move(to), std::move(mask));
    std::vector<Level> levels;
    if (options.initial == nullptr || options.reverse)
        levels = make_pyramid(std::move(finest), options.patch, options.threads);
    else
        levels.push_back(std::move(finest));

    Matches matches;
    matches.forward.resize(target.count);
    matches.reverse.resize(options.reverse ? target.count : 0);
    for_each_map(target.count, options, [&](int i, const MatchOptions& of_map) {
        ExactFields fields = search_pyramid(levels, i, of_map);
        matches.forward[i] = std::move(fields.forward);
        if (options.reverse)
            matches.reverse[i] = std::move(fields.reverse);
    });
    return matches;
}

} // namespace chromatch
