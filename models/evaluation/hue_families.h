// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pixels of the wrong hue: the share of the clearly coloured pixels of a photo that a result gives another hue, or
// none.
#pragma once

#include "chromatch.h"

#include <array>

namespace chromatch {

/// Of the true colour, by the angle of (a, b) in degrees.
enum class HueFamily {
    red,    ///< 335 to 50: red, pink
    yellow, ///< 50 to 105: orange, yellow
    green,  ///< 105 to 200
    blue,   ///< 200 to 335: blue, purple
};
constexpr int hue_family_count = 4;
constexpr const char* hue_family_names[hue_family_count] = {"red, pink", "yellow, orange", "green", "blue, purple"};

constexpr float coloured_chroma = 16;    ///< from which chroma on a true pixel counts
constexpr float colourless_chroma = 6;   ///< below which a result's pixel has no hue
constexpr double largest_hue_error = 45; ///< degrees

struct HueFaults {
    std::array<double, hue_family_count> coloured{}; ///< pixels whose true chroma is at least coloured_chroma
    std::array<double, hue_family_count> wrong{};    ///< of those, pixels off by more than largest_hue_error, or
                                                     ///< of less chroma than colourless_chroma
};

HueFamily hue_family(float a, float b);

HueFaults count_hue_faults(const LabImage& result, const LabImage& truth);

} // namespace chromatch
