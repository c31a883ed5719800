// SPDX-License-Identifier: GPL-3.0-or-later
//
// What matching tells the colorization network about one target and one reference.
#pragma once

#include <cstdint>
#include <vector>

#include "matching/matcher.h"
#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// A fused feature map holds three levels side by side (from the trunk at /4, /8 and /16), each L2-normalised and
/// scaled by sqrt(1/3), so that the fused vectors have unit length too.
constexpr int match_level_count = 3;
constexpr int match_channels[match_level_count] = {16, 24, 24};
constexpr int fused_channels = 64;

/// What matching compares for a pair of photos (see pair_maps()): their fused maps; after them what kind of place it is
/// (PlaceNetwork); and colours. Unit vectors or shorter; matching wants a multiple of 16 channels.
constexpr int place_channels = 45;
constexpr int chroma_channels = 3;
constexpr int pair_channels = fused_channels + place_channels + chroma_channels;
constexpr double place_share = 0.52;  ///< of the kind of place in the similarity of two places
constexpr double chroma_share = 0.02; ///< of the colours
constexpr double fused_share = 1.0 - place_share - chroma_share;

/// Planes of a guide, each height x width of the target's feature map.
enum GuideChannel {
    guide_warp_a,      ///< voted warp of the reference's chroma, in the reference's units
    guide_warp_b,      //
    guide_similarity4, ///< cosine of target pixel and its match, [-1, 1], from /4, /8 and /16
    guide_similarity8,
    guide_similarity16,
    guide_reverse_similarity, ///< fused cosine, over the patch, of the match and where it looks back to, [-1, 1]
    guide_cycle_confidence,   ///< [0, 1], see cycle_confidence()
    guide_valid,              ///< 1: there is a reference
    guide_channels
};

constexpr int guide_patch = 3;      ///< patch size of the matching
constexpr int guide_iterations = 5; ///< of PatchMatch, where the maps are too large for exact search
constexpr float guide_sigma = 2.0f; ///< of the cycle confidence, in pixels of the feature map

struct Guide {
    NearestNeighbourField forward; ///< target -> reference
    NearestNeighbourField reverse; ///< reference -> target
    std::vector<float> planes;     ///< guide_channels x target height x target width
};

/// Matches both ways (see find_matches()) and votes. Maps of fused_channels, or of pair_channels.
/// reference_chroma: 2 x reference.height x reference.width. Errors as exact_search().
Guide make_guide(const FeatureMap& target, const FeatureMap& reference, const float* reference_chroma,
                 const std::uint8_t* reference_mask, std::uint64_t seed, int threads,
                 MatchDevice device = MatchDevice::cpu);

} // namespace chromatch
