// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "chromatch.h"

namespace chromatch {

/// Upsamples chroma to the size of `luminance` so that its edges follow the luminance's edges (joint upsampling:
/// fast guided filter, He and Sun 2015; local linear models fitted at chroma's size, evaluated at full size).
/// `chroma_a`, `chroma_b`: the same low size; `luminance`: full size, [0, 100]. Flat luminance gives plain bilinear
/// interpolation. Memory: a few planes of the full size at most.
void guided_upsample(const Plane& luminance, const Plane& chroma_a, const Plane& chroma_b, Plane& full_a,
                     Plane& full_b);

} // namespace chromatch
