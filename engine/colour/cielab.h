// SPDX-License-Identifier: GPL-3.0-or-later
//
// sRGB (IEC 61966-2-1) <-> linear RGB <-> XYZ (D65) <-> CIELAB (CIE 15:2004). The point functions on linear RGB are
// public and declared in chromatch.h.
#pragma once

#include "chromatch.h"

namespace chromatch {

float srgb_to_linear(float encoded); ///< sRGB transfer curve; odd-symmetric below 0
float linear_to_srgb(float linear);  ///< its inverse

/// Scales (a, b) towards gray, hue kept, by the largest factor in [0, 1] that puts (l, a, b) into the sRGB gamut.
/// l is never changed. Returns the factor.
float clip_chroma(float l, float& a, float& b);

/// clip_chroma() over whole planes of one size.
void clip_chroma(const Plane& l, Plane& a, Plane& b);

} // namespace chromatch
