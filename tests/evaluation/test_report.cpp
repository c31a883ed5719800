// SPDX-License-Identifier: GPL-3.0-or-later
#include "report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <sstream>

namespace {

using namespace chromatch;

constexpr std::size_t photo_count = 20;

Row row_of(const std::string& protocol, const std::string& method, double psnr, double wrong)
{
    Row row{protocol, method, {}, std::vector<HueFaults>(photo_count)};
    row.figures.fill(std::vector<double>(photo_count, std::numeric_limits<double>::quiet_NaN()));
    for (std::size_t i = 0; i < photo_count; ++i) {
        // Photos differ much; two methods' photos differ by the same, but for a ripple.
        row.of(Figure::psnr_ab)[i] = psnr + 3.0 * double(i % 7) + (method == "network" ? 0.1 * double(i % 2) : 0.0);
        row.of(Figure::ciede2000)[i] = double(i % 2); // no method is better
        row.hue_faults[i].coloured = {100, 0, 300, 0};
        row.hue_faults[i].wrong = {wrong, 0, 0, 0};
    }
    return row;
}

/// The network is 2 dB better than the look-up, and 1 dB worse than propagation.
Evaluation example()
{
    Evaluation evaluation;
    evaluation.rows = {row_of("P1", "network", 30, 20), row_of("P1", "look-up", 28, 40),
                       row_of("P1", "propagation", 31, 40), row_of("any", "gray", 10, 100),
                       row_of("any", "truth", 99, 0)};
    return evaluation;
}

/// The one line of the report that has all the words.
std::string line_with(const Evaluation& evaluation, const std::vector<std::string>& words)
{
    std::ostringstream out;
    print_report(out, evaluation, std::vector<bool>(photo_count, true), 0);
    std::istringstream lines(out.str());
    std::string found;
    for (std::string line; std::getline(lines, line);)
        if (std::all_of(words.begin(), words.end(),
                        [&](const std::string& word) { return line.find(word) != std::string::npos; }))
            found += line + "\n";
    return found;
}

TEST(Report, SaysWhichPairedDifferencesExcludeZero)
{
    const Evaluation evaluation = example();
    EXPECT_NE(line_with(evaluation, {"look-up", "PSNR_ab", "better: excludes 0", "2.05 ["}), "");
    EXPECT_NE(line_with(evaluation, {"propagation", "PSNR_ab", "worse: excludes 0", "-0.95 ["}), "");
    EXPECT_NE(line_with(evaluation, {"gray", "PSNR_ab", "better: excludes 0"}), "");
    EXPECT_NE(line_with(evaluation, {"look-up", "CIEDE2000", "open: contains 0", "0.00 ["}), "");
    EXPECT_EQ(line_with(evaluation, {"truth", "excludes"}), "");
}

TEST(Report, WithoutTheNetworkHasNoDifferences)
{
    Evaluation evaluation = example();
    evaluation.rows.erase(evaluation.rows.begin());
    EXPECT_EQ(line_with(evaluation, {"excludes"}), "");
    EXPECT_NE(line_with(evaluation, {"P1", "look-up", "36.55 ["}), "");
}

nlohmann::json parsed(const Evaluation& evaluation, const std::vector<bool>& plants)
{
    return nlohmann::json::parse(
        json_report(evaluation, std::vector<std::string>(photo_count, "a.jpg"), plants, 256, 0));
}

TEST(Report, CountsWrongHuesOfPlantsOnly)
{
    Evaluation evaluation = example();
    std::vector<bool> plants(photo_count, true);
    plants[0] = false;
    for (Row& row : evaluation.rows)
        row.hue_faults[0].wrong = {100, 0, 300, 0}; // not a plant: does not count
    const nlohmann::json faults = parsed(evaluation, plants)["rows"][0]["hue_faults"];
    EXPECT_DOUBLE_EQ(faults["plants"]["mean"], 20.0 / 400);
    EXPECT_DOUBLE_EQ(faults["plants_against_look_up"]["mean"], 0.5);
    EXPECT_DOUBLE_EQ(faults["plants_by_family"]["red, pink"]["mean"], 0.2);
    EXPECT_DOUBLE_EQ(faults["plants_by_family"]["green"]["mean"], 0);
    EXPECT_TRUE(faults["plants_by_family"]["blue, purple"]["mean"].is_null()); // no such pixel
    EXPECT_EQ(faults["photos"].size(), photo_count);
}

TEST(Report, JsonHasEveryPhoto)
{
    const nlohmann::json report = parsed(example(), std::vector<bool>(photo_count, true));
    EXPECT_EQ(report["rows"].size(), 5u);
    EXPECT_EQ(report["rows"][0]["psnr_ab"]["photos"].size(), photo_count);
    EXPECT_TRUE(report["rows"][0]["seconds"]["mean"].is_null());
    const nlohmann::json first = report["differences"][0];
    EXPECT_EQ(first["first"], nlohmann::json({"P1", "network"}));
    EXPECT_EQ(first["second"], nlohmann::json({"P1", "look-up"}));
    EXPECT_EQ(first["excludes_zero"], true);
    EXPECT_EQ(first["photos"].size(), photo_count);
}

} // namespace
