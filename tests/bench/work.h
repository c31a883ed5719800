// SPDX-License-Identifier: GPL-3.0-or-later
//
// How much the matchers have to do. Multiplications and additions count one operation each.
#pragma once

#include "map_pairs.h"

namespace chromatch {

/// Of the pixel-correlation product; its box sums are left out.
double exact_operations(const Shape& shape);

/// Of comparing so many patches for each pixel.
double candidate_operations(const Shape& shape, int patch, double candidates);

/// All the candidates of PatchMatch's schedule on all levels of its pyramid, and the exact start. Candidates that are a
/// pixel's match already, or lie outside, cost nothing: an upper bound.
double patch_match_operations(const Shape& shape, const MatchOptions& match);

/// Both maps read in float32; written and read in 16 bits where `fixed_point`; the fields written.
double least_bytes(const Shape& shape, bool fixed_point, bool reverse);

} // namespace chromatch
