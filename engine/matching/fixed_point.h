// SPDX-License-Identifier: GPL-3.0-or-later
//
// Feature maps in whole numbers. Sums of integer products do not depend on their order, so every instruction set, every
// number of threads and the CUDA device find the same sums, hence the same fields. They are also half as large as
// float32, and a processor multiplies twice as many at once.
//
// A unit vector v becomes round(scale * v), half to even, in 16 bits. The scale is as large as the sum over a whole
// patch may be in 32 bits. A distance is off by the rounding: with 64 channels by some 1e-5 (at most 8e-4 for patch 1,
// 6e-4 for 3, 8e-4 for 5, where all roundings agree).
#pragma once

#include "matching/nearest_neighbour_field.h"

#include <cstdint>
#include <memory>

namespace chromatch {

/// The number that stands for 1: patch^2 * scale^2 < 2^31.
constexpr int fixed_point_scale(int patch)
{
    return patch == 1 ? 30720 : patch == 3 ? 15360 : 9216;
}

/// More channels could make a rounded vector so long that a sum leaves 32 bits.
constexpr int most_channels = 4096;

/// Count maps of height x width x channels, as in FeatureBatch.
struct FixedPointMaps {
    int count, height, width, channels;
    std::unique_ptr<std::int16_t[]> values;

    std::size_t pixels() const { return static_cast<std::size_t>(height) * width; }
    const std::int16_t* map(int i) const { return values.get() + i * pixels() * channels; }
};

/// Throws Error bad_image where a size is out of range. name: "target" or "reference", for the message.
void check_size(const FeatureBatch& maps, const char* name);

/// Throws Error bad_image for a vector in row y that is not finite or longer than 1. square: of its length.
[[noreturn]] void refuse_vector(float square, const char* name, int y);

/// name: "target" or "reference", for the message. Throws Error bad_image where a size is out of range, a value is not
/// finite or a vector is longer than 1.
FixedPointMaps to_fixed_point(const FeatureBatch& maps, int patch, const char* name, int threads);

/// The maps averaged over 2 x 2 pixels (fewer at the far borders) and scaled to unit length again.
FixedPointMaps halve(const FixedPointMaps& maps, int patch, int threads);

} // namespace chromatch
