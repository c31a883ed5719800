// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/patch_match.h"

#include "chromatch.h"
#include "feature_maps.h"
#include "matching/exact_search.h"
#include "matching/simd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::noise_map;
using testing_maps::smooth_map;
using testing_maps::SmoothField;

MatchOptions with(int patch, int iterations = 5, int threads = 1)
{
    MatchOptions options;
    options.patch = patch;
    options.iterations = iterations;
    options.threads = threads;
    return options;
}

void expect_true_distances(const Map& target, const Map& reference, const NearestNeighbourField& field, int patch)
{
    ASSERT_EQ(field.match.size(), static_cast<std::size_t>(target.height) * target.width);
    for (int y = 0; y < target.height; ++y)
        for (int x = 0; x < target.width; ++x) {
            const std::size_t i = field.index(y, x);
            const Coordinate match = field.match[i];
            ASSERT_LT(match.y, reference.height);
            ASSERT_LT(match.x, reference.width);
            ASSERT_NEAR(field.distance[i],
                        testing_maps::patch_distance(target, reference, y, x, match.y, match.x, patch),
                        testing_maps::rounding);
        }
}

ErrorCode error_of(const Map& target, const Map& reference, const MatchOptions& options)
{
    try {
        patch_match(target.view(), reference.view(), options);
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::internal;
}

TEST(PatchMatch, DistancesAreThoseOfTheMatchesAtAnySize)
{
    const int sizes[][4] = {{1, 1, 1, 1},   {1, 1, 5, 7},    {5, 7, 1, 1},  {1, 20, 20, 1},
                            {33, 2, 3, 30}, {17, 19, 18, 9}, {40, 5, 4, 50}};
    for (const simd::Level level : {simd::Level::avx512, simd::Level::avx2, simd::Level::baseline}) {
        simd::limit = level;
        for (const auto& size : sizes)
            for (const int patch : {1, 3, 5}) {
                const Map target = noise_map(size[0], size[1], 48, 1), reference = noise_map(size[2], size[3], 48, 2);
                expect_true_distances(target, reference,
                                      patch_match(target.view(), reference.view(), with(patch, 3, 2)).forward[0],
                                      patch);
            }
    }
    simd::limit = simd::Level::avx512;
}

TEST(PatchMatch, FiveIterationsComeWithinTwoPerCentOfTheExactSum)
{
    const SmoothField field(64, 3);
    const Map target = smooth_map(field, 64, 64, 64, 0.2, 1.1, 0.3f, 4);
    const Map reference = smooth_map(field, 64, 64, 64, 0.0, 1.0, 0.3f, 5);
    const double exact =
        testing_maps::sum_of_distances(exact_search(target.view(), reference.view(), MatchOptions{}).forward[0]);
    const double found =
        testing_maps::sum_of_distances(patch_match(target.view(), reference.view(), with(3, 5, 2)).forward[0]);
    EXPECT_GE(found, exact * 0.9999);
    EXPECT_LE(found, exact * 1.02);
}

TEST(PatchMatch, MoreIterationsNeverMakeAPixelWorse)
{
    const Map target = noise_map(30, 21, 16, 6), reference = noise_map(25, 33, 16, 7);
    std::vector<float> before = patch_match(target.view(), reference.view(), with(3, 0)).forward[0].distance;
    for (int iterations = 1; iterations < 5; ++iterations) {
        const std::vector<float> after =
            patch_match(target.view(), reference.view(), with(3, iterations)).forward[0].distance;
        for (std::size_t i = 0; i < after.size(); ++i)
            ASSERT_LE(after[i], before[i]);
        before = after;
    }
}

TEST(PatchMatch, FindsAKnownShift)
{
    const SmoothField field(32, 8);
    const Map large = smooth_map(field, 60, 60, 32, 0.0, 1.0, 0.2f, 9);
    Map target(48, 44, 32), reference(52, 50, 32);
    for (int y = 0; y < 52; ++y)
        for (int x = 0; x < 50; ++x)
            std::copy_n(large.at(y, x), 32, reference.at(y, x));
    for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 44; ++x)
            std::copy_n(large.at(y + 4, x + 6), 32, target.at(y, x));
    const NearestNeighbourField found = patch_match(target.view(), reference.view(), with(3, 5, 2)).forward[0];
    int right = 0;
    for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 44; ++x)
            right += found.match[found.index(y, x)] ==
                     Coordinate{static_cast<std::uint16_t>(y + 4), static_cast<std::uint16_t>(x + 6)};
    EXPECT_GE(right, 48 * 44 * 99 / 100);
}

