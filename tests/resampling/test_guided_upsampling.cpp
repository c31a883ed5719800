// SPDX-License-Identifier: GPL-3.0-or-later
#include "resampling/guided_upsampling.h"

#include "resampling/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace chromatch {
namespace {

Plane random_plane(int height, int width, float lowest, float highest, unsigned seed)
{
    Plane plane(height, width);
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(lowest, highest);
    for (float& value : plane.values)
        value = uniform(generator);
    return plane;
}

struct Chroma {
    Plane a, b;
};

Chroma upsample(const Plane& luminance, const Plane& a, const Plane& b)
{
    Chroma full;
    guided_upsample(luminance, a, b, full.a, full.b);
    EXPECT_TRUE(full.a.same_size(luminance));
    EXPECT_TRUE(full.b.same_size(luminance));
    return full;
}

TEST(GuidedUpsample, FlatLuminanceGivesBilinearInterpolation)
{
    const Plane a = random_plane(9, 12, -80, 80, 1), b = random_plane(9, 12, -80, 80, 2);
    const Chroma full = upsample(Plane(63, 85, 60.0f), a, b);
    const Plane expected_a = resize(a, 63, 85), expected_b = resize(b, 63, 85);
    EXPECT_THAT(full.a.values, ::testing::Pointwise(::testing::FloatNear(2e-3f), expected_a.values));
    EXPECT_THAT(full.b.values, ::testing::Pointwise(::testing::FloatNear(2e-3f), expected_b.values));
}

TEST(GuidedUpsample, ConstantChromaStaysConstantUnderAnyLuminance)
{
    const Chroma full = upsample(random_plane(50, 70, 0, 100, 3), Plane(8, 11, 31.0f), Plane(8, 11, -17.0f));
    EXPECT_THAT(full.a.values, ::testing::Each(::testing::FloatNear(31.0f, 1e-2f)));
    EXPECT_THAT(full.b.values, ::testing::Each(::testing::FloatNear(-17.0f, 1e-2f)));
}

TEST(GuidedUpsample, ChromaEdgesBecomeAsSharpAsTheLuminanceEdge)
{
    // Left dark and red, right light and blue; the edge lies inside a small pixel. 16 full pixels to a small one.
    const int height = 128, width = 256, edge = 133, factor = 16;
    Plane luminance(height, width), true_a(height, width), true_b(height, width);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            luminance.at(y, x) = x < edge ? 30.0f : 70.0f;
            true_a.at(y, x) = x < edge ? 50.0f : -10.0f;
            true_b.at(y, x) = x < edge ? 40.0f : -45.0f;
        }
    const Plane a = resize(true_a, height / factor, width / factor);
    const Plane b = resize(true_b, height / factor, width / factor);
    const Chroma full = upsample(luminance, a, b);
    const Plane bilinear = resize(a, height, width);
    const int y = height / 2;
    // Two pixels from the edge, where bilinear interpolation is near the middle of the two colours.
    EXPECT_GT(std::fabs(bilinear.at(y, edge - 2) - 50.0f), 15.0f);
    EXPECT_NEAR(full.a.at(y, edge - 2), 50.0f, 6.0f);
    EXPECT_NEAR(full.a.at(y, edge + 2), -10.0f, 6.0f);
    EXPECT_NEAR(full.b.at(y, edge - 2), 40.0f, 8.0f);
    EXPECT_NEAR(full.b.at(y, edge + 2), -45.0f, 8.0f);
    // And over the whole image the error is a small part of bilinear interpolation's.
    double guided_error = 0.0, bilinear_error = 0.0;
    for (std::size_t i = 0; i < true_a.values.size(); ++i) {
        guided_error += std::fabs(full.a.values[i] - true_a.values[i]);
        bilinear_error += std::fabs(bilinear.values[i] - true_a.values[i]);
    }
    EXPECT_LT(guided_error, 0.25 * bilinear_error);
}

