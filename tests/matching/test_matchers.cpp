// SPDX-License-Identifier: GPL-3.0-or-later
//
// What exact search and PatchMatch have in common.
#include "matching/matcher.h"

#include "chromatch.h"
#include "feature_maps.h"
#include "matching/exact_search.h"
#include "matching/patch_match.h"
#include "matching/simd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::noise_map;
using testing_maps::smooth_map;
using testing_maps::SmoothField;

using Matcher = Matches (*)(const FeatureBatch&, const FeatureBatch&, const MatchOptions&);

class Matchers : public ::testing::TestWithParam<Matcher> {
  protected:
    Matches match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options = {}) const
    {
        return GetParam()(target, reference, options);
    }
};

void expect_same(const Matches& a, const Matches& b)
{
    ASSERT_EQ(a.forward.size(), b.forward.size());
    ASSERT_EQ(a.reverse.size(), b.reverse.size());
    for (std::size_t i = 0; i < a.forward.size(); ++i) {
        EXPECT_EQ(a.forward[i].match, b.forward[i].match);
        EXPECT_EQ(a.forward[i].distance, b.forward[i].distance);
    }
    for (std::size_t i = 0; i < a.reverse.size(); ++i) {
        EXPECT_EQ(a.reverse[i].match, b.reverse[i].match);
        EXPECT_EQ(a.reverse[i].distance, b.reverse[i].distance);
    }
}

/// Three maps in one batch, and each alone.
struct Batch {
    std::vector<Map> maps;
    std::vector<float> values;

    Batch(int height, int width, int channels, unsigned seed)
    {
        for (unsigned i = 0; i < 3; ++i) {
            maps.push_back(noise_map(height, width, channels, seed + i));
            values.insert(values.end(), maps.back().values.begin(), maps.back().values.end());
        }
    }
    FeatureBatch view() const { return {values.data(), 3, maps[0].height, maps[0].width, maps[0].channels}; }
};

TEST_P(Matchers, EveryInstructionSetFindsTheSameFields)
{
    const int sizes[][5] = {{1, 1, 1, 1, 16},    {7, 5, 3, 40, 48},    {23, 31, 29, 17, 64},
                            {33, 9, 12, 65, 80}, {40, 40, 41, 39, 16}, {18, 18, 17, 33, 144}};
    for (const auto& size : sizes)
        for (const int patch : {1, 3, 5}) {
            const Map target = noise_map(size[0], size[1], size[4], 1),
                      reference = noise_map(size[2], size[3], size[4], 2);
            MatchOptions options;
            options.patch = patch;
            options.reverse = true;
            const Matches best = match(target.view(), reference.view(), options);
            for (const simd::Level level : {simd::Level::avx2, simd::Level::baseline}) {
                simd::limit = level;
                expect_same(best, match(target.view(), reference.view(), options));
            }
            simd::limit = simd::Level::avx512;
        }
}

TEST_P(Matchers, ABatchGivesWhatItsMapsGive)
{
    const Batch target(19, 22, 32, 1), reference(24, 17, 32, 11);
    for (const int threads : {1, 2, 7}) {
        MatchOptions options;
        options.reverse = true;
        options.threads = threads;
        const Matches all = match(target.view(), reference.view(), options);
        ASSERT_EQ(all.forward.size(), 3u);
        for (int i = 0; i < 3; ++i) {
            const Matches one = match(target.maps[i].view(), reference.maps[i].view(), options);
            EXPECT_EQ(all.forward[i].match, one.forward[0].match);
            EXPECT_EQ(all.forward[i].distance, one.forward[0].distance);
            EXPECT_EQ(all.reverse[i].match, one.reverse[0].match);
            EXPECT_EQ(all.reverse[i].distance, one.reverse[0].distance);
        }
    }
}

TEST_P(Matchers, TwoRunsAndAnyNumberOfThreadsGiveTheSameBytes)
{
    const Map target = noise_map(70, 23, 32, 12), reference = noise_map(41, 37, 32, 13);
    MatchOptions options;
    options.reverse = true;
    options.threads = 1;
    const Matches first = match(target.view(), reference.view(), options);
    expect_same(first, match(target.view(), reference.view(), options));
    for (const int threads : {0, 2, 3, 9}) {
        options.threads = threads;
        expect_same(first, match(target.view(), reference.view(), options));
    }
}

