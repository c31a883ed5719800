// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/matcher.h"

#include "matching/cuda_matcher.h"
#include "matching/exact_search.h"
#include "matching/patch_match.h"
#include "matching/patch_match_schedule.h"

namespace chromatch {

// Up to about 128 x 128 pixels exact search is faster than PatchMatch with as many iterations as come within 1 % of its
// distances (chromatch-bench matching, maps of photos); PatchMatch starts from an exact match of maps of that size. On
// a CUDA device the same is assumed; there it has not been measured.
MatchMethod faster_method(const FeatureBatch& target, const FeatureBatch& reference)
{
    return schedule::can_start_exactly(target.height, target.width, reference.height, reference.width)
               ? MatchMethod::exact
               : MatchMethod::patch_match;
}

Matches find_matches(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options,
                     MatchDevice device)
{
    const MatchMethod method = faster_method(target, reference);
    if (device == MatchDevice::cuda)
        return cuda_match(method, target, reference, options);
    return method == MatchMethod::exact ? exact_search(target, reference, options)
                                        : patch_match(target, reference, options);
}

} // namespace chromatch
