// SPDX-License-Identifier: GPL-3.0-or-later
//
// Parts of a reference, and several references. The pictures for this are the target in orange on the left and in blue
// on the right.
#include "gimp_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libgimp/gimp.h>

#include <fstream>

namespace chromatch::test {

namespace {

/// How yellow (or, below 0, blue) a half of the picture is.
double yellow(const Picture& picture, bool right_half)
{
    const int half = picture.width / 2;
    return mean_color(part_of(picture, right_half ? half : 0, 0, half, picture.height)).b;
}

void expect_orange_and_blue(const Picture& picture)
{
    EXPECT_GT(yellow(picture, false), 8.0);
    EXPECT_LT(yellow(picture, true), -8.0);
}

void expect_all_blue(const Picture& picture)
{
    EXPECT_LT(yellow(picture, false), -4.0);
    EXPECT_LT(yellow(picture, true), -8.0);
}

} // namespace

TEST(PartsOfReferences, SelectionInAnotherImageLimitsWhatIsBorrowed)
{
    expect_orange_and_blue(pictures_of("whole-reference").result);
    expect_all_blue(pictures_of("selected-reference").result);
}

TEST(PartsOfReferences, LayerMaskLimitsWhatIsBorrowed)
{
    expect_all_blue(pictures_of("masked-reference").result);
    expect_orange_and_blue(pictures_of("disabled-mask-reference").result);
}

TEST(PartsOfReferences, SelectionInTheTargetsImageIsTheTargets)
{
    expect_orange_and_blue(pictures_of("own-image-reference").result);
    EXPECT_EQ(facts_of("own-image-reference")["mask"], "yes");
}

TEST(SeveralReferences, EachPlaceTakesTheOneThatMatchesBest)
{
    expect_orange_and_blue(pictures_of("two-references").result);
    EXPECT_EQ(facts_of("two-references")["name"], "Colors from 2 references");
}

TEST(SeveralReferences, VisibleLayersOfAGroupCanBeReferences)
{
    Facts facts = facts_of("group-of-references");
    EXPECT_EQ(facts["name"], "Colors from Both halves");
    const Picture result = pictures_of("group-of-references").result;
    EXPECT_LT(largest_difference(result, pictures_of("two-references").result), 0.02);
}

TEST(SeveralReferences, GroupIsOnePictureUnlessAskedOtherwise)
{
    expect_orange_and_blue(pictures_of("group-as-one-picture").result);
}

TEST(SeveralReferences, OfWhichThereIsOneMakeNoGroup)
{
    EXPECT_EQ(facts_of("separate-of-one-group")["count"], "0");
    EXPECT_EQ(facts_of("separate-of-one")["name"], "Colors from right.png");
    expect_all_blue(pictures_of("separate-of-one").result);
}

TEST(SeparateReferences, MakeAGroupWithALayerEach)
{
    Facts facts = facts_of("separate-references");
    ASSERT_EQ(facts["error"], "");
    EXPECT_EQ(std::stoi(facts["layers"]), std::stoi(facts["layers-before"]) + 1);
    EXPECT_EQ(facts["new-position"], facts["position-before"]);
    Facts group = facts_of("separate-references-group");
    EXPECT_EQ(group["name"], "Colorizations");
    EXPECT_EQ(group["mode"], std::to_string(GIMP_LAYER_MODE_NORMAL));
    ASSERT_EQ(group["count"], "2") << "a reference given twice counts once";
    EXPECT_EQ(group["layer-0-name"], "Colors from left.png");
    EXPECT_EQ(group["layer-1-name"], "Colors from right.png");
    EXPECT_EQ(group["layer-0-visible"], "1");
    EXPECT_EQ(group["layer-1-visible"], "0");
    const std::vector<Picture> layers = read_row(finished_cases().folder() / "separate-references-group.tif", 2);
    EXPECT_GT(yellow(layers[0], false), 8.0);
    EXPECT_LT(yellow(layers[1], true), -8.0);
    const Picture before = pictures_of("separate-references").before;
    for (const Picture& layer : layers) {
        EXPECT_LT(mean_luminance_difference(before, layer), 0.5);
    }
}

TEST(SeparateReferences, KeepPlaceSelectionAndOutput)
{
    Facts facts = facts_of("separate-group");
    ASSERT_EQ(facts["error"], "");
    Facts group = facts_of("separate-group-group");
    // In any other mode the group's layers could not see the lightness below it.
    EXPECT_EQ(group["mode"], std::to_string(GIMP_LAYER_MODE_PASS_THROUGH));
    ASSERT_EQ(group["count"], "2") << "what is not visible is no reference";
    EXPECT_THAT(group["layer-0-name"], testing::StartsWith("Colors from left.png"));
    EXPECT_THAT(group["layer-1-name"], testing::StartsWith("Colors from right.png"));
    for (const std::string layer : {"layer-0-", "layer-1-"}) {
        EXPECT_EQ(group[layer + "mode"], std::to_string(GIMP_LAYER_MODE_LCH_COLOR));
        EXPECT_EQ(group[layer + "mask"], "yes");
        for (const char* same : {"x", "y", "width", "height"}) {
            EXPECT_EQ(group[layer + same], facts[std::string("target-") + same]) << same;
        }
    }
}

TEST(ReferenceFiles, AreSeveralReferences)
{
    for (const std::string name : {"two-files", "file-and-files"}) {
        ASSERT_EQ(facts_of(name)["error"], "") << name;
        EXPECT_EQ(facts_of(name)["name"], "Colors from 2 references") << name;
        const Picture result = pictures_of(name).result;
        expect_orange_and_blue(result);
        EXPECT_LT(largest_difference(result, pictures_of("two-references").result), 0.02) << name;
    }
}

TEST(ReferenceFiles, MakeAGroupWithALayerEach)
{
    ASSERT_EQ(facts_of("separate-files")["error"], "");
    Facts group = facts_of("separate-files-group");
    EXPECT_EQ(group["name"], "Colorizations");
    ASSERT_EQ(group["count"], "2") << "a file given twice counts once";
    EXPECT_EQ(group["layer-0-name"], "Colors from left.png");
    EXPECT_EQ(group["layer-1-name"], "Colors from right.png");
    const std::vector<Picture> layers = read_row(finished_cases().folder() / "separate-files-group.tif", 2);
    EXPECT_GT(yellow(layers[0], false), 8.0);
    EXPECT_LT(yellow(layers[1], true), -8.0);
}

TEST(ReferenceFiles, GiveWayToALayer)
{
    ASSERT_EQ(facts_of("layer-before-files")["error"], "");
    EXPECT_EQ(facts_of("layer-before-files")["name"], "Colors from right.png");
    expect_all_blue(pictures_of("layer-before-files").result);
}

TEST(Readme, ExamplesRun)
{
    Facts facts = facts_of("readme-examples");
    EXPECT_EQ(facts["error"], "");
    std::ifstream script(finished_cases().folder() / "readme_examples.scm");
    int examples = 0;
    for (std::string line; std::getline(script, line);) {
        examples += line.starts_with("(plug-in-chromatch") ? 1 : 0;
    }
    EXPECT_GT(examples, 2);
    EXPECT_EQ(std::stoi(facts["layers"]), std::stoi(facts["layers-before"]) + examples);
}

} // namespace chromatch::test
