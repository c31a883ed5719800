// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kinds of layers, profiles, values and sizes (layers.scm): a result, or one clear sentence.
#include "expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace chromatch::test {

namespace {

using testing::HasSubstr;

struct LayersRun {
    LayersRun() : sandbox(PLUGIN_PATH)
    {
        write_fixtures(sandbox.folder());
        run = sandbox.run_script("layers.scm", {}, "-id"); // text needs fonts
    }

    Facts facts(const std::string& name) const { return read_facts(sandbox.folder() / (name + ".facts")); }

    GimpSandbox sandbox;
    ProgramRun run;
};

const LayersRun& layers()
{
    static const LayersRun run;
    return run;
}

std::string name_of(const testing::TestParamInfo<std::string>& info)
{
    return test_name(info.param);
}

class Layers : public testing::TestWithParam<std::string> {};
class PlainLayers : public testing::TestWithParam<std::string> {};

} // namespace

TEST(LayersCase, EveryOneHasRun)
{
    EXPECT_EQ(layers().facts("all")["finished"], "yes") << layers().run.output;
}

TEST_P(Layers, GetColors)
{
    const Picture result = expect_colored(layers().sandbox, GetParam()).result;
    ASSERT_FALSE(HasFailure()) << layers().run.output;
    EXPECT_GT(mean_chroma(result), 2.0) << "the result is gray";
}

