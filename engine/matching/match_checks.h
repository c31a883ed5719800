// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every matcher demands of its arguments, and how it goes through a batch.
#pragma once

#include "chromatch.h"
#include "matching/nearest_neighbour_field.h"
#include "matching/parallel.h"

#include <algorithm>
#include <string>

namespace chromatch {

/// Throws Error where the arguments do not fit together. to_fixed_point() checks each batch for itself.
inline void check_matching(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    if (options.patch != 1 && options.patch != 3 && options.patch != 5)
        throw Error(ErrorCode::bad_option, "the patch is " + std::to_string(options.patch) + "; 1, 3 or 5 is possible");
    if (target.channels != reference.channels)
        throw Error(ErrorCode::bad_image, "the target feature map has " + std::to_string(target.channels) +
                                              " channels, the reference's " + std::to_string(reference.channels));
    if (target.count != reference.count)
        throw Error(ErrorCode::bad_image, "the batch has " + std::to_string(target.count) +
                                              " target feature maps, but " + std::to_string(reference.count) +
                                              " reference feature maps");
    if (options.reference_mask != nullptr &&
        std::none_of(options.reference_mask, options.reference_mask + reference.pixels(),
                     [](std::uint8_t value) { return value != 0; }))
        throw Error(ErrorCode::bad_image, "the reference mask leaves none of the " +
                                              std::to_string(reference.pixels()) + " reference pixels to match with");
}

/// What PatchMatch demands beyond that.
inline void check_search(const FeatureBatch& target, const MatchOptions& options)
{
    if (options.iterations < 0)
        throw Error(ErrorCode::bad_option,
                    "PatchMatch cannot do " + std::to_string(options.iterations) + " iterations");
    for (int i = 0; options.initial != nullptr && i < target.count; ++i)
        if (options.initial[i].height != target.height || options.initial[i].width != target.width ||
            options.initial[i].match.size() != target.pixels())
            throw Error(ErrorCode::bad_option, "the initial field of " + std::to_string(options.initial[i].height) +
                                                   " x " + std::to_string(options.initial[i].width) +
                                                   " does not fit a target of " + std::to_string(target.height) +
                                                   " x " + std::to_string(target.width));
}

/// Calls body(i, options) for each map of a batch. Where there are maps enough, each has a thread of its own and the
/// options say so; else each has all threads.
template <class Body> void for_each_map(int count, const MatchOptions& options, const Body& body)
{
    const int threads = thread_count(options.threads, 1 << 16);
    MatchOptions of_map = options;
    of_map.threads = count >= threads ? 1 : threads;
    parallel_for(count, 1, count >= threads ? threads : 1, [&](int first, int) { body(first, of_map); });
}

} // namespace chromatch
