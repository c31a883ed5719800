// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs the built chromatch-evaluate (its path in $CHROMATCH_EVALUATE) on made photos with the repository's weights.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "../training/made_shards.h"

namespace {

using testing::HasSubstr;

struct Outcome {
    int status = -1;
    std::string out; ///< stdout and stderr
};

class Evaluate : public ShardFolder {
  protected:
    /// Half of each photo is sky blue, with a little noise, the other half is stripes of one colour.
    void SetUp() override
    {
        ShardFolder::SetUp();
        ASSERT_NE(std::getenv("CHROMATCH_EVALUATE"), nullptr);
        write_shard("validation-000.tar", "looked_at", {{150, 40, 30}, {40, 120, 40}, {120, 110, 100}});
        write_shard("train-000.tar", "learnt", {{200, 160, 40}, {60, 60, 160}});
    }

    void write_shard(const std::string& file, const std::string& name,
                     const std::vector<std::array<int, 3>>& colours) const
    {
        std::string tar;
        for (std::size_t i = 0; i < colours.size(); ++i) {
            std::vector<std::uint8_t> rgb;
            for (int y = 0; y < 64; ++y)
                for (int x = 0; x < 80; ++x)
                    for (int channel = 0; channel < 3; ++channel)
                        rgb.push_back(static_cast<std::uint8_t>(
                            y < 32 ? 110 + 50 * channel + (x * 7 + y * 3) % 5
                                   : colours[i][channel] * ((x / (4 + 2 * static_cast<int>(i))) % 2 ? 1.0 : 0.6)));
            tar += member(name + "_" + std::to_string(i) + ".jpg", jpeg(64, 80, rgb));
        }
        std::ofstream(folder_ / file, std::ios::binary) << tar << archive_end;
    }

    /// Both names of each line that is no comment.
    static std::vector<std::pair<std::string, std::string>> pairs_in(const std::string& text)
    {
        std::vector<std::pair<std::string, std::string>> pairs;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);)
            if (const auto tab = line.find('\t'); tab != std::string::npos && line[0] != '#')
                pairs.emplace_back(line.substr(0, tab), line.substr(tab + 1));
        return pairs;
    }

    Outcome run(const std::string& arguments) const
    {
        const std::string command = std::string("'") + std::getenv("CHROMATCH_EVALUATE") + "' --photos " +
                                    folder_.string() + " " + arguments + " 2>&1";
        Outcome outcome;
        FILE* pipe = popen(command.c_str(), "r");
        EXPECT_NE(pipe, nullptr);
        for (std::array<char, 4096> part; const std::size_t count = fread(part.data(), 1, part.size(), pipe);)
            outcome.out.append(part.data(), count);
        const int status = pclose(pipe);
        outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        return outcome;
    }

    std::string write_pairs(const std::string& text) const
    {
        std::ofstream(folder_ / "pairs.tsv") << text;
        return (folder_ / "pairs.tsv").string();
    }
};

TEST_F(Evaluate, FindsAPairForEachValidationPhoto)
{
    const Outcome outcome = run("--find-pairs validation");
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    const auto pairs = pairs_in(outcome.out);
    ASSERT_EQ(pairs.size(), 3u) << outcome.out;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        EXPECT_EQ(pairs[i].first, "looked_at_" + std::to_string(i) + ".jpg");
        EXPECT_NE(pairs[i].second, pairs[i].first);
        EXPECT_THAT(pairs[i].second, HasSubstr("looked_at_"));
    }
}

TEST_F(Evaluate, FindsPairsAmongTheTrainingPhotosToo)
{
    const auto sample = [](const std::string& name) {
        std::ifstream stream(std::filesystem::path(CHROMATCH_TEST_SAMPLES) / name, std::ios::binary);
        return member(name, std::string(std::istreambuf_iterator<char>(stream), {}));
    };
    std::ofstream(folder_ / "validation-000.tar", std::ios::binary)
        << sample("hills-reference.jpg") << sample("flower-reference.jpg") << archive_end;
    std::ofstream(folder_ / "train-000.tar", std::ios::binary) << sample("mountains-reference.jpg") << archive_end;
    const Outcome few = run("--find-pairs validation --limit 1"), all = run("--find-pairs all --limit 1");
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(pairs_in(few.out), (Pairs{{"hills-reference.jpg", "flower-reference.jpg"}})) << few.out;
    EXPECT_EQ(pairs_in(all.out), (Pairs{{"hills-reference.jpg", "mountains-reference.jpg"}})) << all.out;
}

TEST_F(Evaluate, TakesWhatItFoundAsPairs)
{
    const std::string pairs = write_pairs(run("--find-pairs validation").out);
    const Outcome outcome = run("--protocols P3 --methods gray,look-up --pairs " + pairs);
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("3 photos, working size 256"));
}

TEST_F(Evaluate, ATrainingPhotoCanBeAReference)
{
    const std::string pairs = write_pairs("looked_at_0.jpg\tlearnt_1.jpg\nlooked_at_1.jpg\tlooked_at_0.jpg\n"
                                          "looked_at_2.jpg\tlearnt_1.jpg\n");
    const std::string sheet = (folder_ / "sheet.png").string();
    const Outcome outcome = run("--protocols P3 --methods look-up --pairs " + pairs + " --sheet " + sheet);
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    EXPECT_TRUE(std::filesystem::exists(sheet));
}

TEST_F(Evaluate, AReferenceThatIsNowhereIsNamed)
{
    const std::string pairs = write_pairs("looked_at_0.jpg\tlost.jpg\n");
    const Outcome outcome = run("--protocols P3 --methods look-up --limit 1 --pairs " + pairs);
    EXPECT_EQ(outcome.status, 70);
    EXPECT_THAT(outcome.out, HasSubstr("there is no photo lost.jpg in " + folder_.string()));
}

TEST_F(Evaluate, ASinglePhotoHasNoPair)
{
    write_shard("validation-000.tar", "alone", {{150, 40, 30}});
    std::filesystem::remove(folder_ / "train-000.tar");
    const Outcome outcome = run("--find-pairs validation");
    EXPECT_EQ(outcome.status, 70);
    EXPECT_THAT(outcome.out, HasSubstr("No photo suits another where there is only one."));
    EXPECT_TRUE(pairs_in(outcome.out).empty());
}

TEST_F(Evaluate, OtherShardsThanThoseKnownAreRefused)
{
    const Outcome outcome = run("--find-pairs some");
    EXPECT_EQ(outcome.status, 64);
    EXPECT_THAT(outcome.out, HasSubstr("some"));
}

} // namespace
