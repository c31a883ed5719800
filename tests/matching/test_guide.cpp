// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/guide.h"
#include "matching/matcher.h"

#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chromatch {
namespace {

/// Random vectors in the layout of a fused map: each level of length sqrt(1/3).
std::vector<float> random_map(int height, int width, unsigned seed)
{
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(height) * width * fused_channels);
    for (std::size_t pixel = 0; pixel < values.size(); pixel += fused_channels) {
        std::size_t channel = pixel;
        for (int count : match_channels) {
            float square = 0;
            for (int c = 0; c < count; c++) {
                values[channel + c] = normal(generator);
                square += values[channel + c] * values[channel + c];
            }
            for (int c = 0; c < count; c++)
                values[channel + c] /= std::sqrt(3.0f * square);
            channel += count;
        }
    }
    return values;
}

TEST(Guide, OfAMapWithItself)
{
    constexpr int height = 9, width = 14;
    const std::vector<float> values = random_map(height, width, 1);
    const FeatureMap map{values.data(), height, width, fused_channels};
    std::vector<float> chroma(2 * height * width);
    for (std::size_t i = 0; i < chroma.size(); i++)
        chroma[i] = 0.001f * i;
    const Guide guide = make_guide(map, map, chroma.data(), nullptr, 0, 1);
    const std::size_t pixels = height * width;
    ASSERT_EQ(guide.planes.size(), guide_channels * pixels);
    for (std::size_t pixel = 0; pixel < pixels; pixel++) {
        EXPECT_NEAR(guide.planes[guide_warp_a * pixels + pixel], chroma[pixel], 1e-4f);
        EXPECT_NEAR(guide.planes[guide_warp_b * pixels + pixel], chroma[pixels + pixel], 1e-4f);
        for (int channel : {guide_similarity4, guide_similarity8, guide_similarity16, guide_reverse_similarity,
                            guide_cycle_confidence, guide_valid})
            EXPECT_NEAR(guide.planes[channel * pixels + pixel], 1.0f, 1e-3f) << channel;
    }
}

TEST(Guide, OfAPairsMapsHasTheCosinesOfTheLevels)
{
    constexpr int height = 8, width = 10;
    const std::vector<float> values = random_map(height, width, 4);
    // What pair_maps() makes: the levels scaled, then the kind of place, less sure than it might be, and no colour.
    std::vector<float> pair;
    for (std::size_t pixel = 0; pixel < values.size(); pixel += fused_channels) {
        for (int c = 0; c < fused_channels; c++)
            pair.push_back(values[pixel + c] * static_cast<float>(std::sqrt(fused_share)));
        for (int c = fused_channels; c < pair_channels; c++)
            pair.push_back(c == fused_channels ? static_cast<float>(std::sqrt(0.8 * place_share)) : 0.0f);
    }
    const FeatureMap map{pair.data(), height, width, pair_channels};
    const std::vector<float> chroma(2 * height * width, 0.25f);
    const Guide guide = make_guide(map, map, chroma.data(), nullptr, 0, 1);
    const std::size_t pixels = height * width;
    for (std::size_t pixel = 0; pixel < pixels; pixel++) {
        for (int channel : {guide_similarity4, guide_similarity8, guide_similarity16})
            EXPECT_NEAR(guide.planes[channel * pixels + pixel], 1.0f, 1e-3f) << channel;
        EXPECT_NEAR(guide.planes[guide_reverse_similarity * pixels + pixel], 1.0 - 0.2 * place_share - chroma_share,
                    1e-3);
    }
}

TEST(Guide, OfUnrelatedMapsIsUnsure)
{
    constexpr int height = 24, width = 24;
    const std::vector<float> first = random_map(height, width, 1), second = random_map(height, width, 2);
    const std::vector<float> chroma(2 * height * width, 0.5f);
    const Guide guide = make_guide({first.data(), height, width, fused_channels},
                                   {second.data(), height, width, fused_channels}, chroma.data(), nullptr, 0, 2);
    const std::size_t pixels = height * width;
    double confidence = 0;
    for (std::size_t pixel = 0; pixel < pixels; pixel++) {
        confidence += guide.planes[guide_cycle_confidence * pixels + pixel] / pixels;
        EXPECT_NEAR(guide.planes[guide_warp_a * pixels + pixel], 0.5f, 1e-5f);
    }
    EXPECT_LT(confidence, 0.6);
}

TEST(FindMatches, FollowsAShiftOnLargeMaps)
{
    // Above the limit of exact search: PatchMatch, started from the coarse exact match.
    constexpr int side = 176, shift = 6;
    const std::vector<float> noise = random_map(side, side + shift, 3);
    const auto crop = [&](int from) {
        std::vector<float> values;
        for (int y = 0; y < side; y++)
            values.insert(values.end(), noise.begin() + (std::size_t(y) * (side + shift) + from) * fused_channels,
                          noise.begin() + (std::size_t(y) * (side + shift) + from + side) * fused_channels);
        return values;
    };
    const std::vector<float> target = crop(shift), reference = crop(0);
    MatchOptions options;
    options.seed = 5;
    const NearestNeighbourField field = find_matches(FeatureMap{target.data(), side, side, fused_channels},
                                                     FeatureMap{reference.data(), side, side, fused_channels}, options)
                                            .forward[0];
    int right = 0;
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side - shift; x++)
            right += field.match[field.index(y, x)] == Coordinate{std::uint16_t(y), std::uint16_t(x + shift)};
    EXPECT_GT(right, side * (side - shift) * 95 / 100);
}

} // namespace
} // namespace chromatch
