// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a matcher reads and what it returns. Feature maps are row-major NHWC float32, L2-normalised per pixel, so that
// the distance of two pixels is 2 - 2 * (their dot product), in [0, 4], and that of two patches the mean over the
// patch's pixels. At a border a patch is shortened to the pixels that lie inside both maps (the same offsets in both),
// and the mean is taken over those.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chromatch {

/// A view on one feature map: height x width x channels float32; owns nothing. channels is a multiple of 16.
struct FeatureMap {
    const float* values = nullptr;
    int height = 0;
    int width = 0;
    int channels = 0;

    const float* at(int y, int x) const { return values + (static_cast<std::size_t>(y) * width + x) * channels; }
};

struct Coordinate {
    std::uint16_t y = 0;
    std::uint16_t x = 0;
    bool operator==(const Coordinate&) const = default;
};

/// For every pixel of a target map the centre of the best patch of a reference map, and its distance.
struct NearestNeighbourField {
    int height = 0;
    int width = 0;
    std::vector<Coordinate> match; ///< height * width, row-major
    std::vector<float> distance;   ///< height * width, [0, 4]

    std::size_t index(int y, int x) const { return static_cast<std::size_t>(y) * width + x; }
};

/// Maps of one size, one after the other: count x height x width x channels float32; owns nothing.
struct FeatureBatch {
    const float* values = nullptr;
    int count = 0;
    int height = 0;
    int width = 0;
    int channels = 0;

    FeatureBatch() = default;
    FeatureBatch(const float* all, int maps, int rows, int columns, int depth)
        : values(all), count(maps), height(rows), width(columns), channels(depth)
    {
    }
    /// A batch of one.
    FeatureBatch(const FeatureMap& map)
        : values(map.values), count(1), height(map.height), width(map.width), channels(map.channels)
    {
    }
    std::size_t pixels() const { return static_cast<std::size_t>(height) * width; }
    FeatureMap map(int i) const { return {values + i * pixels() * channels, height, width, channels}; }
};

/// What every matcher takes besides the two batches.
struct MatchOptions {
    int patch = 3; ///< 1, 3 or 5
    /// Reference pixels that may be a match's centre: reference height * width, non-zero = may; for every map of the
    /// batch. Null: all.
    const std::uint8_t* reference_mask = nullptr;
    bool reverse = false; ///< also the best target patch of every reference pixel, which no mask limits
    int threads = 0;      ///< on the CPU; 0: all cores. The fields do not depend on it.

    // PatchMatch alone:
    int iterations = 3;
    std::uint64_t seed = 0;
    /// Where the forward search starts: as many fields of the target's size as there are maps. Null: the matches of
    /// halved maps (patch_match_schedule.h).
    const NearestNeighbourField* initial = nullptr;
};

/// A field for each map of the batch; the reverse ones have the reference's size.
struct Matches {
    std::vector<NearestNeighbourField> forward;
    std::vector<NearestNeighbourField> reverse; ///< empty where it was not asked for
};

} // namespace chromatch
