// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/voting.h"

#include "chromatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace chromatch {
namespace {

NearestNeighbourField make_field(int height, int width, int reference_height, int reference_width, unsigned seed)
{
    NearestNeighbourField field;
    field.height = height;
    field.width = width;
    std::mt19937 generator(seed);
    for (int i = 0; i < height * width; ++i)
        field.match.push_back({static_cast<std::uint16_t>(generator() % reference_height),
                               static_cast<std::uint16_t>(generator() % reference_width)});
    field.distance.assign(field.match.size(), 0.0f);
    return field;
}

NearestNeighbourField identity(int height, int width)
{
    NearestNeighbourField field = make_field(height, width, 1, 1, 0);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            field.match[field.index(y, x)] = {static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(x)};
    return field;
}

std::vector<float> random_values(std::size_t count, unsigned seed)
{
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> uniform(-110.0f, 110.0f);
    std::vector<float> values(count);
    for (float& value : values)
        value = uniform(generator);
    return values;
}

TEST(Vote, OfAConstantIsTheConstant)
{
    const std::vector<float> constant(2 * 6 * 5, 37.5f);
    for (const int patch : {1, 3, 5})
        EXPECT_THAT(vote(make_field(9, 4, 6, 5, 1), constant.data(), 2, 6, 5, patch), ::testing::Each(37.5f));
}

TEST(Vote, ThroughTheIdentityGivesTheReferenceBack)
{
    const std::vector<float> values = random_values(3 * 7 * 8, 2);
    for (const int patch : {1, 3, 5})
        EXPECT_THAT(vote(identity(7, 8), values.data(), 3, 7, 8, patch),
                    ::testing::Pointwise(::testing::FloatEq(), values));
}

TEST(Vote, WithPatchOneLooksUp)
{
    const NearestNeighbourField field = make_field(5, 9, 4, 3, 3);
    const std::vector<float> values = random_values(2 * 4 * 3, 4);
    const std::vector<float> warped = vote(field, values.data(), 2, 4, 3, 1);
    for (int c = 0; c < 2; ++c)
        for (std::size_t i = 0; i < field.match.size(); ++i)
            EXPECT_EQ(warped[c * 45 + i], values[c * 12 + field.match[i].y * 3 + field.match[i].x]);
}

TEST(Vote, AveragesWhatTheOverlappingPatchesBring)
{
    // Target 1 x 2, reference 1 x 4: pixel 0 matches 2, pixel 1 matches 0. Pixel 0 hears 2 from itself and -1 (outside)
    // from pixel 1; pixel 1 hears 0 from itself and 3 from pixel 0.
    NearestNeighbourField field = make_field(1, 2, 1, 1, 0);
    field.match = {{0, 2}, {0, 0}};
    const float values[4] = {10.0f, 20.0f, 30.0f, 50.0f};
    EXPECT_THAT(vote(field, values, 1, 1, 4, 3), ::testing::ElementsAre(30.0f, 30.0f));
    EXPECT_THAT(vote(field, values, 1, 1, 4, 1), ::testing::ElementsAre(30.0f, 10.0f));
}

TEST(Vote, RefusesAFieldThatPointsOutside)
{
    NearestNeighbourField field = make_field(3, 3, 4, 4, 5);
    field.match[8] = {3, 4};
    const std::vector<float> values(16, 0.0f);
    EXPECT_THROW(vote(field, values.data(), 1, 4, 4, 3), Error);
    field.match[8] = {4, 3};
    EXPECT_THROW(vote(field, values.data(), 1, 4, 4, 3), Error);
    field.match[8] = {3, 3};
    EXPECT_NO_THROW(vote(field, values.data(), 1, 4, 4, 3));
    EXPECT_THROW(vote(field, values.data(), 1, 4, 4, 2), Error);
    field.match.pop_back();
    EXPECT_THROW(vote(field, values.data(), 1, 4, 4, 3), Error);
}

TEST(CycleConfidence, IsOneWhereTheWayBackEndsAtItsStart)
{
    EXPECT_THAT(cycle_confidence(identity(4, 6), identity(4, 6), 2.0f), ::testing::Each(1.0f));
}

TEST(CycleConfidence, FallsWithTheDistanceInPixels)
{
    // The way back from everywhere ends at (0, 0).
    NearestNeighbourField reverse = identity(4, 6);
    std::fill(reverse.match.begin(), reverse.match.end(), Coordinate{0, 0});
    const std::vector<float> confidence = cycle_confidence(identity(4, 6), reverse, 2.0f);
    for (int y = 0; y < 4; ++y)
        for (int x = 0; x < 6; ++x)
            EXPECT_NEAR(confidence[y * 6 + x], std::exp(-(y * y + x * x) / 8.0), 1e-6);
}

TEST(CycleConfidence, RefusesFieldsOfOtherSizes)
{
    EXPECT_THROW(cycle_confidence(identity(4, 6), identity(4, 5), 2.0f), Error);
    EXPECT_THROW(cycle_confidence(identity(4, 5), identity(4, 6), 2.0f), Error);
    EXPECT_THROW(cycle_confidence(identity(4, 6), identity(4, 6), 0.0f), Error);
}

TEST(Vote, MaskedPixelsDoNotVote)
{
    // Pixel 1 of the reference is hidden; no target pixel matches it, but patches around pixel 0 overlap it.
    NearestNeighbourField field{1, 3, {{0, 0}, {0, 2}, {0, 2}}, {0.0f, 0.0f, 0.0f}};
    const float values[] = {10.0f, 1000.0f, 30.0f};
    const std::uint8_t mask[] = {1, 0, 1};
    for (float value : vote(field, values, 1, 1, 3, 3, mask))
        EXPECT_LE(value, 30.0f);
    EXPECT_GT(vote(field, values, 1, 1, 3, 3)[1], 30.0f);
    const std::uint8_t wrong[] = {0, 1, 1};
    EXPECT_THROW(vote(field, values, 1, 1, 3, 1, wrong), Error);
}

} // namespace
} // namespace chromatch