TEST(GuidedUpsample, DoesNotLeaveTheChromaOfTheNeighbourhood)
{
    // Thin black and white lines far outside the luminance that the small image shows.
    Plane luminance = random_plane(160, 160, 40, 60, 4);
    for (int i = 0; i < 160; ++i) {
        luminance.at(i, 40) = 0.0f;
        luminance.at(i, 90) = 100.0f;
    }
    Plane a(20, 20), b(20, 20);
    const Plane small = resize(luminance, 20, 20);
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        a.values[i] = 4.0f * (small.values[i] - 50.0f); // a steep dependence, to extrapolate from
        b.values[i] = -a.values[i];
    }
    const auto [lowest, highest] = std::minmax_element(a.values.begin(), a.values.end());
    const float margin = 0.11f * (*highest - *lowest);
    const Chroma full = upsample(luminance, a, b);
    EXPECT_GE(*std::min_element(full.a.values.begin(), full.a.values.end()), *lowest - margin);
    EXPECT_LE(*std::max_element(full.a.values.begin(), full.a.values.end()), *highest + margin);
}

TEST(GuidedUpsample, ShrunkAgainItIsTheChromaThatCameIn)
{
    // Smooth chroma and a luminance with fine grain: the grain must not move the colours.
    Plane a(24, 24), b(24, 24);
    for (int y = 0; y < 24; ++y)
        for (int x = 0; x < 24; ++x) {
            a.at(y, x) = 40.0f * std::sin(0.3f * static_cast<float>(x));
            b.at(y, x) = 40.0f * std::cos(0.25f * static_cast<float>(y));
        }
    const Chroma full = upsample(random_plane(192, 192, 45, 55, 5), a, b);
    const Plane back_a = resize(full.a, 24, 24), back_b = resize(full.b, 24, 24);
    for (int y = 1; y < 23; ++y)
        for (int x = 1; x < 23; ++x) {
            EXPECT_NEAR(back_a.at(y, x), a.at(y, x), 2.0f);
            EXPECT_NEAR(back_b.at(y, x), b.at(y, x), 2.0f);
        }
}

TEST(GuidedUpsample, TinyAndOddSizesWork)
{
    const int sizes[][4] = {{1, 1, 1, 1}, {5, 7, 1, 1}, {1, 9, 1, 3}, {9, 1, 4, 1}, {3, 3, 8, 8}, {31, 2, 7, 2}};
    for (const auto& size : sizes) {
        const Plane a = random_plane(size[2], size[3], -50, 50, 6), b = random_plane(size[2], size[3], -50, 50, 7);
        const Chroma full = upsample(random_plane(size[0], size[1], 0, 100, 8), a, b);
        for (const float value : full.a.values) {
            ASSERT_TRUE(std::isfinite(value));
            ASSERT_LE(std::fabs(value), 61.0f);
        }
    }
}

TEST(GuidedUpsample, TheSameInputGivesTheSameBytes)
{
    const Plane luminance = random_plane(301, 203, 0, 100, 9);
    const Plane a = random_plane(40, 27, -50, 50, 10), b = random_plane(40, 27, -50, 50, 11);
    const Chroma first = upsample(luminance, a, b), second = upsample(luminance, a, b);
    EXPECT_EQ(first.a.values, second.a.values);
    EXPECT_EQ(first.b.values, second.b.values);
}

TEST(GuidedUpsample, RefusesPlanesThatDoNotFit)
{
    Plane full_a, full_b;
    EXPECT_THROW(guided_upsample(Plane(), Plane(2, 2), Plane(2, 2), full_a, full_b), Error);
    EXPECT_THROW(guided_upsample(Plane(4, 4), Plane(), Plane(), full_a, full_b), Error);
    EXPECT_THROW(guided_upsample(Plane(4, 4), Plane(2, 2), Plane(2, 3), full_a, full_b), Error);
}

} // namespace
} // namespace chromatch
