// SPDX-License-Identifier: GPL-3.0-or-later
#include "distortion.h"
#include "random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace chromatch;

TEST(Random, IsSplitMix64)
{
    // First outputs of the published generator from seed 0 (Vigna's splitmix64.c).
    Random random(0);
    EXPECT_EQ(random.next(), 0xe220a8397b1dcdafu);
    EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4u);
}

TEST(Distortion, StaysWithinItsBoundsOverManySeeds)
{
    const int height = 60, width = 80;
    bool flipped = false, straight = false;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        const Distortion drawn = draw_distortion(height, width, seed);
        const double area = double(drawn.height) * drawn.width / (height * width);
        EXPECT_GE(area, 0.58);
        EXPECT_LE(area, 1.0);
        EXPECT_NEAR(double(drawn.width) / drawn.height, 80.0 / 60, 0.04);
        EXPECT_GE(drawn.gamma, 0.7f);
        EXPECT_LE(drawn.gamma, 1.4f);
        // The middle row's direction tells flip and rotation: within 15 degrees and what the warp adds.
        const int y = drawn.height / 2, last = drawn.width - 1;
        const double dy = drawn.source_y.at(y, last) - drawn.source_y.at(y, 0);
        const double dx = drawn.source_x.at(y, last) - drawn.source_x.at(y, 0);
        (dx < 0 ? flipped : straight) = true;
        EXPECT_LT(std::abs(std::atan(dy / dx)) * 180 / std::acos(-1.0), 30) << "seed " << seed;
        for (std::size_t i = 0; i < drawn.source_y.values.size(); ++i) {
            ASSERT_GT(drawn.source_y.values[i], -0.6 * height);
            ASSERT_LT(drawn.source_y.values[i], 1.6 * height);
        }
    }
    EXPECT_TRUE(flipped);
    EXPECT_TRUE(straight);
}

TEST(Distortion, SameSeedSameResult)
{
    const Distortion first = draw_distortion(20, 30, 5), second = draw_distortion(20, 30, 5);
    EXPECT_EQ(first.source_x.values, second.source_x.values);
    EXPECT_EQ(first.gamma, second.gamma);
    EXPECT_NE(draw_distortion(20, 30, 6).source_x.values, first.source_x.values);
    EXPECT_NE(named_seed(0, "a.jpg"), named_seed(0, "b.jpg"));
    EXPECT_NE(named_seed(0, "a.jpg"), named_seed(1, "a.jpg"));
}

TEST(Distort, SamplesBilinearlyAndMirrorsTheBorder)
{
    LabImage photo{Plane(2, 3, 50.0f), Plane(2, 3), Plane(2, 3)};
    for (int y = 0; y < 2; ++y)
        for (int x = 0; x < 3; ++x)
            photo.a.at(y, x) = 10.0f * y + x;
    Distortion given{1, 5, Plane(1, 5), Plane(1, 5), 1.0f};
    const float places[5][2] = {{0, 2}, {0.5f, 1.25f}, {0, -1}, {0, 3}, {-2, 0.5f}};
    for (int i = 0; i < 5; ++i) {
        given.source_y.values[i] = places[i][0];
        given.source_x.values[i] = places[i][1];
    }
    const LabImage result = distort(photo, given);
    EXPECT_FLOAT_EQ(result.a.values[0], 2);
    EXPECT_FLOAT_EQ(result.a.values[1], 6.25f);
    EXPECT_FLOAT_EQ(result.a.values[2], 0);
    EXPECT_FLOAT_EQ(result.a.values[3], 2);
    EXPECT_FLOAT_EQ(result.a.values[4], 10.5f);
    EXPECT_FLOAT_EQ(result.l.values[0], 50);
}

TEST(Distort, GammaBendsLuminanceOnly)
{
    const LabImage photo{Plane(3, 3, 25.0f), Plane(3, 3, 12.0f), Plane(3, 3, -8.0f)};
    Distortion given{1, 1, Plane(1, 1, 1.0f), Plane(1, 1, 1.0f), 0.5f};
    const LabImage result = distort(photo, given);
    EXPECT_FLOAT_EQ(result.l.values[0], 50);
    EXPECT_FLOAT_EQ(result.a.values[0], 12);
    EXPECT_FLOAT_EQ(result.b.values[0], -8);
}

TEST(Distort, TinyPhotos)
{
    for (const int side : {1, 2, 3}) {
        const LabImage photo{Plane(side, 1, 40.0f), Plane(side, 1, 5.0f), Plane(side, 1, 6.0f)};
        const LabImage result = distort(photo, draw_distortion(side, 1, 3));
        for (const float a : result.a.values)
            EXPECT_FLOAT_EQ(a, 5);
    }
}

} // namespace
