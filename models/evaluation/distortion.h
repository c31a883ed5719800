// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

#include <cstdint>

namespace chromatch {

/// Where a distorted photo's pixels come from.
struct Distortion {
    int height = 0; ///< of the distorted photo
    int width = 0;
    Plane source_y;  ///< height x width: the place in the original, in pixels (pixel centres at whole numbers);
    Plane source_x;  ///< may lie outside it
    float gamma = 1; ///< L becomes 100 (L / 100)^gamma
};

/// Draws the distortion of the self-reference protocols for a photo of height x width: a crop of .6 to 1 of its area
/// with its proportions, a rotation of +-15 degrees, a flip in half of the draws, a thin-plate-spline warp whose 4 x 4
/// control points move by up to 6 % of the short side (Bookstein, "Principal warps", 1989), and a luminance gamma of .7
/// to 1.4 (even in its logarithm). The same seed and size give the same distortion.
Distortion draw_distortion(int height, int width, std::uint64_t seed);

/// The distorted photo: bilinear; the photo is mirrored beyond its border. Chroma values are kept, L takes the gamma.
LabImage distort(const LabImage& photo, const Distortion& distortion);

} // namespace chromatch
