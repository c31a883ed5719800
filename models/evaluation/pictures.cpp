// SPDX-License-Identifier: GPL-3.0-or-later
#include "pictures.h"

#include "colour/cielab.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace chromatch {

LabImage lab_from_srgb(const std::uint8_t* rgb, int height, int width)
{
    static const auto curve = [] {
        std::array<float, 256> values;
        for (int i = 0; i < 256; ++i)
            values[i] = srgb_to_linear(i / 255.0f);
        return values;
    }();
    LabImage image{Plane(height, width), Plane(height, width), Plane(height, width)};
    for (std::size_t i = 0; i < image.l.values.size(); ++i) {
        const float linear[3] = {curve[rgb[3 * i]], curve[rgb[3 * i + 1]], curve[rgb[3 * i + 2]]};
        float lab[3];
        linear_rgb_to_lab(linear, lab);
        image.l.values[i] = lab[0];
        image.a.values[i] = lab[1];
        image.b.values[i] = lab[2];
    }
    return image;
}

std::vector<float> srgb_values(const LabImage& image)
{
    std::vector<float> values(image.l.values.size() * 3);
    for (std::size_t i = 0; i < image.l.values.size(); ++i) {
        const float lab[3] = {image.l.values[i], image.a.values[i], image.b.values[i]};
        float linear[3];
        lab_to_linear_rgb(lab, linear);
        for (int c = 0; c < 3; ++c)
            values[3 * i + c] = std::clamp(255.0f * linear_to_srgb(linear[c]), 0.0f, 255.0f);
    }
    return values;
}

std::vector<std::uint8_t> srgb_bytes(const LabImage& image)
{
    const std::vector<float> values = srgb_values(image);
    std::vector<std::uint8_t> bytes(values.size());
    std::transform(values.begin(), values.end(), bytes.begin(),
                   [](float value) { return static_cast<std::uint8_t>(std::lround(value)); });
    return bytes;
}

LabImage gray_image(const Plane& l)
{
    return {l, Plane(l.height, l.width), Plane(l.height, l.width)};
}

} // namespace chromatch
