// SPDX-License-Identifier: GPL-3.0-or-later
#include "hue_families.h"

#include <cmath>
#include <numbers>

namespace chromatch {

HueFamily hue_family(float a, float b)
{
    double degrees = std::atan2(b, a) * 180 / std::numbers::pi;
    if (degrees < 0)
        degrees += 360;
    if (degrees < 50 || degrees >= 335)
        return HueFamily::red;
    if (degrees < 105)
        return HueFamily::yellow;
    return degrees < 200 ? HueFamily::green : HueFamily::blue;
}

HueFaults count_hue_faults(const LabImage& result, const LabImage& truth)
{
    const double smallest_cosine = std::cos(largest_hue_error * std::numbers::pi / 180);
    HueFaults faults;
    for (std::size_t i = 0; i < truth.a.values.size(); ++i) {
        const float a = truth.a.values[i], b = truth.b.values[i];
        const float result_a = result.a.values[i], result_b = result.b.values[i];
        const double chroma = std::hypot(a, b), result_chroma = std::hypot(result_a, result_b);
        if (chroma < coloured_chroma)
            continue;
        const auto family = static_cast<std::size_t>(hue_family(a, b));
        const double cosine_times_chromas = static_cast<double>(a) * result_a + static_cast<double>(b) * result_b;
        faults.coloured[family] += 1;
        if (result_chroma < colourless_chroma || cosine_times_chromas < smallest_cosine * chroma * result_chroma)
            faults.wrong[family] += 1;
    }
    return faults;
}

} // namespace chromatch
