// SPDX-License-Identifier: GPL-3.0-or-later
#include "photo_lists.h"
#include "selection.h"

#include <gtest/gtest.h>

#include <fstream>

namespace {

using namespace chromatch;

/// A file that lives as long as one test.
class TextFile {
  public:
    explicit TextFile(const std::string& text)
        : path_(testing::TempDir() + "chromatch-" + testing::UnitTest::GetInstance()->current_test_info()->name())
    {
        std::ofstream(path_) << text;
    }
    ~TextFile() { std::filesystem::remove(path_); }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

const std::vector<std::string> two{"a.jpg", "b.jpg"};

/// The sentence that reading `text` fails with; empty where it does not fail.
std::string failure(const std::string& text)
{
    const TextFile file(text);
    try {
        read_pairs(file.path(), two);
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return "";
}

TEST(Pairs, AreInTheTargetsOrder)
{
    const TextFile file("# pairs\nb.jpg\ta.jpg\n\nz.jpg\tc.jpg\na.jpg\tc.jpg\n");
    EXPECT_EQ(read_pairs(file.path(), two), (std::vector<std::string>{"c.jpg", "a.jpg"}));
}

TEST(Pairs, FaultsNameTheirLine)
{
    EXPECT_TRUE(failure("a.jpg b.jpg\n").ends_with(", line 1: two names with a tab between them were expected."));
    EXPECT_TRUE(failure("# x\na.jpg\tb.jpg\tc.jpg\n")
                    .ends_with(", line 2: two names with a tab between them were "
                               "expected."));
    EXPECT_TRUE(failure("a.jpg\ta.jpg\n").ends_with(", line 1: a.jpg is its own reference."));
    EXPECT_TRUE(failure("a.jpg\tb.jpg\na.jpg\tc.jpg\n").ends_with(", line 2: a.jpg has a reference already."));
    EXPECT_TRUE(failure("a.jpg\tb.jpg\n").ends_with(": there is no line for the photo b.jpg."));
    EXPECT_EQ(failure("a.jpg\tb.jpg\nb.jpg\tc.jpg\n"), "");
    try {
        read_pairs("/nowhere/pairs.tsv", two);
        FAIL();
    } catch (const std::runtime_error& error) {
        EXPECT_STREQ(error.what(), "/nowhere/pairs.tsv: the list of pairs cannot be opened.");
    }
}

TEST(Plants, AreFoundByNameLabelOrPath)
{
    const TextFile sources("member\trepository\toriginal_path\tlabel\tset\n"
                           "s_1.jpg\tr\tdata/x.jpg\tbamboo_forest\tvalidation-000\n"
                           "s_2.jpg\tr\tbirds/Rose_Breasted_Grosbeak.jpg\tbird\tvalidation-000\n"
                           "s_3.jpg\tr\tfree/Rose-1.jpg\t-\tvalidation-000\n"
                           "s_4.jpg\tr\tdata/rosette/2.jpg\t-\tvalidation-000\n");
    const std::vector<std::string> names{
        "s_1.jpg", "s_2.jpg", "s_3.jpg", "s_4.jpg", "flowers102_00001.jpg", "butterflies_00001.jpg"};
    EXPECT_EQ(find_plants(sources.path(), names), (std::vector<bool>{true, false, true, false, true, true}));
    EXPECT_EQ(find_plants("/nowhere/sources.tsv", names), (std::vector<bool>{false, false, false, false, true, true}));
}

TEST(Selection, KeepsTheKnownOrderAndRefusesTheRest)
{
    const std::vector<std::string> known{"P1", "P2", "P3"};
    EXPECT_EQ(parse_selection("--protocols", "P3,P1,P3", known), (std::vector<std::string>{"P1", "P3"}));
    for (const std::string wrong : {"", "P4", "P1,,P2", "p1"})
        EXPECT_THROW(parse_selection("--protocols", wrong, known), UsageError) << wrong;
    try {
        parse_selection("--protocols", "P1,P9", known);
        FAIL();
    } catch (const UsageError& error) {
        EXPECT_STREQ(error.what(),
                     "--protocols wants one or more of P1, P2, P3, with commas between them, not \"P9\".");
    }
}

} // namespace
