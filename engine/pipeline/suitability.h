// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a Descriptor is laid out: first what the whole photo shows, then, for each part of it, what kind of place it is
// and its chroma. The parts are those of a grid of descriptor_grid x descriptor_grid, row by row.
#pragma once

#include "chromatch.h"
#include "matching/guide.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace chromatch {

constexpr int descriptor_shown = 352; ///< channels of the recognition network's /32 features
constexpr int descriptor_place = place_channels;
constexpr int descriptor_part = descriptor_place + 2; ///< values of a part
constexpr int descriptor_grid = 4;
constexpr int descriptor_parts = descriptor_grid * descriptor_grid;
static_assert(descriptor_length == descriptor_shown + descriptor_parts * descriptor_part);

constexpr float descriptor_steps = 127.0f;

/// Appends `count` values in steps of 1/127 of `most`; what is beyond it becomes it.
inline void append_steps(Descriptor& descriptor, const float* values, int count, float most)
{
    for (int i = 0; i < count; i++)
        descriptor.push_back(
            static_cast<std::int8_t>(std::lround(descriptor_steps * std::clamp(values[i] / most, -1.0f, 1.0f))));
}

} // namespace chromatch
