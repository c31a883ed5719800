// SPDX-License-Identifier: GPL-3.0-or-later
#include "work.h"

#include "matching/patch_match_schedule.h"

#include <algorithm>

namespace chromatch {

double exact_operations(const Shape& shape)
{
    return 2.0 * double(shape.all_pixels()) * double(shape.pixels()) * shape.channels;
}

double candidate_operations(const Shape& shape, int patch, double candidates)
{
    return 2.0 * double(shape.all_pixels()) * patch * patch * shape.channels * candidates;
}

double patch_match_operations(const Shape& shape, const MatchOptions& match)
{
    double operations = 0.0;
    for (Shape level = shape;; level.height = (level.height + 1) / 2, level.width = (level.width + 1) / 2) {
        if (level.height < shape.height &&
            schedule::can_start_exactly(level.height, level.width, level.height, level.width))
            return operations + exact_operations(level);
        int candidates = 4 * schedule::jump_count;
        for (int reach = std::max(level.height, level.width); reach >= 1; reach /= 2)
            ++candidates;
        operations +=
            candidate_operations(level, match.patch, (match.reverse ? 2.0 : 1.0) * (1 + match.iterations * candidates));
        if (match.initial != nullptr || !schedule::can_be_halved(level.height, level.width, level.height, level.width))
            return operations;
    }
}

double least_bytes(const Shape& shape, bool fixed_point, bool reverse)
{
    const double values = 2.0 * double(shape.values());
    const double of_field = sizeof(Coordinate) + sizeof(float);
    return values * sizeof(float) + (fixed_point ? values * 2 * sizeof(std::int16_t) : 0.0) +
           double(shape.all_pixels()) * of_field * (reverse ? 2 : 1);
}

} // namespace chromatch
