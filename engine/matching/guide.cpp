// SPDX-License-Identifier: GPL-3.0-or-later
//
// Similarities and bidirectional warps after He et al., "Deep exemplar-based colorization", SIGGRAPH 2018, section 4.
#include "matching/guide.h"

#include <algorithm>
#include <cmath>

#include "chromatch.h"
#include "matching/exact_search.h"
#include "matching/patch_match.h"
#include "matching/voting.h"

namespace chromatch {

namespace {

/// Pixel pairs up to which exact search is the faster one (method: maps of about 170 x 170).
constexpr double exact_search_limit = 170.0 * 170.0 * 170.0 * 170.0;
constexpr int coarse_factor = 4;

/// A feature map averaged over coarse_factor x coarse_factor pixels, with its own memory.
struct CoarseMap {
    explicit CoarseMap(const FeatureMap& map)
        : height((map.height + coarse_factor - 1) / coarse_factor),
          width((map.width + coarse_factor - 1) / coarse_factor), channels(map.channels),
          values(static_cast<std::size_t>(height) * width * channels, 0.0f)
    {
        for (int y = 0; y < map.height; y++) {
            for (int x = 0; x < map.width; x++) {
                float* sum = at(y / coarse_factor, x / coarse_factor);
                const float* value = map.at(y, x);
                for (int c = 0; c < channels; c++)
                    sum[c] += value[c];
            }
        }
        for (std::size_t pixel = 0; pixel < static_cast<std::size_t>(height) * width; pixel++) {
            float* vector = values.data() + pixel * channels;
            float square = 1e-12f;
            for (int c = 0; c < channels; c++)
                square += vector[c] * vector[c];
            const float scale = 1.0f / std::sqrt(square);
            for (int c = 0; c < channels; c++)
                vector[c] *= scale;
        }
    }

    float* at(int y, int x) { return values.data() + (static_cast<std::size_t>(y) * width + x) * channels; }
    FeatureMap view() const { return {values.data(), height, width, channels}; }

    int height, width, channels;
    std::vector<float> values;
};

std::vector<std::uint8_t> coarse_mask(const FeatureMap& reference, const std::uint8_t* mask)
{
    const int height = (reference.height + coarse_factor - 1) / coarse_factor;
    const int width = (reference.width + coarse_factor - 1) / coarse_factor;
    std::vector<std::uint8_t> result(static_cast<std::size_t>(height) * width, 0);
    for (int y = 0; y < reference.height; y++)
        for (int x = 0; x < reference.width; x++)
            if (mask[static_cast<std::size_t>(y) * reference.width + x])
                result[static_cast<std::size_t>(y / coarse_factor) * width + x / coarse_factor] = 1;
    return result;
}

NearestNeighbourField carry_up(const NearestNeighbourField& coarse, const FeatureMap& target,
                               const FeatureMap& reference)
{
    NearestNeighbourField field{target.height, target.width, {}, {}};
    field.match.resize(static_cast<std::size_t>(target.height) * target.width);
    field.distance.assign(field.match.size(), 4.0f);
    for (int y = 0; y < target.height; y++) {
        for (int x = 0; x < target.width; x++) {
            const Coordinate match = coarse.match[coarse.index(y / coarse_factor, x / coarse_factor)];
            const int match_y = std::min(match.y * coarse_factor + y % coarse_factor, reference.height - 1);
            const int match_x = std::min(match.x * coarse_factor + x % coarse_factor, reference.width - 1);
            field.match[field.index(y, x)] = {static_cast<std::uint16_t>(match_y), static_cast<std::uint16_t>(match_x)};
        }
    }
    return field;
}

float level_cosine(const float* first, const float* second, int channels)
{
    float sum = 0.0f;
    for (int c = 0; c < channels; c++)
        sum += first[c] * second[c];
    return sum * match_level_count; // each level was scaled by sqrt(1/3) on both sides
}

} // namespace

NearestNeighbourField find_matches(const FeatureMap& target, const FeatureMap& reference, const MatchOptions& options,
                                   std::uint64_t seed)
{
    const double pairs = double(target.height) * target.width * reference.height * reference.width;
    if (pairs <= exact_search_limit)
        return exact_search(target, reference, options);
    const CoarseMap coarse_target(target), coarse_reference(reference);
    MatchOptions coarse_options = options;
    std::vector<std::uint8_t> mask;
    if (options.reference_mask) {
        mask = coarse_mask(reference, options.reference_mask);
        coarse_options.reference_mask = mask.data();
    }
    const NearestNeighbourField initial =
        carry_up(exact_search(coarse_target.view(), coarse_reference.view(), coarse_options), target, reference);
    PatchMatchOptions fine_options;
    static_cast<MatchOptions&>(fine_options) = options;
    fine_options.seed = seed;
    fine_options.initial = &initial;
    return patch_match(target, reference, fine_options);
}

Guide make_guide(const FeatureMap& target, const FeatureMap& reference, const float* reference_chroma,
                 const std::uint8_t* reference_mask, std::uint64_t seed, int threads)
{
    if (target.channels != fused_channels || reference.channels != fused_channels)
        throw Error(ErrorCode::internal, "the guide needs maps of " + std::to_string(fused_channels) +
                                             " channels, not " + std::to_string(target.channels) + " and " +
                                             std::to_string(reference.channels));
    Guide guide;
    MatchOptions options;
    options.patch = guide_patch;
    options.threads = threads;
    options.reference_mask = reference_mask;
    guide.forward = find_matches(target, reference, options, seed);
    options.reference_mask = nullptr;
    guide.reverse = find_matches(reference, target, options, seed + 1);

    const std::size_t pixels = static_cast<std::size_t>(target.height) * target.width;
    guide.planes.resize(guide_channels * pixels);
    const auto plane = [&](GuideChannel channel) { return guide.planes.data() + channel * pixels; };

    const std::vector<float> warp =
        vote(guide.forward, reference_chroma, 2, reference.height, reference.width, guide_patch, reference_mask);
    std::copy(warp.begin(), warp.end(), plane(guide_warp_a));
    for (int y = 0; y < target.height; y++) {
        for (int x = 0; x < target.width; x++) {
            const std::size_t pixel = guide.forward.index(y, x);
            const Coordinate match = guide.forward.match[pixel];
            const float* here = target.at(y, x);
            const float* there = reference.at(match.y, match.x);
            int channel = 0;
            for (int level = 0; level < match_level_count; level++) {
                plane(static_cast<GuideChannel>(guide_similarity4 + level))[pixel] =
                    level_cosine(here + channel, there + channel, match_channels[level]);
                channel += match_channels[level];
            }
            plane(guide_reverse_similarity)[pixel] =
                1.0f - 0.5f * guide.reverse.distance[guide.reverse.index(match.y, match.x)];
        }
    }
    const std::vector<float> confidence = cycle_confidence(guide.forward, guide.reverse, guide_sigma);
    std::copy(confidence.begin(), confidence.end(), plane(guide_cycle_confidence));
    std::fill_n(plane(guide_valid), pixels, 1.0f);
    return guide;
}

} // namespace chromatch