TEST(PatchMatch, KeepsAnInitialFieldThatIsAlreadyExact)
{
    const Map target = noise_map(20, 20, 16, 10), reference = noise_map(20, 20, 16, 11);
    const NearestNeighbourField exact = exact_search(target.view(), reference.view(), MatchOptions{}).forward[0];
    for (const int iterations : {0, 2}) {
        MatchOptions options = with(3, iterations);
        options.initial = &exact;
        EXPECT_EQ(patch_match(target.view(), reference.view(), options).forward[0].match, exact.match);
    }
}

TEST(PatchMatch, TheSameSeedGivesTheSameFieldWhateverTheThreads)
{
    const Map target = noise_map(70, 23, 32, 12), reference = noise_map(41, 37, 32, 13);
    MatchOptions options = with(3, 4, 1);
    options.seed = 77;
    const NearestNeighbourField one = patch_match(target.view(), reference.view(), options).forward[0];
    for (const int threads : {0, 2, 3, 9}) {
        options.threads = threads;
        const NearestNeighbourField more = patch_match(target.view(), reference.view(), options).forward[0];
        EXPECT_EQ(one.match, more.match);
        EXPECT_EQ(one.distance, more.distance);
    }
    options.seed = 78;
    EXPECT_NE(one.match, patch_match(target.view(), reference.view(), options).forward[0].match);
}

TEST(PatchMatch, UsesOnlyWhatTheMaskLeaves)
{
    const Map target = noise_map(20, 18, 16, 14), reference = noise_map(30, 31, 16, 15);
    std::vector<std::uint8_t> mask(30 * 31, 0);
    for (int y = 25; y < 28; ++y)
        for (int x = 20; x < 25; ++x)
            mask[y * 31 + x] = 1;
    MatchOptions options = with(3, 5);
    options.reference_mask = mask.data();
    const NearestNeighbourField everywhere = patch_match(target.view(), reference.view(), with(3, 1)).forward[0];
    options.initial = &everywhere; // most of it lies outside of the mask
    const NearestNeighbourField field = patch_match(target.view(), reference.view(), options).forward[0];
    for (const Coordinate& match : field.match)
        ASSERT_EQ(mask[match.y * 31 + match.x], 1);
    expect_true_distances(target, reference, field, 3);
    const double exact =
        testing_maps::sum_of_distances(exact_search(target.view(), reference.view(), options).forward[0]);
    EXPECT_LE(testing_maps::sum_of_distances(field), exact * 1.02);
}

TEST(PatchMatch, RefusesArgumentsThatDoNotFit)
{
    const Map map = noise_map(5, 6, 16, 16);
    Map bad = map;
    bad.at(2, 2)[3] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(error_of(bad, map, with(3)), ErrorCode::bad_image);
    EXPECT_EQ(error_of(map, bad, with(3)), ErrorCode::bad_image);
    EXPECT_EQ(error_of(map, noise_map(5, 6, 32, 17), with(3)), ErrorCode::bad_image);
    EXPECT_EQ(error_of(map, map, with(2)), ErrorCode::bad_option);
    EXPECT_EQ(error_of(map, map, with(3, -1)), ErrorCode::bad_option);
    const std::vector<std::uint8_t> nothing(30, 0);
    MatchOptions options = with(3);
    options.reference_mask = nothing.data();
    EXPECT_EQ(error_of(map, map, options), ErrorCode::bad_image);
    NearestNeighbourField small;
    small.height = small.width = 2;
    small.match.resize(4);
    options = with(3);
    options.initial = &small;
    EXPECT_EQ(error_of(map, map, options), ErrorCode::bad_option);
}

} // namespace
} // namespace chromatch
