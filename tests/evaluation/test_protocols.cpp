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

    Descriptor describe(const LabImage&) override { return {}; }

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

TEST(DrawHints, AreTrueColoursAtAFewPlaces)
{
    LabImage truth{Plane(128, 200, 50.0f), Plane(128, 200), Plane(128, 200, -7.0f)};
    for (int y = 0; y < 128; ++y)
        for (int x = 0; x < 200; ++x)
            truth.a.at(y, x) = static_cast<float>(x);
    const Hints hints = draw_hints(truth, 5, 1);
    int painted = 0;
    for (int y = 0; y < 128; ++y)
        for (int x = 0; x < 200; ++x)
            if (hints.mask.at(y, x) > 0) {
                ++painted;
                EXPECT_NEAR(hints.a.at(y, x), x, 1.5); // one colour for each square of 2 x 2
                EXPECT_EQ(hints.b.at(y, x), -7);
            }
    EXPECT_GT(painted, 2 * 2);
    EXPECT_LE(painted, 5 * 2 * 2);
    EXPECT_EQ(draw_hints(truth, 5, 1).mask.values, hints.mask.values);
    EXPECT_NE(draw_hints(truth, 5, 2).mask.values, hints.mask.values);
    EXPECT_EQ(draw_hints({Plane(1, 1, 50.0f), Plane(1, 1, 3.0f), Plane(1, 1)}, 5, 1).a.at(0, 0), 3);
}

/// The protocols with `colorizer` as network beside the look-up and gray; each photo's reference in P3 is the next one.
Evaluation evaluate_with(
    FakeColorizer& colorizer, const std::vector<NamedPhoto>& photos, const EvaluationOptions& options = {},
    const std::function<void(std::size_t, const std::vector<Trial>&)>& after_photo = [](std::size_t,
                                                                                        const std::vector<Trial>&) {})
{
    std::vector<const LabImage*> references;
    for (std::size_t i = 0; i < photos.size(); ++i)
        references.push_back(photos.size() == 1 ? nullptr : &photos[(i + 1) % photos.size()].image);
    return evaluate({network_method(colorizer, 256, 0), lookup_method(), gray_method()}, photos, references, options,
                    after_photo);
}

double first_of(const Evaluation& evaluation, const std::string& protocol, const std::string& method, Figure figure)
{
    const Row* row = evaluation.find(protocol, method);
    if (!row)
        throw std::out_of_range(protocol + " " + method);
    return row->of(figure)[0];
}

TEST(Evaluate, TellsAnObeyingColorizerFromOneThatIgnores)
{
    for (const bool obeys : {true, false}) {
        FakeColorizer colorizer(obeys);
        const Evaluation evaluation = evaluate_with(colorizer, two_photos());
        EXPECT_EQ(colorizer.calls, 2 * 9); // P1, four of P2, P3, P4, P4h, P5
        ASSERT_EQ(evaluation.obedience.size(), 2u);
        for (const double slope : evaluation.obedience[0].slopes)
            EXPECT_NEAR(slope, obeys ? 1 : 0, 1e-4);
        for (const double slope : evaluation.obedience[1].slopes) // the look-up always follows
            EXPECT_NEAR(slope, 1, 1e-4);
    }
}

TEST(Evaluate, TheGateIsJudgedByWhatMatchingBrought)
{
    /// Its result is gray; matching was right on the left, and it says so.
    class HalfRight : public FakeColorizer {
      public:
        HalfRight() : FakeColorizer(true) {}
        Result colorize(const Request& request, const Progress& progress) override
        {
            Result result = FakeColorizer::colorize(request, progress);
            if (request.references.empty())
                return result;
            const Plane &l = request.luminance, half(l.height / 2, l.width / 2);
            result.matched_a = Plane(half.height, half.width, result.a.values[0]);
            result.matched_b = Plane(half.height, half.width, result.b.values[0]);
            result.a = result.b = Plane(l.height, l.width);
            for (int y = 0; y < l.height; ++y)
                for (int x = 0; x < l.width; ++x) {
                    result.confidence.at(y, x) = x < l.width / 2 ? 0.9f : 0.2f;
                    if (x >= l.width / 2)
                        result.matched_a.at(y / 2, x / 2) = -60.0f;
                }
            return result;
        }
    } colorizer;
    const Evaluation evaluation = evaluate_with(colorizer, two_photos());
    EXPECT_NEAR(first_of(evaluation, "P1", "network", Figure::gate_auc), 1.0, 0.1);
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P1", "network", Figure::confidence_auc))); // nowhere right
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P4", "network", Figure::gate_auc)));
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P1", "look-up", Figure::gate_auc)));
}

