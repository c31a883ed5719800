// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "training/run.h"

namespace chromatch {
namespace {

class Config : public testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove(file_); }

    TrainingConfig read(const std::string& text, const std::map<std::string, std::string>& replacements = {})
    {
        std::ofstream(file_) << text;
        return read_config(file_, replacements);
    }

    std::string refusal(const std::string& text, const std::map<std::string, std::string>& replacements = {})
    {
        try {
            read(text, replacements);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "";
    }

    std::filesystem::path file_ = std::filesystem::path(testing::TempDir()) / "config.json";
};

TEST_F(Config, IsReadAndReplaced)
{
    const TrainingConfig config = read(R"({ // a comment
                 "seconds": 10, "batch": 4, "photos": "here", "loss_weights": {"gate": 0.5}})",
                                       {{"batch", "8"}, {"photos", "there"}});
    EXPECT_EQ(config.seconds, 10.0);
    EXPECT_EQ(config.batch, 8);
    EXPECT_EQ(config.photos, "there");
    EXPECT_EQ(config.loss_weight("gate"), 0.5);
    EXPECT_EQ(config.loss_weight("prior"), 0.0);
}

TEST_F(Config, NamesWhatIsWrong)
{
    EXPECT_THAT(refusal(R"({"seconds": 1, "bacth": 4})"), testing::HasSubstr("bacth"));
    EXPECT_THAT(refusal(R"({"seconds": 1, "batch": "many"})"), testing::HasSubstr("\"many\""));
    EXPECT_THAT(refusal(R"({"seconds": 1, "loss_weights": {"gaet": 1}})"), testing::HasSubstr("gaet"));
    EXPECT_THAT(refusal(R"({"seconds": 1, "mode_shares": {"self": -1}})"), testing::HasSubstr("self"));
    EXPECT_THAT(refusal(R"({"seconds": 1, "crop": 100})"), testing::HasSubstr("100"));
    EXPECT_THAT(refusal(R"({"seconds": 1, "trunk_rate": -0.5})"), testing::HasSubstr("trunk_rate"));
    EXPECT_THAT(refusal(R"({"seconds": 1, "steps": -3})"), testing::HasSubstr("steps"));
    EXPECT_THAT(refusal(R"({"seconds": 0})"), testing::HasSubstr("seconds"));
    EXPECT_THAT(refusal("{"), testing::HasSubstr("not a JSON object"));
}

TEST_F(Config, OfEveryStageIsValid)
{
    int count = 0;
    const std::filesystem::path folder = std::filesystem::path(CHROMATCH_TEST_MODELS) / "training";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.path().extension() == ".json") {
            EXPECT_NO_THROW(read_config(entry.path(), {})) << entry.path();
            count++;
        }
    EXPECT_GE(count, 6);
}

} // namespace
} // namespace chromatch
