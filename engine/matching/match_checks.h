// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every matcher demands of its arguments.
#pragma once

#include "chromatch.h"
#include "matching/nearest_neighbour_field.h"

#include <cstdint>
#include <cstring>
#include <string>

namespace chromatch {

/// True where all values are finite. Works on the bits, so that no compiler flag can take the check away.
inline bool all_finite(const float* values, std::size_t count)
{
    const std::uint32_t exponent = 0x7f800000u;
    std::uint32_t found = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, values + i, sizeof bits);
        found |= (bits & exponent) == exponent ? 1u : 0u;
    }
    return found == 0;
}

inline void check_feature_map(const FeatureMap& map, const char* name)
{
    const std::string what = std::string("the ") + name + " feature map ";
    if (map.values == nullptr || map.height < 1 || map.width < 1 || map.height > 65535 || map.width > 65535)
        throw Error(ErrorCode::bad_image, what + "is " + std::to_string(map.height) + " x " +
                                              std::to_string(map.width) + "; 1 to 65535 pixels each way are possible");
    if (map.channels < 16 || map.channels % 16 != 0)
        throw Error(ErrorCode::bad_image,
                    what + "has " + std::to_string(map.channels) + " channels, which is no multiple of 16");
    const std::size_t row = static_cast<std::size_t>(map.width) * map.channels;
    for (int y = 0; y < map.height; ++y)
        if (!all_finite(map.at(y, 0), row))
            throw Error(ErrorCode::bad_image, what + "has a value that is not finite in row " + std::to_string(y));
}

/// Throws Error where the arguments do not fit together.
inline void check_matching(const FeatureMap& target, const FeatureMap& reference, const MatchOptions& options)
{
    if (options.patch != 1 && options.patch != 3 && options.patch != 5)
        throw Error(ErrorCode::bad_option, "the patch is " + std::to_string(options.patch) + "; 1, 3 or 5 is possible");
    check_feature_map(target, "target");
    check_feature_map(reference, "reference");
    if (target.channels != reference.channels)
        throw Error(ErrorCode::bad_image, "the target feature map has " + std::to_string(target.channels) +
                                              " channels, the reference's " + std::to_string(reference.channels));
    if (options.reference_mask != nullptr) {
        const std::size_t count = static_cast<std::size_t>(reference.height) * reference.width;
        bool any = false;
        for (std::size_t i = 0; i < count && !any; ++i)
            any = options.reference_mask[i] != 0;
        if (!any)
            throw Error(ErrorCode::bad_image, "the reference mask leaves none of the " + std::to_string(count) +
                                                  " reference pixels to match with");
    }
}

} // namespace chromatch
