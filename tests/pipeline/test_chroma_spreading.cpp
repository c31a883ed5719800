// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/chroma_spreading.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace chromatch {
namespace {

constexpr int channels = 16;

/// A map in which the feature of each pixel is the unit vector of its kind, or minus that for a negative kind.
struct KindMap {
    std::vector<float> values;
    FeatureMap map;

    KindMap(int height, int width, const std::function<int(int, int)>& kind)
        : values(static_cast<std::size_t>(height) * width * channels), map{values.data(), height, width, channels}
    {
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const int here = kind(y, x);
                values[(static_cast<std::size_t>(y) * width + x) * channels + std::abs(here)] = here < 0 ? -1.0f : 1.0f;
            }
    }
};

void fill(Plane& plane, int top, int left, int bottom, int right, float value)
{
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            plane.at(y, x) = value;
}

/// On even luminance, where what is trusted serves the others.
void spread(const KindMap& kinds, const Plane& trust, Plane& a, Plane& b)
{
    const Plane luminance(2 * kinds.map.height, 2 * kinds.map.width, 50.0f);
    spread_chroma(kinds.map, luminance, trust, trust, a, b);
}

/// Two kinds of place side by side, and twice as many pixels of chroma as of features, as in the pipeline.
class TwoKinds : public ::testing::Test {
  protected:
    KindMap kinds{32, 48, [](int, int x) { return x < 24 ? 1 : 2; }};
    Plane trust{64, 96}, a{64, 96, 4.0f}, b{64, 96, -3.0f};
};

TEST_F(TwoKinds, EachTakesTheColoursThatAreTrustedWithinIt)
{
    fill(trust, 10, 10, 16, 16, 1.0f);
    fill(a, 10, 10, 16, 16, 30.0f);
    fill(b, 10, 10, 16, 16, 40.0f);
    fill(trust, 50, 80, 56, 86, 1.0f);
    fill(a, 50, 80, 56, 86, -25.0f);
    fill(b, 50, 80, 56, 86, 5.0f);
    spread(kinds, trust, a, b);
    // Above 30 / 40 and -25 / 5 nothing may go; a few percent are left of the guess.
    for (const auto& [y, x] : {std::pair{30, 30}, {5, 5}, {40, 40}}) {
        EXPECT_NEAR(a.at(y, x), 30.0f, 1.5f) << y << ", " << x;
        EXPECT_NEAR(b.at(y, x), 40.0f, 2.0f) << y << ", " << x;
    }
    for (const auto& [y, x] : {std::pair{60, 90}, {35, 60}, {45, 70}}) {
        EXPECT_NEAR(a.at(y, x), -25.0f, 1.5f) << y << ", " << x;
        EXPECT_NEAR(b.at(y, x), 5.0f, 1.5f) << y << ", " << x;
    }
}

TEST_F(TwoKinds, WhatIsTrustedKeepsItsColours)
{
    fill(trust, 0, 0, 64, 40, 1.0f);
    fill(a, 0, 0, 64, 36, 50.0f);
    const Plane old_a = a, old_b = b;
    spread(kinds, trust, a, b);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 40; x++) {
            ASSERT_EQ(a.at(y, x), old_a.at(y, x)) << y << ", " << x;
            ASSERT_EQ(b.at(y, x), old_b.at(y, x)) << y << ", " << x;
        }
    EXPECT_GT(a.at(30, 44), 10.0f) << "the rest of that kind changes";
}

TEST_F(TwoKinds, HalfTrustTakesHalf)
{
    fill(trust, 0, 0, 64, 24, 1.0f);
    fill(a, 0, 0, 64, 24, 40.0f);
    Plane half_trust = trust, half_a = a, half_b = b;
    fill(half_trust, 28, 34, 30, 36, 0.5f);
    spread(kinds, trust, a, b);
    spread(kinds, half_trust, half_a, half_b);
    EXPECT_NEAR(half_a.at(29, 35) - 4.0f, 0.5f * (a.at(29, 35) - 4.0f), 0.6f);
}

TEST_F(TwoKinds, WithoutTrustNothingChanges)
{
    a.at(20, 20) = 17.0f;
    const Plane old_a = a, old_b = b;
    spread(kinds, trust, a, b);
    EXPECT_EQ(a.values, old_a.values);
    EXPECT_EQ(b.values, old_b.values);
}

TEST_F(TwoKinds, DetailOfTheGuessStays)
{
    fill(trust, 0, 0, 8, 8, 1.0f);
    fill(a, 0, 0, 8, 8, 40.0f);
    for (int x = 8; x < 40; x++)
        a.at(20, x) += x % 2 ? 1.0f : -1.0f;
    spread(kinds, trust, a, b);
    for (int x = 12; x < 36; x++)
        EXPECT_NEAR(std::abs(a.at(20, x) - a.at(20, x + 1)), 2.0f, 0.1f) << x;
}

