// SPDX-License-Identifier: GPL-3.0-or-later
#include "metrics.h"
#include "pictures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace {

using namespace chromatch;

LabImage flat(int height, int width, float l, float a, float b)
{
    return {Plane(height, width, l), Plane(height, width, a), Plane(height, width, b)};
}

/// A picture with `left` in its left half and `right` in the other.
LabImage halves(int height, int width, const std::uint8_t (&left)[3], const std::uint8_t (&right)[3])
{
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            rgb.insert(rgb.end(), x < width / 2 ? left : right, (x < width / 2 ? left : right) + 3);
    return lab_from_srgb(rgb.data(), height, width);
}

// Sharma, Wu and Dalal 2005, table 1.
struct SharmaPair {
    double first[3], second[3], difference;
};
const SharmaPair sharma_pairs[] = {
    {{50.0000, 2.6772, -79.7751}, {50.0000, 0.0000, -82.7485}, 2.0425},
    {{50.0000, 3.1571, -77.2803}, {50.0000, 0.0000, -82.7485}, 2.8615},
    {{50.0000, 2.8361, -74.0200}, {50.0000, 0.0000, -82.7485}, 3.4412},
    {{50.0000, -1.3802, -84.2814}, {50.0000, 0.0000, -82.7485}, 1.0000},
    {{50.0000, -1.1848, -84.8006}, {50.0000, 0.0000, -82.7485}, 1.0000},
    {{50.0000, -0.9009, -85.5211}, {50.0000, 0.0000, -82.7485}, 1.0000},
    {{50.0000, 0.0000, 0.0000}, {50.0000, -1.0000, 2.0000}, 2.3669},
    {{50.0000, -1.0000, 2.0000}, {50.0000, 0.0000, 0.0000}, 2.3669},
    {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0009}, 7.1792},
    {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0010}, 7.1792},
    {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0011}, 7.2195},
    {{50.0000, 2.4900, -0.0010}, {50.0000, -2.4900, 0.0012}, 7.2195},
    {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0009, -2.4900}, 4.8045},
    {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0010, -2.4900}, 4.8045},
    {{50.0000, -0.0010, 2.4900}, {50.0000, 0.0011, -2.4900}, 4.7461},
    {{50.0000, 2.5000, 0.0000}, {50.0000, 0.0000, -2.5000}, 4.3065},
    {{50.0000, 2.5000, 0.0000}, {73.0000, 25.0000, -18.0000}, 27.1492},
    {{50.0000, 2.5000, 0.0000}, {61.0000, -5.0000, 29.0000}, 22.8977},
    {{50.0000, 2.5000, 0.0000}, {56.0000, -27.0000, -3.0000}, 31.9030},
    {{50.0000, 2.5000, 0.0000}, {58.0000, 24.0000, 15.0000}, 19.4535},
    {{50.0000, 2.5000, 0.0000}, {50.0000, 3.1736, 0.5854}, 1.0000},
    {{50.0000, 2.5000, 0.0000}, {50.0000, 3.2972, 0.0000}, 1.0000},
    {{50.0000, 2.5000, 0.0000}, {50.0000, 1.8634, 0.5757}, 1.0000},
    {{50.0000, 2.5000, 0.0000}, {50.0000, 3.2592, 0.3350}, 1.0000},
    {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
    {{63.0109, -31.0961, -5.8663}, {62.8187, -29.7946, -4.0864}, 1.2630},
    {{61.2901, 3.7196, -5.3901}, {61.4292, 2.2480, -4.9620}, 1.8731},
    {{35.0831, -44.1164, 3.7933}, {35.0232, -40.0716, 1.5901}, 1.8645},
    {{22.7233, 20.0904, -46.6940}, {23.0331, 14.9730, -42.5619}, 2.0373},
    {{36.4612, 47.8580, 18.3852}, {36.2715, 50.5065, 21.2231}, 1.4146},
    {{90.8027, -2.0831, 1.4410}, {91.1528, -1.6435, 0.0447}, 1.4441},
    {{90.9257, -0.5406, -0.9208}, {88.6381, -0.8985, -0.7239}, 1.5381},
    {{6.7747, -0.2908, -2.4247}, {5.8714, -0.0985, -2.2286}, 0.6377},
    {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
};

TEST(Ciede2000, AgreesWithSharmasPairsBothWays)
{
    ASSERT_EQ(std::size(sharma_pairs), 34u);
    for (const SharmaPair& pair : sharma_pairs) {
        EXPECT_NEAR(ciede2000(pair.first, pair.second), pair.difference, 5e-5) << "pair " << &pair - sharma_pairs + 1;
        EXPECT_NEAR(ciede2000(pair.second, pair.first), pair.difference, 5e-5) << "pair " << &pair - sharma_pairs + 1;
    }
}

TEST(Ciede2000, MeanIsOverPixels)
{
    LabImage result = flat(1, 2, 50, 2.5f, 0), truth = result;
    truth.a.at(0, 1) = 0;
    truth.b.at(0, 1) = -2.5f; // pair 16
    EXPECT_NEAR(mean_ciede2000(result, truth), 4.3065 / 2, 1e-4);
}

TEST(Pictures, SrgbPrimariesHaveTheirPublishedLab)
{
    // Lindbloom's colour calculator, sRGB under D65 without adaptation.
    const std::uint8_t rgb[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    const float expected[4][3] = {
        {53.24f, 80.09f, 67.20f}, {87.73f, -86.18f, 83.18f}, {32.30f, 79.19f, -107.86f}, {100, 0, 0}};
    const LabImage image = lab_from_srgb(rgb, 2, 2);
    for (int i = 0; i < 4; ++i) {
        EXPECT_NEAR(image.l.values[i], expected[i][0], 0.03);
        EXPECT_NEAR(image.a.values[i], expected[i][1], 0.03);
        EXPECT_NEAR(image.b.values[i], expected[i][2], 0.03);
    }
    EXPECT_EQ(srgb_bytes(image), std::vector<std::uint8_t>(rgb, rgb + 12));
}

TEST(Psnr, AbIsTwentyDecibelsForATenthOfTheRange)
{
    EXPECT_NEAR(psnr_ab(flat(3, 5, 40, 22, 0), flat(3, 5, 40, 0, 22)), 20, 1e-9);
    EXPECT_NEAR(psnr_ab(flat(3, 5, 40, 22, 7), flat(3, 5, 90, 0, 7)), 20 + 10 * std::log10(2), 1e-9);
    EXPECT_EQ(psnr_ab(flat(3, 5, 40, 1, 2), flat(3, 5, 40, 1, 2)), std::numeric_limits<double>::infinity());
}

TEST(Psnr, RgbOfBlackAgainstWhiteIsZero)
{
    EXPECT_NEAR(psnr_rgb(flat(2, 2, 0, 0, 0), flat(2, 2, 100, 0, 0)), 0, 1e-3);
    const std::uint8_t gray[] = {100, 100, 100}, other[] = {110, 100, 100};
    EXPECT_NEAR(psnr_rgb(lab_from_srgb(gray, 1, 1), lab_from_srgb(other, 1, 1)), 10 * std::log10(255 * 255 * 3 / 100.0),
                1e-3);
}

TEST(DeltaL, IsTheMeanAbsoluteDifference)
{
    LabImage first = flat(1, 4, 50, 0, 0), second = flat(1, 4, 50, 9, 9);
    second.l.at(0, 0) = 48;
    second.l.at(0, 3) = 56;
    EXPECT_DOUBLE_EQ(mean_delta_l(first, second), 2);
}

TEST(HistogramIntersection, CountsCommonColours)
{
    EXPECT_NEAR(histogram_intersection(flat(4, 4, 20, 30, 40), flat(9, 2, 80, 30, 40)), 1, 1e-12);
    EXPECT_NEAR(histogram_intersection(flat(4, 4, 20, 30, 40), flat(4, 4, 20, -30, 40)), 0, 1e-12);
    // Bins are 11 apart: 5.5 lies half in the bin of 0, half in that of 11.
    EXPECT_NEAR(histogram_intersection(flat(1, 1, 0, 5.5f, 0), flat(1, 1, 0, 0, 0)), 0.5, 1e-6);
    EXPECT_NEAR(histogram_intersection(flat(1, 1, 0, 5.5f, 5.5f), flat(1, 1, 0, 0, 0)), 0.25, 1e-6);
    // Beyond the range counts at its border.
    EXPECT_NEAR(histogram_intersection(flat(1, 1, 0, 150, -150), flat(1, 1, 0, 110, -110)), 1, 1e-12);
}

TEST(ChromaNoise, IsNearZeroWhereChromaFollowsLuminance)
{
    LabImage image = flat(40, 40, 0, 0, 0);
    for (int y = 0; y < 40; ++y)
        for (int x = 0; x < 40; ++x) {
            image.l.at(y, x) = (x / 5 + y / 7) % 2 ? 80.0f : 20.0f;
            image.a.at(y, x) = 0.5f * image.l.at(y, x);
        }
    EXPECT_LT(chroma_noise(image), 0.01);
    EXPECT_EQ(chroma_noise(flat(40, 40, 50, 0, 0)), 0);
    EXPECT_NEAR(chroma_noise(flat(40, 40, 50, 30, 40)), 0, 1e-5);
}

TEST(ChromaNoise, OfACheckerboardOnFlatLuminanceIsItsAmplitude)
{
    // The filter averages 81 pixels twice, so nearly the whole board remains: a = 40 +- 10 and b = 0 have an RMS of 10
    // and a mean chroma of 40.
    LabImage image = flat(60, 60, 50, 0, 0);
    for (int y = 0; y < 60; ++y)
        for (int x = 0; x < 60; ++x)
            image.a.at(y, x) = (x + y) % 2 ? 50.0f : 30.0f;
    EXPECT_NEAR(chroma_noise(image), 0.25, 2e-4);
}

TEST(UnsupportedChromaEdges, CountsEdgesWithoutLuminance)
{
    LabImage image = flat(32, 32, 50, 0, 0);
    EXPECT_EQ(unsupported_chroma_edges(image), 0);
    for (int y = 0; y < 32; ++y)
        for (int x = 16; x < 32; ++x)
            image.a.at(y, x) = 60;
    EXPECT_EQ(unsupported_chroma_edges(image), 1);
    for (int y = 0; y < 32; ++y)
        for (int x = 16; x < 32; ++x)
            image.l.at(y, x) = 90;
    EXPECT_NEAR(unsupported_chroma_edges(image), 0, 0.01);
    // The lower half of the edge loses its luminance. The luminance edge that this makes along row 16 still supports
    // five rows: three that the blur and Sobel reach, two of the window.
    for (int y = 16; y < 32; ++y)
        for (int x = 16; x < 32; ++x)
            image.l.at(y, x) = 50;
    EXPECT_NEAR(unsupported_chroma_edges(image), 11.0 / 32, 0.01);
}

TEST(UnsupportedChromaEdges, LuminanceStepOfFourIsAtTheThreshold)
{
    // A step of s blurred by sigma 1 has a central difference of s (Phi(1.5) - Phi(-.5)) / 2 = .3123 s beside it
    // (continuous Gaussian; close to the sampled one), so a step of 3 supports nothing and a step of 4 does.
    LabImage image = flat(32, 32, 50, 0, 0);
    for (int y = 0; y < 32; ++y)
        for (int x = 16; x < 32; ++x) {
            image.a.at(y, x) = 60;
            image.l.at(y, x) = 53;
        }
    EXPECT_EQ(unsupported_chroma_edges(image), 1);
    for (int y = 0; y < 32; ++y)
        for (int x = 16; x < 32; ++x)
            image.l.at(y, x) = 54;
    EXPECT_LT(unsupported_chroma_edges(image), 0.05);
}

TEST(Colourfulness, AgreesWithTheFormulaByHand)
{
    // Half red, half gray: rg = 255 or 0, yb = 127.5 or 0. Deviations 127.5 and 63.75, means the same.
    const double expected = std::hypot(127.5, 63.75) * 1.3;
    EXPECT_NEAR(colourfulness(halves(6, 8, {255, 0, 0}, {128, 128, 128})), expected, 0.05);
    EXPECT_NEAR(colourfulness(flat(5, 5, 60, 0, 0)), 0, 0.05);
    // One colour has no deviation: 0.3 of its distance from gray. Signed: blue and yellow do not add up.
    EXPECT_NEAR(colourfulness(halves(2, 2, {0, 0, 255}, {0, 0, 255})), 0.3 * 255, 0.05);
    EXPECT_NEAR(colourfulness(halves(2, 2, {0, 0, 255}, {255, 255, 0})), 255, 0.05);
}

TEST(Auc, KnowsTheTextbookExample)
{
    // The example of scikit-learn's roc_auc_score.
    EXPECT_DOUBLE_EQ(auc({0.1f, 0.4f, 0.35f, 0.8f}, {0, 0, 1, 1}), 0.75);
    EXPECT_DOUBLE_EQ(auc({0.1f, 0.2f, 0.3f}, {0, 0, 1}), 1);
    EXPECT_DOUBLE_EQ(auc({0.3f, 0.2f, 0.1f}, {0, 0, 1}), 0);
    EXPECT_DOUBLE_EQ(auc({0.5f, 0.5f, 0.5f, 0.5f}, {0, 1, 0, 1}), 0.5);
    EXPECT_TRUE(std::isnan(auc({0.5f, 0.1f}, {1, 1})));
    EXPECT_TRUE(std::isnan(auc({}, {})));
}

TEST(Bootstrap, IntervalIsThatOfTheNormalMean)
{
    // 0 and 1 in turn: deviation .5, so the mean of 400 lies in .5 +- 1.96 * .5 / 20.
    std::vector<double> values(400);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = i % 2;
    const Interval interval = bootstrap_mean(values, 7);
    EXPECT_DOUBLE_EQ(interval.mean, 0.5);
    EXPECT_NEAR(interval.low, 0.451, 0.006);
    EXPECT_NEAR(interval.high, 0.549, 0.006);
    const Interval again = bootstrap_mean(values, 7);
    EXPECT_EQ(interval.low, again.low);
    EXPECT_EQ(interval.high, again.high);
}

TEST(Bootstrap, OneValueAndNone)
{
    const Interval one = bootstrap_mean({3.5}, 0);
    EXPECT_EQ(one.low, 3.5);
    EXPECT_EQ(one.high, 3.5);
    EXPECT_TRUE(std::isnan(bootstrap_mean({}, 0).mean));
}

TEST(Bootstrap, OfPairedDifferencesIsNarrowerThanOfTheirParts)
{
    // Photos differ widely, the methods by 1 +- .1 on each: only pairing sees it.
    std::vector<double> first, second, difference;
    for (int i = 0; i < 100; ++i) {
        second.push_back(i % 10 * 5);
        first.push_back(second.back() + (i % 2 ? 0.9 : 1.1));
        difference.push_back(first.back() - second.back());
    }
    const Interval paired = bootstrap_mean(difference, 3), alone = bootstrap_mean(first, 3);
    EXPECT_NEAR(paired.mean, 1, 1e-9);
    EXPECT_NEAR(paired.high - paired.low, 2 * 1.96 * 0.1 / 10, 0.006);
    EXPECT_GT(alone.high - alone.low, 4);
}

TEST(Bootstrap, RatioCountsWholesByTheirSize)
{
    const Interval ratio = bootstrap_ratio({1, 30}, {10, 100}, 0);
    EXPECT_DOUBLE_EQ(ratio.mean, 31.0 / 110);
    EXPECT_DOUBLE_EQ(ratio.low, 0.1); // resamples of one photo only
    EXPECT_DOUBLE_EQ(ratio.high, 0.3);
    EXPECT_TRUE(std::isnan(bootstrap_ratio({0, 0}, {0, 0}, 0).mean));
    EXPECT_DOUBLE_EQ(bootstrap_ratio({0, 1}, {0, 2}, 0).high, 0.5); // a resample without any whole does not count
}

LabImage turned_by(const LabImage& image, double degrees)
{
    LabImage turned = image;
    const double angle = degrees * std::acos(-1.0) / 180;
    for (std::size_t i = 0; i < image.a.values.size(); ++i) {
        turned.a.values[i] = float(std::cos(angle) * image.a.values[i] - std::sin(angle) * image.b.values[i]);
        turned.b.values[i] = float(std::sin(angle) * image.a.values[i] + std::cos(angle) * image.b.values[i]);
    }
    return turned;
}

TEST(HueRotation, MeasuresTheAppliedTurn)
{
    const LabImage image = halves(6, 8, {200, 40, 30}, {20, 90, 160});
    for (const double angle : {0.0, 45.0, 90.0, 135.0, 179.0, -100.0})
        EXPECT_NEAR(hue_rotation(turned_by(image, angle), image), angle, 1e-4);
    EXPECT_NEAR(std::abs(hue_rotation(turned_by(image, 180), image)), 180, 1e-4);
    EXPECT_EQ(hue_rotation(gray_image(image.l), image), 0);
}

TEST(RotationSlope, TellsObeyingFromIgnoring)
{
    const std::vector<double> applied{45, 90, 135, 180};
    EXPECT_NEAR(rotation_slope(applied, {45, 90, 135, 180}), 1, 1e-12);
    EXPECT_NEAR(rotation_slope(applied, {46, 91, 136, -179}),
                181.0 * 180 / 60750 + (46. * 45 + 91 * 90 + 136 * 135) / 60750, 1e-12);
    EXPECT_NEAR(rotation_slope(applied, {0, 0, 0, 0}), 0, 1e-12);
    EXPECT_NEAR(rotation_slope(applied, {-1, 1, -1, -1}), 0, 0.01);
    EXPECT_NEAR(rotation_slope(applied, {22.5, 45, 67.5, 90}), 0.5, 1e-12);
    EXPECT_NEAR(rotation_slope(applied, {-45, -90, -135, -180}), -1, 1e-12);
}

} // namespace
