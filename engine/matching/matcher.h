// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "matching/nearest_neighbour_field.h"

namespace chromatch {

enum class MatchMethod { exact, patch_match };
enum class MatchDevice { cpu, cuda };

/// Matches by the method that is faster for maps of these sizes: exact search up to a size, else PatchMatch. Both
/// devices find the same fields. Errors as exact_search(), and those of cuda_match().
Matches find_matches(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options,
                     MatchDevice device = MatchDevice::cpu);

/// The method that find_matches() takes.
MatchMethod faster_method(const FeatureBatch& target, const FeatureBatch& reference);

} // namespace chromatch