TEST(SpreadChroma, AnOppositePlaceKeepsItsGuess)
{
    const KindMap kinds(32, 32, [](int, int x) { return x < 16 ? 1 : -1; });
    Plane trust(32, 32), a(32, 32, 2.0f), b(32, 32, 2.0f);
    fill(trust, 0, 0, 32, 16, 1.0f);
    fill(a, 0, 0, 32, 16, 60.0f);
    spread(kinds, trust, a, b);
    for (int x = 18; x < 32; x++) // beside the border the interpolation mixes
        EXPECT_LT(a.at(16, x), 4.0f) << x;
}

TEST(SpreadChroma, OfTwoColoursTheCommonerWinsAndNoneIsMixed)
{
    const KindMap kinds(32, 32, [](int, int) { return 1; });
    Plane trust(32, 32), a(32, 32), b(32, 32);
    fill(trust, 0, 0, 4, 32, 1.0f);
    fill(a, 0, 0, 4, 20, 60.0f);
    fill(b, 0, 20, 4, 32, -60.0f);
    spread(kinds, trust, a, b);
    EXPECT_NEAR(a.at(20, 10), 60.0f, 6.0f);
    EXPECT_NEAR(b.at(20, 10), 0.0f, 6.0f);
}

TEST(SpreadChroma, LuminanceTellsPlacesOfOneKindApart)
{
    const KindMap kinds(32, 32, [](int, int) { return 1; });
    Plane luminance(32, 32), trust(32, 32), a(32, 32), b(32, 32);
    fill(luminance, 0, 0, 32, 16, 30.0f);
    fill(luminance, 0, 16, 32, 32, 80.0f);
    fill(trust, 0, 0, 4, 32, 1.0f);
    fill(a, 0, 0, 4, 16, 40.0f);
    fill(b, 0, 16, 4, 32, 40.0f);
    spread_chroma(kinds.map, luminance, trust, trust, a, b);
    EXPECT_NEAR(a.at(20, 8), 40.0f, 2.0f);
    EXPECT_NEAR(b.at(20, 8), 0.0f, 2.0f);
    EXPECT_NEAR(a.at(20, 24), 0.0f, 2.0f);
    EXPECT_NEAR(b.at(20, 24), 40.0f, 2.0f);
}

TEST(SpreadChroma, OnlySourcesServe)
{
    const KindMap kinds(32, 32, [](int, int) { return 1; });
    const Plane luminance(32, 32, 50.0f);
    Plane trust(32, 32), source(32, 32), a(32, 32), b(32, 32);
    fill(trust, 0, 0, 8, 32, 1.0f);
    fill(source, 0, 0, 8, 4, 1.0f);
    fill(a, 0, 0, 8, 32, -40.0f);
    fill(a, 0, 0, 8, 4, 40.0f);
    spread_chroma(kinds.map, luminance, trust, source, a, b);
    EXPECT_NEAR(a.at(24, 20), 40.0f, 3.0f);
    EXPECT_EQ(a.at(4, 20), -40.0f) << "trusted: kept";
}

TEST(SpreadChroma, ReachesNoFurtherThanTheShortSideOrSo)
{
    const KindMap kinds(32, 256, [](int, int) { return 1; });
    Plane trust(32, 256), a(32, 256), b(32, 256);
    fill(trust, 0, 0, 32, 4, 1.0f);
    fill(a, 0, 0, 32, 4, 50.0f);
    spread(kinds, trust, a, b);
    EXPECT_NEAR(a.at(16, 20), 50.0f, 2.0f);
    EXPECT_EQ(a.at(16, 60), 0.0f);
}

TEST(SpreadChroma, EvenColoursStayEvenAtAnySizeAndTrust)
{
    for (const auto& [height, width] : {std::pair{1, 1}, {1, 40}, {33, 5}, {16, 128}, {90, 64}})
        for (const float least : {0.3f, 1e-3f, 1e-4f, 1e-6f}) { // little trust must not drain the colours
            const KindMap kinds(height, width, [](int y, int x) { return (y + x) % 3; });
            Plane trust(2 * height, 2 * width, least), a(2 * height, 2 * width, 10.0f),
                b(2 * height, 2 * width, -20.0f);
            spread(kinds, trust, a, b);
            for (std::size_t i = 0; i < a.values.size(); i++) {
                ASSERT_NEAR(a.values[i], 10.0f, 0.01f) << height << " x " << width;
                ASSERT_NEAR(b.values[i], -20.0f, 0.01f) << height << " x " << width;
            }
        }
}

} // namespace
} // namespace chromatch
