// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/fixed_point.h"

#include "chromatch.h"
#include "feature_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::noise_map;

std::string message_of(const FeatureBatch& maps)
{
    try {
        to_fixed_point(maps, 3, "target", 1);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_image);
        return error.what();
    }
    return "";
}

TEST(FixedPoint, RoundsToTheNearestStep)
{
    const Map map = noise_map(7, 9, 48, 1);
    for (const int patch : {1, 3, 5})
        for (const int threads : {1, 3}) {
            const FixedPointMaps maps = to_fixed_point(map.view(), patch, "target", threads);
            for (std::size_t i = 0; i < map.values.size(); ++i)
                ASSERT_NEAR(maps.values[i], double(map.values[i]) * fixed_point_scale(patch), 0.501);
        }
}

TEST(FixedPoint, HalfwayGoesToTheEvenNumber)
{
    Map map(1, 1, 16);
    const float step = 1.0f / 8192.0f; // 1.875 steps of 1 / 15360
    map.values = {4 * step, -4 * step, 12 * step, -12 * step};
    map.values.resize(16);
    const FixedPointMaps maps = to_fixed_point(map.view(), 3, "target", 1);
    EXPECT_THAT(std::vector<int>(maps.values.get(), maps.values.get() + 5), ::testing::ElementsAre(8, -8, 22, -22, 0));
}

TEST(FixedPoint, TheSumOverAPatchOfTheLongestVectorsStaysIn32Bits)
{
    for (const int patch : {1, 3, 5}) {
        const double longest = fixed_point_scale(patch) * std::sqrt(1.001) + std::sqrt(most_channels) / 2;
        EXPECT_LT(patch * patch * longest * longest, 2147483648.0);
    }
}

TEST(FixedPoint, HalvedMapsAreMeansOfUnitLength)
{
    const Map map = noise_map(5, 7, 32, 2);
    const FixedPointMaps half = halve(to_fixed_point(map.view(), 3, "target", 1), 3, 2);
    ASSERT_EQ(half.height, 3);
    ASSERT_EQ(half.width, 4);
    for (int y = 0; y < 3; ++y)
        for (int x = 0; x < 4; ++x) {
            std::vector<double> sum(32, 0.0);
            double square = 0.0;
            for (int c = 0; c < 32; ++c) {
                for (int fy = 2 * y; fy < std::min(5, 2 * y + 2); ++fy)
                    for (int fx = 2 * x; fx < std::min(7, 2 * x + 2); ++fx)
                        sum[c] += map.at(fy, fx)[c];
                square += sum[c] * sum[c];
            }
            for (int c = 0; c < 32; ++c)
                ASSERT_NEAR(half.map(0)[(y * 4 + x) * 32 + c], sum[c] / std::sqrt(square) * fixed_point_scale(3), 2.0);
        }
    Map opposite(2, 1, 16);
    opposite.at(0, 0)[3] = 1.0f;
    opposite.at(1, 0)[3] = -1.0f;
    const FixedPointMaps nothing = halve(to_fixed_point(opposite.view(), 3, "target", 1), 3, 1);
    EXPECT_THAT(std::vector<int>(nothing.map(0), nothing.map(0) + 16), ::testing::Each(0));
}

TEST(FixedPoint, SaysWhatIsWrongAndWhere)
{
    Map map = noise_map(5, 6, 16, 3);
    map.at(4, 2)[7] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(message_of(map.view()), "the target feature map has a value that is not finite in row 4");
    map.at(4, 2)[7] = -std::numeric_limits<float>::infinity();
    EXPECT_EQ(message_of(map.view()), "the target feature map has a value that is not finite in row 4");
    map = noise_map(5, 6, 16, 3);
    for (int c = 0; c < 16; ++c)
        map.at(3, 2)[c] *= 2.0f;
    EXPECT_EQ(message_of(map.view()),
              "the target feature map has a vector of length 2.000000 in row 3; at most 1 is possible");
    EXPECT_EQ(message_of({map.values.data(), 1, 5, 6, 20}),
              "the target feature map has 20 channels; a multiple of 16 up to 4096 is possible");
    EXPECT_EQ(message_of({map.values.data(), 1, 65536, 6, 16}),
              "the target feature map is 65536 x 6; 1 to 65535 pixels each way are possible");
    EXPECT_THAT(message_of({map.values.data(), 0, 5, 6, 16}), ::testing::HasSubstr("comes 0 times"));
}

} // namespace
} // namespace chromatch
