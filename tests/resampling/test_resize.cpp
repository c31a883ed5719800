// SPDX-License-Identifier: GPL-3.0-or-later
#include "resampling/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

namespace chromatch {
namespace {

Plane random_plane(int height, int width, unsigned seed)
{
    Plane plane(height, width);
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(0.0f, 100.0f);
    for (float& value : plane.values)
        value = uniform(generator);
    return plane;
}

double mean(const Plane& plane)
{
    return std::accumulate(plane.values.begin(), plane.values.end(), 0.0) / static_cast<double>(plane.values.size());
}

TEST(Resize, ToTheSameSizeChangesNothing)
{
    const Plane plane = random_plane(13, 7, 1);
    EXPECT_EQ(resize(plane, 13, 7).values, plane.values);
}

TEST(Resize, AConstantStaysTheConstantAtAnySize)
{
    for (const int height : {1, 2, 3, 17, 64})
        for (const int width : {1, 2, 5, 33})
            for (const int to : {1, 2, 3, 16, 50}) {
                const Plane result = resize(Plane(height, width, 42.0f), to, 2 * to + 1);
                ASSERT_EQ(result.height, to);
                ASSERT_EQ(result.width, 2 * to + 1);
                ASSERT_THAT(result.values, ::testing::Each(::testing::FloatNear(42.0f, 1e-4f)));
            }
}

TEST(Resize, ShrinkingKeepsTheMean)
{
    const Plane plane = random_plane(300, 420, 2);
    EXPECT_NEAR(mean(resize(plane, 30, 42)), mean(plane), 0.5);
    EXPECT_NEAR(mean(resize(plane, 77, 101)), mean(plane), 0.5);
    // To one pixel the triangle is widest at the middle; edges extended.
    EXPECT_NEAR(resize(plane, 1, 1).values[0], mean(plane), 3.0);
}

TEST(Resize, ShrinkingAveragesAFinePatternAway)
{
    Plane stripes(64, 64);
    for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x)
            stripes.at(y, x) = x % 2 == 0 ? 0.0f : 100.0f;
    const Plane result = resize(stripes, 16, 16);
    for (int y = 0; y < 16; ++y)
        for (int x = 1; x < 15; ++x)
            EXPECT_NEAR(result.at(y, x), 50.0f, 1e-3f);
}

TEST(Resize, ARampStaysARamp)
{
    // Pixel centres at .5: value = place, both ways, away from the edges.
    Plane ramp(1, 40);
    for (int x = 0; x < 40; ++x)
        ramp.at(0, x) = x + 0.5f;
    for (const int width : {10, 27, 40, 60, 160}) {
        const Plane result = resize(ramp, 1, width);
        const float scale = 40.0f / width;
        for (int x = 0; x < width; ++x) {
            const float place = (x + 0.5f) * scale;
            if (place > scale + 1.0f && place < 39.0f - scale) {
                EXPECT_NEAR(result.at(0, x), place, 0.02f * scale) << width;
            }
        }
    }
}

TEST(Resize, EnlargingByTwoIsBilinearWithExtendedEdges)
{
    Plane plane(1, 2);
    plane.values = {0.0f, 8.0f};
    EXPECT_THAT(resize(plane, 1, 4).values, ::testing::ElementsAre(0.0f, 2.0f, 6.0f, 8.0f));
    Plane column(2, 1);
    column.values = {0.0f, 8.0f};
    EXPECT_THAT(resize(column, 4, 1).values, ::testing::ElementsAre(0.0f, 2.0f, 6.0f, 8.0f));
}

TEST(Resize, OnePixelSpreads)
{
    EXPECT_THAT(resize(Plane(1, 1, 3.0f), 4, 5).values, ::testing::Each(3.0f));
}

TEST(Resize, RefusesImpossibleSizes)
{
    EXPECT_THROW(resize(Plane(), 4, 4), Error);
    EXPECT_THROW(resize(Plane(3, 3), 0, 4), Error);
    EXPECT_THROW(resize(Plane(3, 3), 4, -1), Error);
}

} // namespace
} // namespace chromatch
