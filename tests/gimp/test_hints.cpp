// SPDX-License-Identifier: GPL-3.0-or-later
//
// Colours painted on a layer: kept to where they were painted, and only there.
#include "gimp_sandbox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iostream>
#include <numbers>

namespace chromatch::test {

namespace {

struct HintsCase {
    const char* name;
    int x, y, width, height; ///< where the target lies under the middle of the stroke
};

void PrintTo(const HintsCase& hints, std::ostream* stream)
{
    *stream << hints.name;
}

double hue(const Lab& lab)
{
    return std::atan2(lab.b, lab.a) * 180.0 / std::numbers::pi;
}

double hue_difference(const Lab& first, const Lab& second)
{
    return std::abs(std::remainder(hue(first) - hue(second), 360.0));
}

/// The colour of the stroke in every case: that of its middle.
Lab stroke_color()
{
    const Picture stroke = read_row(finished_cases().folder() / "stroke.png", 1).front();
    return mean_color(part_of(stroke, stroke.width / 2 - 2, stroke.height / 2 - 2, 4, 4));
}

class Hints : public testing::TestWithParam<HintsCase> {};

} // namespace

TEST_P(Hints, AreKeptToWhereTheyWerePainted)
{
    const HintsCase& hints = GetParam();
    ASSERT_EQ(facts_of(hints.name)["error"], "");
    const Picture result = pictures_of(hints.name).result;
    const Lab painted = mean_color(part_of(result, hints.x, hints.y, hints.width, hints.height));
    std::cout << "hue " << hue(painted) << ", painted " << hue(stroke_color()) << ", chroma "
              << std::hypot(painted.a, painted.b) << "\n";
    EXPECT_LT(hue_difference(painted, stroke_color()), 20.0);
    EXPECT_GT(std::hypot(painted.a, painted.b), 15.0);
}

INSTANTIATE_TEST_SUITE_P(Cases, Hints,
                         testing::Values(HintsCase{"hints", 58, 43, 24, 24},
                                         HintsCase{"hints-with-reference", 58, 43, 24, 24},
                                         HintsCase{"hints-with-offsets", 2, 50, 20, 24},
                                         HintsCase{"hints-with-profile", 58, 43, 24, 24},
                                         HintsCase{"hints-in-a-group", 23, 18, 24, 24}),
                         [](const auto& info) { return test_name(info.param.name); });

TEST(HintsCase, LayerWithThemStaysAsItIs)
{
    for (const char* name : {"hints", "hints-with-offsets", "hints-with-profile", "transparent-hints"}) {
        const std::vector<Picture> row = read_row(finished_cases().folder() / (std::string(name) + "-layer.tif"), 2);
        EXPECT_LE(largest_difference(row[0], row[1]), 1e-5) << name;
    }
}

TEST(HintsCase, OtherPlacesStayGuessed)
{
    const Picture hinted = pictures_of("hints").result;
    const Picture guessed = pictures_of("automatic-procedure").result;
    // The corner that is farthest from the stroke, and the stroke's middle.
    const auto change = [&](int x, int y) {
        const Lab with = mean_color(part_of(hinted, x, y, 20, 20));
        const Lab without = mean_color(part_of(guessed, x, y, 20, 20));
        return std::hypot(with.a - without.a, with.b - without.b);
    };
    EXPECT_LT(change(130, 0), 0.5 * change(60, 45));
}

TEST(HintsCase, WideProfileMeansTheSameColor)
{
    const Lab plain = mean_color(part_of(pictures_of("hints").result, 58, 43, 24, 24));
    const Lab wide = mean_color(part_of(pictures_of("hints-with-profile").result, 58, 43, 24, 24));
    EXPECT_NEAR(plain.a, wide.a, 3.0);
    EXPECT_NEAR(plain.b, wide.b, 3.0);
}

} // namespace chromatch::test