TEST_P(Matchers, TheReverseFieldIsTheSearchTheOtherWayRound)
{
    const SmoothField field(32, 3);
    const Map target = smooth_map(field, 26, 35, 32, 0.1, 1.0, 0.2f, 4);
    const Map reference = smooth_map(field, 31, 28, 32, 0.0, 1.0, 0.2f, 5);
    std::vector<std::uint8_t> mask(31 * 28, 0); // which does not limit the reverse field
    std::fill(mask.begin(), mask.begin() + 200, std::uint8_t{1});
    MatchOptions options;
    options.reverse = true;
    options.reference_mask = mask.data();
    const Matches both = match(target.view(), reference.view(), options);
    EXPECT_EQ(both.reverse[0].height, 31);
    EXPECT_EQ(both.reverse[0].width, 28);
    const Matches exact = exact_search(reference.view(), target.view(), {});
    if (GetParam() == exact_search) {
        EXPECT_EQ(both.reverse[0].match, exact.forward[0].match);
        EXPECT_EQ(both.reverse[0].distance, exact.forward[0].distance);
    }
    EXPECT_LE(testing_maps::sum_of_distances(both.reverse[0]), 1.02 * testing_maps::sum_of_distances(exact.forward[0]));
    for (const Coordinate& match : both.forward[0].match)
        ASSERT_NE(mask[match.y * 28 + match.x], 0);
}

TEST_P(Matchers, FollowAKnownWarp)
{
    // Percentage of correct keypoints: the share of pixels whose match is within 1 and 2 pixels of the true place.
    const SmoothField field(64, 6);
    const double angle = 0.2, scale = 1.1;
    const Map target = smooth_map(field, 64, 64, 64, angle, scale, 0.3f, 7);
    const Map reference = smooth_map(field, 64, 64, 64, 0.0, 1.0, 0.3f, 8);
    const NearestNeighbourField found = match(target.view(), reference.view()).forward[0];
    int inside = 0, within_one = 0, within_two = 0;
    for (int y = 0; y < 64; ++y)
        for (int x = 0; x < 64; ++x) {
            const double dy = (y - 32) * scale, dx = (x - 32) * scale;
            const double true_y = 32 + std::cos(angle) * dy - std::sin(angle) * dx;
            const double true_x = 32 + std::sin(angle) * dy + std::cos(angle) * dx;
            if (true_y < 0 || true_y > 63 || true_x < 0 || true_x > 63)
                continue;
            const Coordinate match = found.match[found.index(y, x)];
            const double error = std::hypot(match.y - true_y, match.x - true_x);
            ++inside;
            within_one += error <= 1.0;
            within_two += error <= 2.0;
        }
    EXPECT_GE(within_one, inside * 94 / 100);
    EXPECT_GE(within_two, inside * 98 / 100);
}

TEST_P(Matchers, MapsOf4100PixelsAreFollowedToTheirEnd)
{
    // Coordinates above 2,047 and 4,095 do not fit 11 and 12 bits.
    constexpr int height = 8, width = 4100, shift = 8;
    const Map large = noise_map(height, width + shift, 16, 9);
    Map target(height, width, 16), reference(height, width, 16);
    for (int y = 0; y < height; ++y) {
        std::copy_n(large.at(y, shift), width * 16, target.at(y, 0));
        std::copy_n(large.at(y, 0), width * 16, reference.at(y, 0));
    }
    const NearestNeighbourField found = match(target.view(), reference.view()).forward[0];
    int right = 0;
    for (int x = 0; x < width - shift; ++x)
        right += found.match[found.index(4, x)] == Coordinate{4, static_cast<std::uint16_t>(x + shift)};
    EXPECT_GE(right, (width - shift) * 99 / 100);
}

TEST_P(Matchers, AMaskThatLeavesOnePixelLeavesOneMatch)
{
    const Map target = noise_map(20, 18, 16, 14), reference = noise_map(30, 31, 16, 15);
    std::vector<std::uint8_t> mask(30 * 31, 0);
    mask[17 * 31 + 30] = 1;
    MatchOptions options;
    options.reference_mask = mask.data();
    EXPECT_THAT(match(target.view(), reference.view(), options).forward[0].match, ::testing::Each(Coordinate{17, 30}));
}

TEST_P(Matchers, RefuseABatchThatDoesNotFit)
{
    const Batch batch(6, 6, 16, 16);
    try {
        match(batch.view(), batch.maps[0].view());
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_image);
        EXPECT_STREQ(error.what(), "the batch has 3 target feature maps, but 1 reference feature maps");
    }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Matchers, ::testing::Values(exact_search, patch_match),
                         [](const auto& info) { return info.param == Matcher(exact_search) ? "Exact" : "PatchMatch"; });

TEST(FindMatches, TakesExactSearchForSmallMaps)
{
    const Map small = noise_map(64, 64, 16, 1), large = noise_map(129, 128, 16, 2);
    EXPECT_EQ(faster_method(small.view(), small.view()), MatchMethod::exact);
    EXPECT_EQ(faster_method(large.view(), large.view()), MatchMethod::patch_match);
}

} // namespace
} // namespace chromatch
