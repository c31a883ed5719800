// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocols.h"

#include <gtest/gtest.h>

#include <cmath>

namespace {

using namespace chromatch;

/// Gives every pixel the reference's mean colour, or one colour of its own.
class FakeColorizer : public Colorizer {
  public:
    explicit FakeColorizer(bool obeys) : obeys_(obeys) {}

    Result colorize(const Request& request, const Progress&) override
    {
        ++calls;
        const int height = request.luminance.height, width = request.luminance.width;
        float a = 12, b = 9;
        if (obeys_ && !request.references.empty()) {
            const LabImage& image = request.references[0].image;
            a = mean(image.a);
            b = mean(image.b);
        }
        Result result;
        result.a = Plane(height, width, a);
        result.b = Plane(height, width, b);
        result.confidence = Plane(height, width, 0.5f);
        return result;
    }

    int calls = 0;

  private:
    static float mean(const Plane& plane)
    {
        double sum = 0;
        for (const float value : plane.values)
            sum += value;
        return static_cast<float>(sum / plane.values.size());
    }

    bool obeys_;
};

std::vector<NamedPhoto> two_photos()
{
    return {{"warm", {Plane(20, 30, 50.0f), Plane(20, 30, 25.0f), Plane(20, 30, 20.0f)}},
            {"cool", {Plane(24, 18, 60.0f), Plane(24, 18, -5.0f), Plane(24, 18, -22.0f)}}};
}

TEST(WrongReferences, AreAnotherPhotoForEach)
{
    for (const std::size_t count : {2, 3, 10, 300}) {
        const auto wrong = wrong_references(count, 0);
        std::vector<bool> used(count);
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_NE(wrong[i], i);
            EXPECT_FALSE(used[wrong[i]]);
            used[wrong[i]] = true;
        }
    }
    EXPECT_EQ(wrong_references(1, 0), std::vector<std::size_t>{0});
    EXPECT_EQ(wrong_references(50, 4), wrong_references(50, 4));
    EXPECT_NE(wrong_references(50, 4), wrong_references(50, 5));
}

TEST(TurnHue, TurnsFromRedTowardsYellow)
{
    const LabImage red{Plane(1, 1, 50.0f), Plane(1, 1, 30.0f), Plane(1, 1, 0.0f)};
    const LabImage yellow = turn_hue(red, 90);
    EXPECT_NEAR(yellow.a.values[0], 0, 1e-5);
    EXPECT_NEAR(yellow.b.values[0], 30, 1e-5);
    EXPECT_EQ(yellow.l.values[0], 50);
}

TEST(Evaluate, TellsAnObeyingColorizerFromOneThatIgnores)
{
    for (const bool obeys : {true, false}) {
        FakeColorizer colorizer(obeys);
        int photos = 0;
        const Evaluation evaluation =
            evaluate(colorizer, two_photos(), {}, [&](std::size_t, const Pictures&) { ++photos; });
        EXPECT_EQ(photos, 2);
        EXPECT_EQ(colorizer.calls, 2 * 7);
        for (const double slope : evaluation.obedience[0].slopes)
            EXPECT_NEAR(slope, obeys ? 1 : 0, 1e-4);
        for (const double slope : evaluation.obedience[1].slopes) // the look-up always follows
            EXPECT_NEAR(slope, 1, 1e-4);
    }
}

TEST(Evaluate, FiguresAreThoseOfTheResult)
{
    FakeColorizer colorizer(true);
    const Evaluation evaluation = evaluate(colorizer, two_photos(), {}, [](std::size_t, const Pictures&) {});
    const auto row = [&](const std::string& protocol, const std::string& method) -> const Row& {
        for (const Row& row : evaluation.rows)
            if (row.protocol == protocol && row.method == method)
                return row;
        throw std::out_of_range(protocol + method);
    };
    // Photos of one colour: their own mean is right, whatever the distortion.
    EXPECT_GT(row("P1", "network").of(Figure::psnr_ab)[0], 100);
    EXPECT_NEAR(row("P1", "network").of(Figure::colourfulness_ratio)[0], 1, 1e-3);
    EXPECT_LT(row("P1", "network").of(Figure::delta_l)[0], 0.5);
    // P4 gives (12, 9) where (25, 20) is true; P5 the other photo's (-5, -22).
    EXPECT_NEAR(row("P4", "network").of(Figure::psnr_ab)[0], 10 * std::log10(48400 / ((13 * 13 + 11 * 11) / 2.0)),
                1e-3);
    EXPECT_NEAR(row("P5", "network").of(Figure::psnr_ab)[0], 10 * std::log10(48400 / ((30 * 30 + 42 * 42) / 2.0)),
                1e-3);
    EXPECT_NEAR(row("any", "gray").of(Figure::psnr_ab)[0], 10 * std::log10(48400 / ((25 * 25 + 20 * 20) / 2.0)), 1e-3);
    EXPECT_TRUE(std::isnan(row("P4", "network").of(Figure::histogram_intersection)[0]));
    EXPECT_NEAR(row("P5", "network").of(Figure::histogram_intersection)[0], 1, 1e-6);
}

TEST(Evaluate, OnePhotoHasNoWrongReference)
{
    FakeColorizer colorizer(true);
    auto photos = two_photos();
    photos.pop_back();
    const Evaluation evaluation = evaluate(colorizer, photos, {}, [](std::size_t, const Pictures&) {});
    for (const Row& row : evaluation.rows)
        EXPECT_EQ(row.of(Figure::psnr_ab).size(), row.protocol == "P5" ? 0u : 1u);
}

} // namespace
