// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/exact_search.h"

#include "chromatch.h"
#include "feature_maps.h"
#include "matching/simd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::noise_map;

MatchOptions with(int patch, int threads = 1)
{
    MatchOptions options;
    options.patch = patch;
    options.threads = threads;
    return options;
}

/// Every match's distance must be the true distance of that patch, and none may be smaller.
void expect_exact(const Map& target, const Map& reference, const MatchOptions& options)
{
    const NearestNeighbourField field = exact_search(target.view(), reference.view(), options).forward[0];
    ASSERT_EQ(field.height, target.height);
    ASSERT_EQ(field.width, target.width);
    const std::vector<double> smallest =
        testing_maps::smallest_distances(target, reference, options.patch, options.reference_mask);
    for (int y = 0; y < target.height; ++y)
        for (int x = 0; x < target.width; ++x) {
            const std::size_t i = field.index(y, x);
            const Coordinate match = field.match[i];
            ASSERT_LT(match.y, reference.height);
            ASSERT_LT(match.x, reference.width);
            if (options.reference_mask != nullptr) {
                ASSERT_NE(options.reference_mask[match.y * reference.width + match.x], 0);
            }
            const double there = testing_maps::patch_distance(target, reference, y, x, match.y, match.x, options.patch);
            ASSERT_NEAR(field.distance[i], there, testing_maps::rounding) << "at " << y << ", " << x;
            ASSERT_NEAR(there, smallest[i], testing_maps::rounding) << "at " << y << ", " << x;
        }
}

ErrorCode error_of(const Map& target, const Map& reference, const MatchOptions& options)
{
    try {
        exact_search(target.view(), reference.view(), options);
    } catch (const Error& error) {
        EXPECT_GT(std::string(error.what()).size(), 20u);
        return error.code();
    }
    return ErrorCode::internal;
}

struct Size {
    int target_height, target_width, reference_height, reference_width, channels;
};

class ExactSearchSizes : public ::testing::TestWithParam<Size> {};

TEST_P(ExactSearchSizes, EqualsBruteForceWithEveryPatchAndInstructionSet)
{
    const Size size = GetParam();
    const Map target = noise_map(size.target_height, size.target_width, size.channels, 1);
    const Map reference = noise_map(size.reference_height, size.reference_width, size.channels, 2);
    for (const simd::Level level : {simd::Level::avx512, simd::Level::avx2, simd::Level::baseline}) {
        simd::limit = level;
        for (const int patch : {1, 3, 5})
            expect_exact(target, reference, with(patch, 2));
    }
    simd::limit = simd::Level::avx512;
}

INSTANTIATE_TEST_SUITE_P(Sizes, ExactSearchSizes,
                         ::testing::Values(Size{1, 1, 1, 1, 16}, Size{1, 1, 5, 7, 16}, Size{5, 7, 1, 1, 16},
                                           Size{1, 9, 9, 1, 16}, Size{9, 1, 1, 9, 32}, Size{2, 2, 3, 3, 64},
                                           Size{13, 17, 11, 33, 64}, Size{16, 16, 16, 16, 48}, Size{7, 34, 19, 31, 16},
                                           Size{3, 3, 2, 40, 80}));

TEST(ExactSearch, WideMapsAreCutIntoBlocksWithoutASeam)
{
    // 900 reference columns leave blocks of a few target columns.
    const Map target = noise_map(4, 70, 16, 3), reference = noise_map(3, 900, 16, 4);
    expect_exact(target, reference, with(3));
    expect_exact(target, reference, with(5, 2));
}

TEST(ExactSearch, FindsAKnownShift)
{
    const Map reference = noise_map(20, 24, 32, 5);
    Map target(20, 24, 32);
    for (int y = 0; y < 20; ++y)
        for (int x = 0; x < 24; ++x)
            std::copy_n(reference.at((y + 3) % 20, (x + 5) % 24), 32, target.at(y, x));
    const NearestNeighbourField field = exact_search(target.view(), reference.view(), with(3)).forward[0];
    for (int y = 1; y < 16; ++y)
        for (int x = 1; x < 18; ++x) {
            EXPECT_EQ(field.match[field.index(y, x)],
                      (Coordinate{static_cast<std::uint16_t>(y + 3), static_cast<std::uint16_t>(x + 5)}));
            EXPECT_NEAR(field.distance[field.index(y, x)], 0.0f, 4e-4f);
        }
}

