// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

namespace chromatch {

/// Evens out colours where the luminance shows nothing that would part them: patches and fringes that matching left in
/// a sky or on a wall. Weighted least squares, solved along rows and columns in turn (Min et al., "Fast global image
/// smoothing based on weighted least squares", IEEE TIP 2014). What is trusted counts more and keeps its colours.
///
/// luminance: L, [0, 100], at any size. trust: [0, 1]. a, b: chroma in Lab units, changed in place. trust, a and b are
/// of one size.
void smooth_chroma(const Plane& luminance, const Plane& trust, Plane& a, Plane& b);

} // namespace chromatch
