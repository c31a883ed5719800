// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

enum class MatchMethod { exact, patch_match };

/// Matches by the method that is faster for maps of these sizes: exact search up to a size, else PatchMatch. Errors as
/// exact_search().
Matches find_matches(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options);

/// The method that find_matches() takes on the CPU.
MatchMethod faster_method(const FeatureBatch& target, const FeatureBatch& reference);

} // namespace chromatch