TEST(Evaluate, FiguresAreThoseOfTheResult)
{
    FakeColorizer colorizer(true);
    const Evaluation evaluation = evaluate_with(colorizer, two_photos());
    const auto psnr_of_error = [](double a, double b) { return 10 * std::log10(48400 / ((a * a + b * b) / 2)); };
    // Photos of one colour: their own mean is right, whatever the distortion.
    EXPECT_GT(first_of(evaluation, "P1", "network", Figure::psnr_ab), 100);
    EXPECT_NEAR(first_of(evaluation, "P1", "network", Figure::colourfulness_ratio), 1, 1e-3);
    EXPECT_LT(first_of(evaluation, "P1", "network", Figure::delta_l), 0.5);
    // P4 gives (12, 9) where (25, 20) is true; P3 and P5 the other photo's (-5, -22).
    EXPECT_NEAR(first_of(evaluation, "P4", "network", Figure::psnr_ab), psnr_of_error(13, 11), 1e-3);
    for (const char* protocol : {"P3", "P5"}) {
        EXPECT_NEAR(first_of(evaluation, protocol, "network", Figure::psnr_ab), psnr_of_error(30, 42), 1e-3);
        EXPECT_NEAR(first_of(evaluation, protocol, "look-up", Figure::psnr_ab), psnr_of_error(30, 42), 1e-3);
        EXPECT_NEAR(first_of(evaluation, protocol, "network", Figure::histogram_intersection), 1, 1e-6);
    }
    EXPECT_NEAR(first_of(evaluation, "any", "gray", Figure::psnr_ab), psnr_of_error(25, 20), 1e-3);
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P4", "network", Figure::histogram_intersection)));
    const HueFaults& faults = evaluation.find("P3", "network")->hue_faults[0];
    EXPECT_EQ(faults.coloured[int(HueFamily::red)], 20 * 30);
    EXPECT_EQ(faults.wrong[int(HueFamily::red)], 20 * 30);
    EXPECT_EQ(evaluation.find("P1", "network")->hue_faults[0].wrong[int(HueFamily::red)], 0);
}

TEST(Evaluate, OnlySelectedProtocolsRun)
{
    FakeColorizer colorizer(true);
    EvaluationOptions options;
    options.protocols = {"P2", "P4"};
    const Evaluation evaluation = evaluate_with(colorizer, two_photos(), options);
    EXPECT_EQ(colorizer.calls, 2 * 6); // P2 needs the unturned result
    EXPECT_EQ(evaluation.find("P1", "network"), nullptr);
    EXPECT_EQ(evaluation.find("P4", "look-up"), nullptr); // nothing to look up in
    EXPECT_NE(evaluation.find("P4", "network"), nullptr);
    EXPECT_NE(evaluation.find("P4", "gray"), nullptr);
    EXPECT_NEAR(evaluation.obedience.at(0).slopes.at(0), 1, 1e-4);
}

TEST(Evaluate, LimitIsOfTargetsNotOfReferences)
{
    FakeColorizer colorizer(true);
    EvaluationOptions options;
    options.targets = 1;
    std::vector<Trial> seen;
    const Evaluation evaluation =
        evaluate_with(colorizer, two_photos(), options, [&](std::size_t photo, const std::vector<Trial>& trials) {
            EXPECT_EQ(photo, 0u);
            seen = trials;
        });
    EXPECT_EQ(evaluation.find("P3", "network")->of(Figure::psnr_ab).size(), 1u);
    for (const Trial& trial : seen) {
        if (trial.protocol != "P3")
            continue;
        EXPECT_EQ(trial.reference->a.values[0], -5); // the second photo
        EXPECT_EQ(trial.results.at(0).image.a.values[0], -5);
        EXPECT_TRUE(trial.results.at(2).image.l.empty()); // gray takes part in "any" only
    }
    EXPECT_EQ(seen.size(), 10u);
}

TEST(Evaluate, OnePhotoHasNoOtherAsReference)
{
    FakeColorizer colorizer(true);
    auto photos = two_photos();
    photos.pop_back();
    const Evaluation evaluation = evaluate_with(colorizer, photos);
    EXPECT_TRUE(std::isfinite(first_of(evaluation, "P1", "network", Figure::ciede2000)));
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P3", "network", Figure::ciede2000)));
    EXPECT_TRUE(std::isnan(first_of(evaluation, "P5", "network", Figure::ciede2000)));
}

} // namespace
