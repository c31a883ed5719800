// SPDX-License-Identifier: GPL-3.0-or-later
#include "hue_families.h"
#include "pictures.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace chromatch;

HueFamily family_of(std::uint8_t red, std::uint8_t green, std::uint8_t blue)
{
    const std::uint8_t rgb[] = {red, green, blue};
    const LabImage image = lab_from_srgb(rgb, 1, 1);
    return hue_family(image.a.values[0], image.b.values[0]);
}

TEST(HueFamily, OfNamedColours)
{
    EXPECT_EQ(family_of(255, 0, 0), HueFamily::red);
    EXPECT_EQ(family_of(255, 105, 180), HueFamily::red); // hot pink
    EXPECT_EQ(family_of(255, 165, 0), HueFamily::yellow);
    EXPECT_EQ(family_of(255, 255, 0), HueFamily::yellow);
    EXPECT_EQ(family_of(34, 139, 34), HueFamily::green);  // forest green
    EXPECT_EQ(family_of(107, 142, 35), HueFamily::green); // a leaf
    EXPECT_EQ(family_of(135, 206, 235), HueFamily::blue); // sky
    EXPECT_EQ(family_of(128, 0, 128), HueFamily::blue);   // purple
}

/// Chroma and hue, in degrees.
struct Polar {
    float chroma, hue;
};

LabImage row_of(const std::vector<Polar>& pixels)
{
    LabImage image{Plane(1, int(pixels.size()), 50.0f), Plane(1, int(pixels.size())), Plane(1, int(pixels.size()))};
    for (std::size_t i = 0; i < pixels.size(); ++i) {
        const float angle = pixels[i].hue * std::acos(-1.0f) / 180;
        image.a.values[i] = pixels[i].chroma * std::cos(angle);
        image.b.values[i] = pixels[i].chroma * std::sin(angle);
    }
    return image;
}

TEST(HueFaults, CountByTrueFamily)
{
    const LabImage truth = row_of({{15, 0}, {17, 0}, {30, 20}, {30, 130}, {30, 130}, {30, 130}, {40, 350}});
    const LabImage result = row_of({
        {40, 180}, // the truth has too little chroma to count
        {7, 44},   // right: 44 degrees off, of chroma 7
        {5, 20},   // wrong: next to no chroma
        {30, 84},  // wrong: 46 degrees off
        {8, 174},  // right: 44 degrees to the other side
        {0, 0},    // wrong: gray
        {40, 30},  // right: 40 degrees off, over 0
    });
    const HueFaults faults = count_hue_faults(result, truth);
    EXPECT_EQ(faults.coloured, (std::array<double, 4>{3, 0, 3, 0}));
    EXPECT_EQ(faults.wrong, (std::array<double, 4>{1, 0, 2, 0}));
}

} // namespace
