// SPDX-License-Identifier: GPL-3.0-or-later
//
// Similarities and bidirectional warps after He et al., "Deep exemplar-based colorization", SIGGRAPH 2018, section 4.
#include "matching/guide.h"

#include <algorithm>
#include <cmath>

#include "chromatch.h"
#include "matching/voting.h"

namespace chromatch {

namespace {

float level_cosine(const float* first, const float* second, int channels, float scale)
{
    float sum = 0.0f;
    for (int c = 0; c < channels; c++)
        sum += first[c] * second[c];
    return sum * scale;
}

} // namespace

Guide make_guide(const FeatureMap& target, const FeatureMap& reference, const float* reference_chroma,
                 const std::uint8_t* reference_mask, std::uint64_t seed, int threads, MatchDevice device)
{
    if ((target.channels != fused_channels && target.channels != pair_channels) ||
        reference.channels != target.channels)
        throw Error(ErrorCode::internal, "the guide needs maps of " + std::to_string(fused_channels) + " or " +
                                             std::to_string(pair_channels) + " channels, not " +
                                             std::to_string(target.channels) + " and " +
                                             std::to_string(reference.channels));
    // Each level was scaled by a square root on both sides.
    const double levels_share = target.channels == pair_channels ? fused_share : 1.0;
    const float level_scale = static_cast<float>(match_level_count / levels_share);
    MatchOptions options;
    options.patch = guide_patch;
    options.reference_mask = reference_mask;
    options.reverse = true;
    options.iterations = guide_iterations;
    options.seed = seed;
    options.threads = threads;
    Matches matches = find_matches(target, reference, options, device);
    Guide guide{std::move(matches.forward[0]), std::move(matches.reverse[0]), {}};

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
                    level_cosine(here + channel, there + channel, match_channels[level], level_scale);
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
