// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/chroma_smoothing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace chromatch {
namespace {

/// A dark left half and a bright right half, with chroma of noise around 20 and -30.
class TwoHalves : public ::testing::Test {
  protected:
    static constexpr int height = 64, width = 96;

    TwoHalves()
    {
        std::mt19937 random(1);
        std::normal_distribution<float> noise(0.0f, 5.0f);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                luminance.at(y, x) = x < width / 2 ? 30.0f : 60.0f;
                a.at(y, x) = (x < width / 2 ? 20.0f : -30.0f) + noise(random);
                b.at(y, x) = noise(random);
            }
    }

    /// Largest difference of a from what it is without noise.
    float furthest() const
    {
        float most = 0.0f;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                most = std::max(most, std::abs(a.at(y, x) - (x < width / 2 ? 20.0f : -30.0f)));
        return most;
    }

    Plane luminance{height, width}, trust{height, width}, a{height, width}, b{height, width};
};

TEST_F(TwoHalves, AreSmoothedUpToTheirEdge)
{
    ASSERT_GT(furthest(), 10.0f);
    smooth_chroma(luminance, trust, a, b);
    EXPECT_LT(furthest(), 5.0f);
}

TEST_F(TwoHalves, KeepWhatIsTrusted)
{
    trust = Plane(height, width, 1.0f);
    const Plane old_a = a, old_b = b;
    smooth_chroma(luminance, trust, a, b);
    EXPECT_EQ(a.values, old_a.values);
    EXPECT_EQ(b.values, old_b.values);
}

TEST_F(TwoHalves, FollowWhatIsTrusted)
{
    for (int y = 20; y < 40; y++)
        for (int x = 10; x < 20; x++) {
            trust.at(y, x) = 1.0f;
            a.at(y, x) = 60.0f;
        }
    smooth_chroma(luminance, trust, a, b);
    EXPECT_EQ(a.at(30, 15), 60.0f);
    EXPECT_GT(a.at(30, 23), 40.0f); // beside it
    EXPECT_LT(a.at(30, 60), 0.0f);  // beyond the edge
}

TEST(ChromaSmoothing, ReachesAsFarInALargePicture)
{
    // How far a step in the chroma is spread, in shares of the picture, on luminance that rises softly.
    const auto reach = [](int side, float rise) {
        const Plane trust(side, side);
        Plane luminance(side, side), a(side, side), b(side, side);
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                luminance.at(y, x) = 50.0f + rise * x / side;
                a.at(y, x) = x < side / 2 ? 0.0f : 1.0f;
            }
        smooth_chroma(luminance, trust, a, b);
        int x = side / 2;
        while (a.at(side / 2, x) < 0.9f)
            x++;
        return double(x - side / 2) / side;
    };
    EXPECT_NEAR(reach(64, 0.0f), reach(256, 0.0f), 0.02);
    EXPECT_GT(reach(128, 0.0f), 0.02);
    EXPECT_NEAR(reach(64, 200.0f), reach(256, 200.0f), 0.02);
    EXPECT_LT(reach(256, 200.0f), reach(256, 0.0f) - 0.02);
}

TEST(ChromaSmoothing, LeavesEvenColoursAlone)
{
    const Plane luminance(16, 24, 50.0f);
    Plane trust(8, 12), a(8, 12, 12.0f), b(8, 12, -7.0f);
    trust.at(2, 3) = 0.7f;
    smooth_chroma(luminance, trust, a, b);
    for (std::size_t i = 0; i < a.values.size(); i++) {
        EXPECT_NEAR(a.values[i], 12.0f, 1e-3f);
        EXPECT_NEAR(b.values[i], -7.0f, 1e-3f);
    }
}

} // namespace
} // namespace chromatch
