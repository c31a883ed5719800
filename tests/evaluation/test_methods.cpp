// SPDX-License-Identifier: GPL-3.0-or-later
#include "methods.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace chromatch;

LabImage flat(int height, int width, float l, float a, float b)
{
    return {Plane(height, width, l), Plane(height, width, a), Plane(height, width, b)};
}

TEST(LuminanceLookup, GivesTheColourOfEqualRank)
{
    // The reference is dark red and bright blue in halves; the target's two grays are other values with the same ranks.
    LabImage reference = flat(2, 4, 20, 50, 30);
    LabImage target = flat(3, 6, 60, 0, 0);
    for (int y = 0; y < 2; ++y)
        for (int x = 2; x < 4; ++x) {
            reference.l.at(y, x) = 40;
            reference.a.at(y, x) = 5;
            reference.b.at(y, x) = -60;
        }
    for (int y = 0; y < 3; ++y)
        for (int x = 3; x < 6; ++x)
            target.l.at(y, x) = 90;
    const LabImage result = luminance_lookup(target.l, reference);
    EXPECT_EQ(result.l.values, target.l.values);
    EXPECT_FLOAT_EQ(result.a.at(0, 0), 50);
    EXPECT_FLOAT_EQ(result.b.at(2, 2), 30);
    EXPECT_FLOAT_EQ(result.a.at(0, 3), 5);
    EXPECT_FLOAT_EQ(result.b.at(2, 5), -60);
}

TEST(LuminanceLookup, OfOneLevelIsTheMeanColour)
{
    LabImage reference = flat(1, 4, 100, 10, 0);
    reference.a.at(0, 0) = 50;
    const LabImage result = luminance_lookup(Plane(2, 2, 0.0f), reference);
    EXPECT_FLOAT_EQ(result.a.at(1, 1), 20);
}

/// Puts a texture of stripes, L +- 10 and without change of the mean, on the right half.
void stripe_right_half(Plane& l)
{
    for (int y = 0; y < l.height; ++y)
        for (int x = l.width / 2; x < l.width; ++x)
            l.at(y, x) += x % 2 ? 10.0f : -10.0f;
}

TEST(Welsh, TellsTexturesOfOneLuminanceApart)
{
    // Smooth red and striped green, both of mean L 50. The target is smooth on the left, striped on the right.
    LabImage reference = flat(40, 80, 50, 40, 20);
    for (int y = 0; y < 40; ++y)
        for (int x = 40; x < 80; ++x) {
            reference.a.at(y, x) = -40;
            reference.b.at(y, x) = 30;
        }
    stripe_right_half(reference.l);
    Plane target(30, 60, 50.0f);
    stripe_right_half(target);
    const LabImage result = welsh_transfer(target, reference, 0);
    EXPECT_EQ(result.l.values, target.values);
    for (int y = 0; y < 30; ++y) {
        EXPECT_EQ(result.a.at(y, 10), 40);
        EXPECT_EQ(result.b.at(y, 10), 20);
        EXPECT_EQ(result.a.at(y, 45), -40);
        EXPECT_EQ(result.b.at(y, 45), 30);
    }
}

TEST(Welsh, RemapsTheTargetsLuminance)
{
    // The target's halves are 10 and 20, the reference's 40 and 80: without remapping both are nearest to 40.
    LabImage reference = flat(40, 80, 40, 40, 0);
    Plane target(30, 60, 10.0f);
    for (int y = 0; y < 40; ++y)
        for (int x = 40; x < 80; ++x) {
            reference.l.at(y, x) = 80;
            reference.a.at(y, x) = -40;
        }
    for (int y = 0; y < 30; ++y)
        for (int x = 30; x < 60; ++x)
            target.at(y, x) = 20;
    const LabImage result = welsh_transfer(target, reference, 0);
    EXPECT_EQ(result.a.at(15, 10), 40);
    EXPECT_EQ(result.a.at(15, 50), -40);
}

TEST(Welsh, DrawsSamplesBySeed)
{
    LabImage reference = flat(40, 40, 50, 0, 0);
    for (std::size_t i = 0; i < reference.a.values.size(); ++i) {
        reference.l.values[i] = static_cast<float>(i % 97);
        reference.a.values[i] = static_cast<float>(i % 53);
    }
    const Plane target = reference.l;
    const auto chroma = [&](std::uint64_t seed) { return welsh_transfer(target, reference, seed).a.values; };
    EXPECT_EQ(chroma(1), chroma(1));
    EXPECT_NE(chroma(1), chroma(2));
}

TEST(Welsh, FlatTargetAndTinyReference)
{
    const LabImage result = welsh_transfer(Plane(4, 4, 30.0f), flat(1, 1, 70, 8, -9), 0);
    EXPECT_EQ(result.a.at(2, 2), 8);
    EXPECT_EQ(result.b.at(0, 3), -9);
}

} // namespace
