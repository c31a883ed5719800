// SPDX-License-Identifier: GPL-3.0-or-later
//
// The command on photos at the bounds of what a photo can be: a result that makes sense, or one sentence.
#include "cli_sandbox.h"

#include <cmath>
#include <limits>

namespace {

using namespace testing_cli;

class CliBounds : public CliColouring {};

TEST_F(CliBounds, AnySizeAndShape)
{
    const std::string reference = make("r.png", "R'G'B' u8", 1, 1);
    for (const auto& [rows, columns] :
         {std::pair{1, 1}, {1, 300}, {300, 1}, {7, 5}, {10, 1000}, {20000, 50}, {50, 20000}}) {
        const std::string target = make("g.png", "Y' u8", rows, columns);
        const Outcome outcome =
            run({target, "--reference", reference, "--size", "64", "--confidence", path("c.png"), "--insist"});
        ASSERT_EQ(outcome.status, 0) << columns << " x " << rows << ": " << outcome.err;
        const Picture before = read(target), after = read(path("g-color.png")), confidence = read(path("c.png"));
        ASSERT_EQ(after.width, columns);
        ASSERT_EQ(after.height, rows);
        EXPECT_EQ(confidence.width, columns);
        EXPECT_EQ(confidence.height, rows);
        EXPECT_LT(mean_delta_l(before, after), 0.3);
    }
}

TEST_F(CliBounds, ConstantPhotosStayAsLightAsTheyAre)
{
    for (const float gray : {0.0f, 0.5f, 1.0f}) {
        std::vector<float> values;
        for (int i = 0; i < height * width; ++i)
            values.insert(values.end(), {gray, gray, gray, 1.0f});
        const std::string target = make("g.png", babl_format("Y' u8"), height, width, values);
        const Outcome outcome = run({target, "--reference", target, "--size", "64"});
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_LT(mean_delta_l(read(target), read(path("g-color.png"))), 0.3) << gray;
    }
}

TEST_F(CliBounds, FullTransparency)
{
    const std::vector<float> values(std::size_t(4) * height * width, 0.0f);
    const std::string clear = make("clear.png", babl_format("R'G'B'A u8"), height, width, values);
    Outcome outcome = run({clear, "--size", "64"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Picture result = read(path("clear-color.png"));
    for (std::size_t i = 3; i < result.rgba.size(); i += 4)
        ASSERT_EQ(result.rgba[i], 0.0f);

    outcome = run({make("g.png", "Y' u8"), "--reference", clear, "--size", "64"});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_NE(outcome.err.find("leaves no pixel to take colours from"), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(path("g-color.png")));

    outcome = run({make("g.png", "Y' u8"), "--hints", clear, "--size", "64"}); // nothing was painted
    EXPECT_EQ(outcome.status, 0) << outcome.err;
}

/// A float photo with every kind of value that is no shade of gray.
TEST_F(CliBounds, FloatsBeyondBlackAndWhite)
{
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
    std::vector<float> values;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const float gray = gray_at(y, x);
            values.insert(values.end(), {gray, gray, gray, 1.0f});
        }
    const float odd[] = {nan, infinity, -infinity, -0.5f, 4.0f, 1e30f, 1e-40f};
    for (std::size_t i = 0; i < std::size(odd); ++i)
        std::fill_n(&values[4 * 11 * i], 3, odd[i]);
    // Linear light, so that what is written is what is in the file.
    const std::string target = make("g.tif", babl_format("RGB float"), height, width, values);
    const Outcome outcome = run({target, "--reference", target, "--size", "64"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const Picture before = read(target), after = read(path("g-color.tif"));
    double sum = 0;
    int numbers = 0;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const std::size_t at = 4 * (std::size_t(y) * width + x);
            bool finite = true;
            for (std::size_t c = at; c < at + 3; ++c)
                finite = finite && std::isfinite(before.rgba[c]);
            if (!finite) {
                for (std::size_t c = at; c < at + 3; ++c)
                    EXPECT_EQ(std::fpclassify(after.rgba[c]), std::fpclassify(before.rgba[c])) << x << " " << y;
                continue;
            }
            for (std::size_t c = at; c < at + 3; ++c)
                ASSERT_TRUE(std::isfinite(after.rgba[c])) << x << " " << y;
            sum += std::abs(before.l(y, x) - after.l(y, x)) / std::max(1.0f, std::abs(before.l(y, x)));
            ++numbers;
        }
    EXPECT_LT(numbers, height * width);
    EXPECT_LT(sum / numbers, 1e-3);
}

} // namespace
