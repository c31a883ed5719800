// SPDX-License-Identifier: GPL-3.0-or-later
#include "expectations.h"

#include <gtest/gtest.h>
#include <libgimp/gimp.h>

namespace chromatch::test {

namespace {

/// What GIMP's float arithmetic may add where pictures are put side by side.
constexpr double copying_error = 1e-5;

Facts facts_in(const GimpSandbox& sandbox, const std::string& name)
{
    return read_facts(sandbox.folder() / (name + ".facts"));
}

} // namespace

void expect_layer_above(const GimpSandbox& sandbox, const std::string& name)
{
    Facts facts = facts_in(sandbox, name);
    ASSERT_EQ(facts["error"], "");
    ASSERT_TRUE(facts.contains("name")) << "no new layer";
    for (const char* same : {"x", "y", "width", "height", "alpha", "parent"}) {
        EXPECT_EQ(facts[std::string("new-") + same], facts[std::string("target-") + same]) << same;
    }
    EXPECT_EQ(facts["new-position"], facts["position-before"]);
    EXPECT_EQ(std::stoi(facts["target-position"]), std::stoi(facts["position-before"]) + 1);
    EXPECT_EQ(std::stod(facts["opacity"]), 100.0);
    EXPECT_EQ(facts["base-type"], std::to_string(GIMP_RGB));
    EXPECT_EQ(facts["precision"], facts["precision-before"]);
    EXPECT_EQ(facts["selection-empty"], facts["selection-empty-before"]);
}

CasePictures expect_colored(const GimpSandbox& sandbox, const std::string& name)
{
    expect_layer_above(sandbox, name);
    if (testing::Test::HasFatalFailure()) {
        return {};
    }
    Facts facts = facts_in(sandbox, name);
    const std::vector<Picture> row = read_row(sandbox.folder() / (name + ".tif"), 3);
    const auto& [before, after, result] = CasePictures{row[0], row[1], row[2]};
    const double luminance_difference = mean_luminance_difference(before, result);
    testing::Test::RecordProperty("mean_luminance_difference", std::to_string(luminance_difference));
    EXPECT_LT(luminance_difference, 0.5);
    EXPECT_LE(largest_alpha_difference(before, result), 1.0 / 255.0);
    // A gray or indexed picture is stored anew as RGB: the same light up to one step of its precision.
    const bool converted = facts["base-type-before"] != facts["base-type"];
    EXPECT_LE(largest_difference(before, after), converted ? 0.01 : copying_error) << "the original has changed";
    EXPECT_LE(mean_luminance_difference(before, after), converted ? 0.1 : copying_error) << "the original has changed";
    return {row[0], row[1], row[2]};
}

void expect_untouched(const GimpSandbox& sandbox, const std::string& name)
{
    Facts facts = facts_in(sandbox, name);
    EXPECT_EQ(facts["layers"], facts["layers-before"]);
    EXPECT_EQ(facts["base-type"], facts["base-type-before"]);
    EXPECT_FALSE(facts.contains("name")) << "a layer was added";
    const std::vector<Picture> row = read_row(sandbox.folder() / (name + ".tif"), 3);
    EXPECT_EQ(largest_difference(row[0], row[1]), 0.0);
}

} // namespace chromatch::test