INSTANTIATE_TEST_SUITE_P(Kinds, Layers,
                         testing::Values("group", "gray-group", "filtered", "gray-filtered", "hidden-filter",
                                         "invisible", "masked", "masked-gray", "masked-and-selected",
                                         "mask-switched-off"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Locks, Layers,
                         testing::Values("locked-content", "locked-position", "locked-visibility", "locked-alpha",
                                         "locked-group"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Profiles, Layers, testing::Values("display-p3", "adobe-rgb"), name_of);
INSTANTIATE_TEST_SUITE_P(Sizes, Layers, testing::Values("12x1200", "20000x50", "one-pixel-reference"), name_of);

/// Where there is nothing to see, or too little to recognize, nobody can say which colours are right.
TEST_P(PlainLayers, KeepTheirLight)
{
    expect_colored(layers().sandbox, GetParam());
    EXPECT_FALSE(HasFailure()) << layers().run.output;
}

INSTANTIATE_TEST_SUITE_P(Contents, PlainLayers,
                         testing::Values("empty-group", "transparent", "black", "middle-gray", "white"), name_of);
INSTANTIATE_TEST_SUITE_P(Sizes, PlainLayers, testing::Values("1x1", "1x300", "300x1", "7x5"), name_of);

TEST(LayersCase, TextStaysText)
{
    if (layers().facts("text-layer-kind")["fonts"] == "no") {
        GTEST_SKIP() << "no font is installed";
    }
    expect_colored(layers().sandbox, "text-layer");
    EXPECT_EQ(layers().facts("text-layer-kind")["text"], "1");
}

/// A shadow reaches beyond the layer; the new layer does not.
TEST(LayersCase, FiltersThatGrowTheLayer)
{
    Facts facts = layers().facts("growing-filter");
    EXPECT_EQ(facts["error"], "");
    for (const char* side : {"x", "y", "width", "height"}) {
        EXPECT_EQ(facts[std::string("new-") + side], facts[std::string("target-") + side]) << side;
    }
    EXPECT_EQ(facts["new-width"], "150");
}

TEST(LayersCase, LinksAndShapesStayWhatTheyAre)
{
    if (layers().facts("new-kinds")["known"] == "no") {
        GTEST_SKIP() << "this GIMP has neither link layers nor vector layers: they came with 3.2";
    }
    for (const char* name : {"link-layer", "gray-link-layer", "link-reference", "vector-layer", "vector-reference"}) {
        SCOPED_TRACE(name);
        expect_colored(layers().sandbox, name);
    }
    EXPECT_EQ(layers().facts("link-layer-kept")["of-kind"], "1");
    EXPECT_EQ(layers().facts("vector-layer-kept")["of-kind"], "1");
    for (const char* name : {"link-reference", "vector-reference"}) {
        const std::vector<Picture> row = read_row(layers().sandbox.folder() / (std::string(name) + ".tif"), 3);
        EXPECT_GT(mean_chroma(row[2]), 2.0) << name << ": the result is gray";
    }
}

TEST(LayersCase, LocksStay)
{
    for (const char* name : {"locked-content", "locked-position", "locked-visibility", "locked-alpha"}) {
        EXPECT_EQ(layers().facts(std::string(name) + "-kept")["locked"], "1") << name;
    }
}

TEST(LayersCase, NewLayerGetsTheTargetsMask)
{
    for (const char* name : {"masked", "masked-gray", "masked-and-selected"}) {
        SCOPED_TRACE(name);
        ASSERT_EQ(layers().facts(name)["mask"], "yes");
        const std::vector<Picture> masks = read_row(layers().sandbox.folder() / (std::string(name) + "-masks.tif"), 2);
        // The selection begins 30 pixels to the right of the layer's left edge.
        const bool selected = name == std::string("masked-and-selected");
        double hidden = 0.0;
        double shown = 0.0;
        for (int y = 0; y < masks[0].height; ++y) {
            for (int x = 0; x < masks[0].width; ++x) {
                const std::size_t pixel = static_cast<std::size_t>(y) * masks[0].width + x;
                const float own = masks[0].rgba[4 * pixel];
                (own > 0.5f ? shown : hidden) += 1.0;
                const float wanted = selected && x < 30 ? 0.0f : own;
                ASSERT_NEAR(masks[1].rgba[4 * pixel], wanted, 1.0 / 255.0) << x << ", " << y;
            }
        }
        EXPECT_GT(hidden, 100.0) << "the mask hides nothing";
        EXPECT_GT(shown, 100.0) << "the mask shows nothing";
    }
    EXPECT_EQ(layers().facts("mask-switched-off")["mask"], "no");
}

/// Finite light is kept, below black and above white too. What is no number is black, endless light white.
TEST(LayersCase, ValuesBeyondBlackAndWhite)
{
    for (const char* name : {"beyond-float", "beyond-half"}) {
        SCOPED_TRACE(name);
        expect_layer_above(layers().sandbox, name);
        const std::vector<Picture> row = read_row(layers().sandbox.folder() / (std::string(name) + ".tif"), 3);
        // Where write_fixtures() has put no number, endless light and endless darkness.
        const std::size_t none = 10 * 80 + 20;
        const std::size_t endless = 20 * 80 + 30;
        const std::size_t darkness = 30 * 80 + 40;
        int beyond = 0;
        for (std::size_t pixel = 0; pixel < row[0].rgba.size() / 4; ++pixel) {
            const float before = row[0].rgba[4 * pixel];
            const double light = 0.2126 * row[2].rgba[4 * pixel] + 0.7152 * row[2].rgba[4 * pixel + 1] +
                                 0.0722 * row[2].rgba[4 * pixel + 2];
            if (pixel == none || pixel == endless || pixel == darkness) {
                EXPECT_FALSE(std::isfinite(before)) << pixel;
                EXPECT_NEAR(light, pixel == endless ? 1.0 : 0.0, 0.002) << pixel;
            } else {
                ASSERT_NEAR(light, before, 0.01 * std::abs(before) + 0.002) << pixel;
                beyond += before < 0.0f || before > 1.0f ? 1 : 0;
            }
        }
        EXPECT_GT(beyond, 1000);
    }
    expect_colored(layers().sandbox, "beyond-reference");
}

TEST(LayersCase, TooLargeSideIsNamed)
{
    const std::string error = layers().facts("too-wide")["error"];
    EXPECT_THAT(error, HasSubstr("65536"));
    EXPECT_THAT(error, HasSubstr("65535"));
    expect_untouched(layers().sandbox, "too-wide");
}

} // namespace chromatch::test
