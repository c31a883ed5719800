// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which photos of a folder suit the target, hills: the folder holds one of other hills, a flower, a portrait, a gray
// picture and a broken file.
#include "gimp_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace chromatch::test {

namespace {

using testing::EndsWith;
using testing::HasSubstr;

void expect_suggestions(const std::string& name)
{
    Facts facts = facts_of(name);
    ASSERT_EQ(facts["error"], "") << cases_run().output;
    EXPECT_EQ(facts["count"], "3");
    EXPECT_EQ(facts["0"], (finished_cases().folder() / "photos" / "inside" / "hills-reference.jpg").string());
    EXPECT_THAT((std::vector<std::string>{facts["1"], facts["2"]}),
                testing::UnorderedElementsAre(EndsWith("photos/flower-reference.jpg"),
                                              EndsWith("photos/portrait-reference.jpg")));
    EXPECT_EQ(facts["layers"], "1");
}

} // namespace

TEST(Suggestions, BestPhotoComesFirst)
{
    expect_suggestions("suggestions");
    Facts best = facts_of("best-suggestion");
    EXPECT_EQ(best["count"], "1");
    EXPECT_EQ(best["0"], facts_of("suggestions")["0"]);
}

TEST(Suggestions, AreKeptForTheNextSearch)
{
    expect_suggestions("suggestions-again");
    const std::filesystem::path cache = finished_cases().folder() / "cache" / "chromatch";
    ASSERT_TRUE(std::filesystem::is_directory(cache));
    // One file for each folder that was looked through.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(cache), {}), 2);
}

TEST(Suggestions, SentenceNamesTheFolder)
{
    EXPECT_THAT(facts_of("suggestions-of-no-folder")["error"], HasSubstr("nowhere\"."));
    EXPECT_THAT(facts_of("suggestions-of-no-photo")["error"], HasSubstr("photos/none\" holds no color photo"));
    EXPECT_THAT(facts_of("suggestions-without-folder")["error"], HasSubstr("is not given"));
}

TEST(Suggestions, AreNotInTheMenus)
{
    std::ifstream file(finished_cases().settings_folder() / "pluginrc");
    const std::string all(std::istreambuf_iterator<char>(file), {});
    const std::size_t begin = all.find("(proc-def \"plug-in-chromatch-suggest\"");
    ASSERT_NE(begin, std::string::npos);
    EXPECT_THAT(all.substr(begin, all.find("(proc-def", begin + 1) - begin), testing::Not(HasSubstr("menu-path")));
}

} // namespace chromatch::test
