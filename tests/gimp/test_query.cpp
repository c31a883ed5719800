// SPDX-License-Identifier: GPL-3.0-or-later
//
// GIMP starts every plug-in once to query it. That must not load the engine.
#include "gimp_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace chromatch::test {

TEST(Query, ExecutableDoesNotLinkTheEngine)
{
    const ProgramRun run = run_program({"ldd", PLUGIN_PATH "/chromatch/chromatch"});
    ASSERT_EQ(run.exit_code, 0) << run.output;
    EXPECT_THAT(run.output, testing::HasSubstr("libgimp"));
    EXPECT_THAT(run.output, testing::Not(testing::HasSubstr("libchromatch")));
    EXPECT_THAT(run.output, testing::Not(testing::HasSubstr("libtorch")));
    EXPECT_THAT(run.output, testing::Not(testing::HasSubstr("libc10")));
}

/// What GIMP has written down about its plug-ins.
TEST(Query, MenusHaveAnEntryForEachProcedure)
{
    std::ifstream file(finished_cases().settings_folder() / "pluginrc");
    const std::string all(std::istreambuf_iterator<char>(file), {});
    const auto description_of = [&all](const std::string& procedure) {
        const std::size_t begin = all.find("(proc-def \"" + procedure + "\"");
        return begin == std::string::npos ? "" : all.substr(begin, all.find("(proc-arg", begin) - begin);
    };
    const std::string reference = description_of("plug-in-chromatch");
    EXPECT_THAT(reference, testing::HasSubstr("\"Colorize from _Reference...\""));
    EXPECT_THAT(reference, testing::HasSubstr("(menu-path \"<Image>/Filters\")"));
    EXPECT_THAT(reference, testing::HasSubstr("(menu-path \"<Image>/Colors/Map\")"));
    const std::string automatic = description_of("plug-in-chromatch-automatic");
    EXPECT_THAT(automatic, testing::HasSubstr("\"Colorize _Automatically...\""));
    EXPECT_THAT(automatic, testing::HasSubstr("(menu-path \"<Image>/Filters\")"));
}

/// GIMP queries a plug-in that it has not seen. A script in the plug-in's place takes the time of the real one.
TEST(Query, TakesLessThan100Milliseconds)
{
    const GimpSandbox sandbox("");
    const std::filesystem::path folder = sandbox.folder() / "plug-ins" / "chromatch";
    std::filesystem::create_directories(folder);
    std::filesystem::create_directory_symlink(PLUGIN_PATH "/chromatch/locale", folder / "locale");
    const std::filesystem::path times = sandbox.folder() / "times";
    std::ofstream(folder / "chromatch") << "#!/bin/sh\n"
                                           "begin=$(date +%s%N)\n"
                                           "'" PLUGIN_PATH "/chromatch/chromatch' \"$@\"\n"
                                           "end=$(date +%s%N)\n"
                                           "echo \"$(((end - begin) / 1000)) $*\" >> '"
                                        << times.string() << "'\n";
    std::filesystem::permissions(folder / "chromatch", std::filesystem::perms::owner_all);
    std::ofstream(sandbox.settings_folder() / "gimprc")
        << "(plug-in-path \"" << (sandbox.folder() / "plug-ins").string() << "\")\n";
    // The machine may be busy with something else: one quick query shows that it can be quick.
    constexpr int most_turns = 10;
    constexpr double limit_ms = 100.0;
    double best_ms = 1e9;
    for (int turn = 0; turn < most_turns && best_ms >= limit_ms; ++turn) {
        std::filesystem::remove(sandbox.settings_folder() / "pluginrc");
        std::filesystem::remove(times);
        const ProgramRun run = run_program({GIMP_CONSOLE_PROGRAM, "-idf", "--quit"}, sandbox.environment());
        ASSERT_EQ(run.exit_code, 0) << run.output;
        std::string line;
        std::ifstream lines(times);
        while (std::getline(lines, line) && line.find(" -query") == std::string::npos) {
        }
        ASSERT_FALSE(line.empty()) << "GIMP did not query the plug-in\n" << run.output;
        best_ms = std::min(best_ms, std::stod(line) / 1000.0);
        std::cout << "query: " << std::stod(line) / 1000.0 << " ms\n";
    }
    RecordProperty("query_ms", std::to_string(best_ms));
    EXPECT_LT(best_ms, limit_ms);
}

} // namespace chromatch::test
