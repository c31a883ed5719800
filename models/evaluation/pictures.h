// SPDX-License-Identifier: GPL-3.0-or-later
//
// Between 8-bit sRGB pictures and CIELAB images.
#pragma once

#include "chromatch.h"

#include <cstdint>
#include <vector>

namespace chromatch {

/// `rgb`: interleaved sRGB, height x width x 3 bytes.
LabImage lab_from_srgb(const std::uint8_t* rgb, int height, int width);

/// Interleaved sRGB in [0, 255], clamped but not rounded: height x width x 3.
std::vector<float> srgb_values(const LabImage& image);

/// The same, rounded to bytes.
std::vector<std::uint8_t> srgb_bytes(const LabImage& image);

/// `l` with a = b = 0.
LabImage gray_image(const Plane& l);

} // namespace chromatch
