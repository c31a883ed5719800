// SPDX-License-Identifier: GPL-3.0-or-later
#include "propagation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace chromatch;

constexpr int height = 32, width = 48;

/// Dark on the left, bright on the right of `edge`.
Plane two_halves(int edge)
{
    Plane plane(height, width, 30.0f);
    for (int y = 0; y < height; ++y)
        for (int x = edge; x < width; ++x)
            plane.at(y, x) = 70;
    return plane;
}

TEST(SpreadChroma, FullTrustKeepsTheWarp)
{
    PropagationOptions options;
    options.smoothness = 0;
    Plane warp_a(height, width, 5.0f), warp_b(height, width, -7.0f), a, b;
    warp_a.at(3, 4) = 60;
    spread_chroma(two_halves(20), warp_a, warp_b, Plane(height, width, 1.0f), 0, options, a, b);
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        EXPECT_NEAR(a.values[i], warp_a.values[i], 0.05);
        EXPECT_NEAR(b.values[i], -7, 0.05);
    }
}

TEST(SpreadChroma, SpreadsOverLikeLuminanceUpToTheEdge)
{
    // One trusted pixel in each half; all the rest of the warp is wrong and without trust.
    const int edge = 20;
    Plane warp_a(height, width, -90.0f), trust(height, width, 0.0f), a, b;
    warp_a.at(10, 5) = 40;
    warp_a.at(10, 40) = -20;
    trust.at(10, 5) = trust.at(10, 40) = 1;
    spread_chroma(two_halves(edge), warp_a, Plane(height, width), trust, 0, {}, a, b);
    EXPECT_NEAR(a.at(0, 0), 40, 3);
    EXPECT_NEAR(a.at(31, edge - 2), 40, 3);
    EXPECT_NEAR(a.at(31, edge + 1), -20, 3);
    EXPECT_NEAR(a.at(0, width - 1), -20, 3);
}

TEST(SpreadChroma, PullsToGrayWhereNothingIsTrusted)
{
    Plane a, b;
    spread_chroma(two_halves(20), Plane(height, width, 50.0f), Plane(height, width, 50.0f), Plane(height, width), 0.02f,
                  {}, a, b);
    for (const float value : a.values)
        EXPECT_NEAR(value, 0, 1);
}

TEST(SpreadChroma, SolvesItsEquations)
{
    // Two pixels of equal L, the left one of trust 1 and chroma 10: (1 + g + s) x - s y = 10, (g + s) y - s x = 0.
    PropagationOptions options;
    options.smoothness = 2;
    Plane warp(1, 2), trust(1, 2), a, b;
    warp.values = {10, 99};
    trust.values = {1, 0};
    spread_chroma(Plane(1, 2, 50.0f), warp, warp, trust, 0.5f, options, a, b);
    const double y_over_x = 2 / 2.5, x = 10 / (3.5 - 2 * y_over_x);
    EXPECT_NEAR(a.values[0], x, 0.01);
    EXPECT_NEAR(a.values[1], x * y_over_x, 0.01);
}

TEST(WorkingLuminance, HasTheEnginesSize)
{
    const Plane small = working_luminance(Plane(300, 417, 50.0f), 128);
    EXPECT_EQ(small.height, 128);
    EXPECT_EQ(small.width, 176); // 177.9, rounded to a multiple of 16
    const Plane own = working_luminance(Plane(100, 130, 50.0f), 256);
    EXPECT_EQ(own.height, 96);
    EXPECT_EQ(own.width, 128);
    EXPECT_EQ(working_luminance(Plane(20, 20, 50.0f), 256).height, 64);
}

TEST(Propagate, CarriesTheReferencesColoursOver)
{
    // Every pixel of the 8 x 8 map has an axis of its own as feature, so it meets the same pixel of the reference.
    constexpr int side = 8, pixels = side * side;
    static_assert(pixels == fused_channels);
    std::vector<float> features(pixels * fused_channels), chroma(2 * pixels);
    for (int i = 0; i < pixels; ++i) {
        features[i * fused_channels + i] = 1;
        chroma[i] = i % side < side / 2 ? 20.0f : -20.0f;
        chroma[pixels + i] = 12;
    }
    const FeatureMap map{features.data(), side, side, fused_channels};
    const Guide guide = make_guide(map, map, chroma.data(), nullptr, 0, 1);
    Plane target(4 * side, 4 * side, 30.0f);
    for (int y = 0; y < target.height; ++y)
        for (int x = target.width / 2; x < target.width; ++x)
            target.at(y, x) = 70;
    const LabImage result = propagate(target, target, guide);
    EXPECT_EQ(result.l.values, target.values);
    for (const int x : {3, 9}) { // the pull to gray costs a little
        EXPECT_NEAR(result.a.at(16, x), 20, 1.5);
        EXPECT_NEAR(result.a.at(16, target.width - 1 - x), -20, 1.5);
        EXPECT_NEAR(result.b.at(16, x), 12, 1.5);
    }
}

} // namespace