TEST(ExactSearch, TiesGoToTheFirstPixelInRowMajorOrder)
{
    // The reference repeats every 4 rows and 3 columns; the first copy wins wherever the copies are whole.
    const Map tile = noise_map(4, 3, 16, 6);
    Map reference(12, 9, 16);
    for (int y = 0; y < 12; ++y)
        for (int x = 0; x < 9; ++x)
            std::copy_n(tile.at(y % 4, x % 3), 16, reference.at(y, x));
    for (const int threads : {1, 2}) {
        const NearestNeighbourField field =
            exact_search(reference.view(), reference.view(), with(1, threads)).forward[0];
        for (int y = 0; y < 12; ++y)
            for (int x = 0; x < 9; ++x)
                EXPECT_EQ(field.match[field.index(y, x)],
                          (Coordinate{static_cast<std::uint16_t>(y % 4), static_cast<std::uint16_t>(x % 3)}));
    }
    Map constant(6, 5, 16);
    std::fill(constant.values.begin(), constant.values.end(), 0.25f);
    const NearestNeighbourField field = exact_search(constant.view(), constant.view(), with(3)).forward[0];
    EXPECT_THAT(field.match, ::testing::Each(Coordinate{0, 0}));
    EXPECT_THAT(field.distance, ::testing::Each(0.0f));
}

TEST(ExactSearch, OppositeFeaturesHaveDistanceFour)
{
    Map target(3, 3, 16), reference(3, 3, 16);
    std::fill(target.values.begin(), target.values.end(), 0.25f);
    std::fill(reference.values.begin(), reference.values.end(), -0.25f);
    EXPECT_THAT(exact_search(target.view(), reference.view(), with(3)).forward[0].distance, ::testing::Each(4.0f));
}

TEST(ExactSearch, UsesOnlyWhatTheMaskLeaves)
{
    const Map target = noise_map(10, 12, 16, 7), reference = noise_map(9, 19, 16, 8);
    std::vector<std::uint8_t> mask(9 * 19, 0);
    for (std::size_t i = 0; i < mask.size(); i += 7)
        mask[i] = 200;
    for (const int patch : {1, 3, 5}) {
        MatchOptions options = with(patch, 2);
        options.reference_mask = mask.data();
        expect_exact(target, reference, options);
    }
    std::fill(mask.begin(), mask.end(), std::uint8_t{0});
    mask[5 * 19 + 18] = 1;
    MatchOptions options = with(3);
    options.reference_mask = mask.data();
    EXPECT_THAT(exact_search(target.view(), reference.view(), options).forward[0].match,
                ::testing::Each(Coordinate{5, 18}));
}

TEST(ExactSearch, TheNumberOfThreadsDoesNotChangeAByte)
{
    const Map target = noise_map(33, 40, 64, 9), reference = noise_map(37, 29, 64, 10);
    const NearestNeighbourField one = exact_search(target.view(), reference.view(), with(3, 1)).forward[0];
    for (const int threads : {0, 2, 5}) {
        const NearestNeighbourField more = exact_search(target.view(), reference.view(), with(3, threads)).forward[0];
        EXPECT_EQ(one.match, more.match);
        EXPECT_EQ(one.distance, more.distance);
    }
}

TEST(ExactSearch, MayRunInSeveralThreadsAtOnce)
{
    const Map target = noise_map(16, 16, 16, 11), reference = noise_map(16, 16, 16, 12);
    const NearestNeighbourField alone = exact_search(target.view(), reference.view(), with(3)).forward[0];
    std::vector<NearestNeighbourField> fields(4);
    std::vector<std::thread> threads;
    for (NearestNeighbourField& field : fields)
        threads.emplace_back([&] { field = exact_search(target.view(), reference.view(), with(3)).forward[0]; });
    for (std::thread& thread : threads)
        thread.join();
    for (const NearestNeighbourField& field : fields) {
        EXPECT_EQ(field.match, alone.match);
        EXPECT_EQ(field.distance, alone.distance);
    }
}

TEST(ExactSearch, RefusesWhatIsNotFinite)
{
    const Map good = noise_map(5, 6, 16, 13);
    for (const float wrong : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()}) {
        Map bad = good;
        bad.at(4, 5)[15] = wrong;
        EXPECT_EQ(error_of(bad, good, with(3)), ErrorCode::bad_image);
        EXPECT_EQ(error_of(good, bad, with(3)), ErrorCode::bad_image);
    }
}

TEST(ExactSearch, RefusesArgumentsThatDoNotFit)
{
    const Map map = noise_map(5, 6, 16, 14);
    EXPECT_EQ(error_of(map, noise_map(5, 6, 32, 15), with(3)), ErrorCode::bad_image);
    EXPECT_EQ(error_of(noise_map(5, 6, 24, 15), noise_map(5, 6, 24, 15), with(3)), ErrorCode::bad_image);
    EXPECT_EQ(error_of(Map(0, 6, 16), map, with(3)), ErrorCode::bad_image);
    for (const int patch : {-1, 0, 2, 4, 7})
        EXPECT_EQ(error_of(map, map, with(patch)), ErrorCode::bad_option);
    const std::vector<std::uint8_t> nothing(30, 0);
    MatchOptions options = with(3);
    options.reference_mask = nothing.data();
    EXPECT_EQ(error_of(map, map, options), ErrorCode::bad_image);
}

} // namespace
} // namespace chromatch
