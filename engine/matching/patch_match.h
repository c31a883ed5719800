// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

/// Approximate nearest patches (Barnes et al., "PatchMatch", SIGGRAPH 2009) in the schedule of patch_match_schedule.h,
/// on maps in fixed point (fixed_point.h). The same arguments give the same field, whatever the number of threads, the
/// instruction set or the device. Errors as exact_search(), and bad_option where the number of iterations is negative
/// or the initial field does not fit.
Matches patch_match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options);

} // namespace chromatch
