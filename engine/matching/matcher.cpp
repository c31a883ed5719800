// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/matcher.h"

#include "matching/exact_search.h"
#include "matching/patch_match.h"
#include "matching/patch_match_schedule.h"

namespace chromatch {

// Up to about 128 x 128 pixels exact search is faster than PatchMatch with as many iterations as come within 1 % of its
// distances (chromatch-bench matching, maps of photos); PatchMatch starts from an exact match of maps of that size.
MatchMethod faster_method(const FeatureBatch& target, const FeatureBatch& reference)
{
    const double pairs = double(target.pixels()) * double(reference.pixels());
    return pairs <= schedule::exact_start_pairs ? MatchMethod::exact : MatchMethod::patch_match;
}

Matches find_matches(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    if (faster_method(target, reference) == MatchMethod::exact)
        return exact_search(target, reference, options);
    return patch_match(target, reference, options);
}

} // namespace chromatch
