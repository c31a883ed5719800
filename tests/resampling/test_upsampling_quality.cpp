// SPDX-License-Identifier: GPL-3.0-or-later
//
// Guided upsampling against plain bilinear interpolation, by what is seen: colours that spill over edges, and edges of
// colour where the photo has none.
#include "metrics.h"
#include "pictures.h"
#include "resampling/guided_upsampling.h"
#include "resampling/resize.h"

#include <gtest/gtest.h>
#include <stb_image.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

namespace chromatch {
namespace {

/// The image with its chroma shrunk and brought back to full size.
struct Upsampled {
    LabImage guided, bilinear;
};

Upsampled through(const LabImage& truth, int height, int width)
{
    const Plane a = resize(truth.a, height, width), b = resize(truth.b, height, width);
    Upsampled result{{truth.l, {}, {}}, {truth.l, {}, {}}};
    guided_upsample(truth.l, a, b, result.guided.a, result.guided.b);
    result.bilinear.a = resize(a, truth.l.height, truth.l.width);
    result.bilinear.b = resize(b, truth.l.height, truth.l.width);
    return result;
}

/// Mean distance of the chroma from the truth's within `near` pixels of a step of luminance larger than `step`.
double bleeding(const LabImage& image, const LabImage& truth, float step, int near)
{
    const Plane& l = truth.l;
    Plane close(l.height, l.width);
    for (int y = 1; y < l.height; ++y)
        for (int x = 1; x < l.width; ++x)
            if (std::fabs(l.at(y, x) - l.at(y, x - 1)) > step || std::fabs(l.at(y, x) - l.at(y - 1, x)) > step)
                for (int v = std::max(0, y - near); v <= std::min(l.height - 1, y + near); ++v)
                    for (int u = std::max(0, x - near); u <= std::min(l.width - 1, x + near); ++u)
                        close.at(v, u) = 1;
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < close.values.size(); ++i)
        if (close.values[i] > 0) {
            sum += std::hypot(image.a.values[i] - truth.a.values[i], image.b.values[i] - truth.b.values[i]);
            ++count;
        }
    EXPECT_GT(count, 100);
    return sum / count;
}

/// A dark red flower with five petals before a light blue ground, with the grain of a film.
LabImage flower(int side)
{
    LabImage image{Plane(side, side), Plane(side, side), Plane(side, side)};
    std::mt19937 generator(1);
    std::normal_distribution<float> grain(0, 1.5f);
    for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x) {
            const double v = y - 0.47 * side, u = x - 0.52 * side;
            const bool inside = std::hypot(u, v) < side * (0.3 + 0.09 * std::cos(5 * std::atan2(v, u)));
            image.l.at(y, x) = (inside ? 32.0f : 72.0f) + grain(generator);
            image.a.at(y, x) = inside ? 50.0f : -8.0f;
            image.b.at(y, x) = inside ? 30.0f : -25.0f;
        }
    return image;
}

TEST(UpsamplingQuality, ColoursKeepToStrongEdges)
{
    constexpr int side = 512;
    const LabImage truth = flower(side);
    for (const int factor : {4, 8, 16}) {
        const Upsampled result = through(truth, side / factor, side / factor);
        EXPECT_LT(bleeding(result.guided, truth, 20, factor), 0.5 * bleeding(result.bilinear, truth, 20, factor))
            << "factor " << factor;
    }
}

LabImage photo(const std::string& name)
{
    int width = 0, height = 0, channels = 0;
    const std::string file = std::string(CHROMATCH_TEST_SAMPLES) + "/" + name;
    const std::unique_ptr<stbi_uc, void (*)(void*)> rgb(stbi_load(file.c_str(), &width, &height, &channels, 3),
                                                        stbi_image_free);
    if (!rgb)
        throw std::runtime_error("cannot read " + file);
    return lab_from_srgb(rgb.get(), height, width);
}

/// UCE of a real photo is not 0: what counts is what the upsampling adds to it.
TEST(UpsamplingQuality, AddsFewEdgesOfColourWhereThePhotoHasNone)
{
    for (const char* name : {"flower", "mountains", "portrait", "forget-me-nots", "pagoda", "hills"}) {
        const LabImage truth = photo(name + std::string("-reference.jpg"));
        const double own = unsupported_chroma_edges(truth);
        for (const int short_side : {32, 64}) {
            const double scale = double(short_side) / std::min(truth.l.height, truth.l.width);
            const Upsampled result = through(truth, static_cast<int>(std::lround(truth.l.height * scale)),
                                             static_cast<int>(std::lround(truth.l.width * scale)));
            const double guided = unsupported_chroma_edges(result.guided) - own;
            const double bilinear = unsupported_chroma_edges(result.bilinear) - own;
            EXPECT_GT(bilinear, 0.01) << name << " " << short_side;
            EXPECT_LT(guided, 0.5 * bilinear) << name << " " << short_side;
        }
    }
}

} // namespace
} // namespace chromatch
