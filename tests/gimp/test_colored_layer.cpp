// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs that succeed: what the new layer is, and that nothing else has changed.
#include "expectations.h"

#include <gtest/gtest.h>
#include <libgimp/gimp.h>

#include <cmath>

namespace chromatch::test {

namespace {

std::string number(int value)
{
    return std::to_string(value);
}

class ColoredLayer : public testing::TestWithParam<std::string> {};

std::string name_of(const testing::TestParamInfo<std::string>& info)
{
    return test_name(info.param);
}

} // namespace

TEST(Gimp, RunsEveryCase)
{
    EXPECT_EQ(facts_of("all")["finished"], "yes") << cases_run().command << "\n" << cases_run().output;
}

TEST_P(ColoredLayer, LiesAboveTheTargetAndKeepsItsLight)
{
    const std::string& name = GetParam();
    Facts facts = facts_of(name);
    EXPECT_EQ(facts["mask"], facts["selection-empty"] == "1" ? "no" : "yes");
    const Picture result = expect_colored(finished_cases(), name).result;
    ASSERT_FALSE(HasFailure()) << cases_run().output;
    if (name == "no-strength") {
        EXPECT_LT(mean_chroma(result), 0.5) << "a strength of 0 gives gray";
    } else if (!name.starts_with("automatic")) { // nobody knows the colours of waves
        EXPECT_GT(mean_chroma(result), 2.0) << "the result is gray";
    }
}

INSTANTIATE_TEST_SUITE_P(Precisions, ColoredLayer,
                         testing::Values("gray-u8", "gray-u8-linear", "gray-u16", "gray-u16-linear", "gray-u32",
                                         "gray-half", "gray-float", "gray-float-linear", "gray-double", "rgb-u8",
                                         "rgb-u16", "rgb-float-linear", "indexed"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Profiles, ColoredLayer,
                         testing::Values("gray-profile", "wide-profile", "plain-reference", "wide-reference",
                                         "wrong-reference"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Places, ColoredLayer, testing::Values("offset-alpha", "in-a-group", "selection"), name_of);
INSTANTIATE_TEST_SUITE_P(Hints, ColoredLayer,
                         testing::Values("hints", "hints-with-reference", "hints-with-offsets", "hints-with-profile",
                                         "hints-in-a-group"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(PartsOfReferences, ColoredLayer,
                         testing::Values("whole-reference", "selected-reference", "masked-reference",
                                         "disabled-mask-reference", "own-image-reference"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(SeveralReferences, ColoredLayer,
                         testing::Values("two-references", "group-of-references", "group-as-one-picture",
                                         "separate-of-one"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Arguments, ColoredLayer,
                         testing::Values("reference-file", "layer-before-file", "automatic", "chroma-layer",
                                         "no-strength", "seed-and-device", "automatic-procedure",
                                         "automatic-chroma-layer"),
                         name_of);

TEST(ColoredLayerCase, GrayImageBecomesRgb)
{
    EXPECT_EQ(facts_of("gray-u8")["base-type-before"], number(GIMP_GRAY));
    EXPECT_EQ(facts_of("indexed")["base-type-before"], number(GIMP_INDEXED));
    EXPECT_EQ(facts_of("rgb-u8")["base-type-before"], number(GIMP_RGB));
}

TEST(ColoredLayerCase, OffsetLayerKeepsItsPlace)
{
    Facts facts = facts_of("offset-alpha");
    EXPECT_EQ(facts["new-x"], "-13");
    EXPECT_EQ(facts["new-y"], "52");
    EXPECT_EQ(facts["new-alpha"], "1");
}

TEST(ColoredLayerCase, LayerInAGroupStaysThere)
{
    Facts facts = facts_of("in-a-group");
    EXPECT_NE(facts["new-parent"], "-1");
    EXPECT_EQ(facts["position-before"], "1");
}

TEST(ColoredLayerCase, SelectionBecomesTheMask)
{
    const std::vector<Picture> row = read_row(finished_cases().folder() / "selection-and-mask.tif", 2);
    const Picture& selected = row[0];
    const Picture& mask = row[1];
    EXPECT_LE(largest_difference(selected, mask), 0.0);
    const double light = mean_luminance_difference(mask, pictures_of("selection").before);
    EXPECT_GT(light, 1.0) << "the mask shows the picture instead of the selection";
}

TEST(ColoredLayerCase, ReferencesProfileCounts)
{
    const Lab plain = mean_color(pictures_of("plain-reference").result);
    const Lab wide = mean_color(pictures_of("wide-reference").result);
    const Lab wrong = mean_color(pictures_of("wrong-reference").result);
    const double honoured = std::hypot(plain.a - wide.a, plain.b - wide.b);
    const double ignored = std::hypot(plain.a - wrong.a, plain.b - wrong.b);
    EXPECT_GT(ignored, 1.0) << "the pictures cannot tell";
    EXPECT_LT(honoured, 0.5 * ignored);
}

TEST(ColoredLayerCase, NameSaysWhereTheColorsCameFrom)
{
    EXPECT_EQ(facts_of("reference-file")["name"], "Colors from colors.png");
    EXPECT_EQ(facts_of("layer-before-file")["name"].find("Colors from "), 0u);
    EXPECT_EQ(facts_of("layer-before-file")["name"].find("missing"), std::string::npos);
    EXPECT_EQ(facts_of("automatic")["name"], "Automatic colors");
}

TEST(ColoredLayerCase, ChromaLayerTakesItsLightFromBelow)
{
    EXPECT_EQ(facts_of("chroma-layer")["mode"], number(GIMP_LAYER_MODE_LCH_COLOR));
    EXPECT_EQ(facts_of("gray-u8")["mode"], number(GIMP_LAYER_MODE_NORMAL));
}

} // namespace chromatch::test
