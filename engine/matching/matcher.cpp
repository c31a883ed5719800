// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/matcher.h"

#include "matching/exact_search.h"
#include "matching/patch_match.h"

namespace chromatch {
namespace {

/// Pixel pairs up to which exact search is the faster one.
constexpr double exact_search_limit = 170.0 * 170.0 * 170.0 * 170.0;

} // namespace

MatchMethod faster_method(const FeatureBatch& target, const FeatureBatch& reference)
{
    const double pairs = double(target.pixels()) * double(reference.pixels());
    return pairs <= exact_search_limit ? MatchMethod::exact : MatchMethod::patch_match;
}

Matches find_matches(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    if (faster_method(target, reference) == MatchMethod::exact)
        return exact_search(target, reference, options);
    return patch_match(target, reference, options);
}

} // namespace chromatch
