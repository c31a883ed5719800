// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the matching bench matches: batches of target and reference feature maps, L2-normalised per pixel.
#pragma once

#include "matching/nearest_neighbour_field.h"

#include <cstdint>
#include <string>
#include <vector>

namespace chromatch {

/// Of a batch of feature maps, NHWC.
struct Shape {
    int count, height, width, channels;

    std::size_t pixels() const { return static_cast<std::size_t>(height) * width; } ///< of one map
    std::size_t all_pixels() const { return count * pixels(); }
    std::size_t values() const { return all_pixels() * channels; }
    bool operator==(const Shape&) const = default;
};

struct MapPairs {
    Shape shape;
    std::string kind; ///< "random" or "photos"
    std::vector<float> target, reference;

    /// The first `count` pairs' maps.
    FeatureBatch targets(int count) const { return {target.data(), count, shape.height, shape.width, shape.channels}; }
    FeatureBatch references(int count) const
    {
        return {reference.data(), count, shape.height, shape.width, shape.channels};
    }
};

/// Independent Gaussian numbers: nothing in one map is like anything in the other, the hardest case for PatchMatch.
MapPairs random_maps(const Shape& shape, std::uint64_t seed);

} // namespace chromatch
