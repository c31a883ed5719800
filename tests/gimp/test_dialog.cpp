// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dialogs, used by keyboard in a real GIMP (dialog.sh). CHROMATCH_SCREENSHOTS=FOLDER in the environment keeps
// pictures of them.
#include "gimp_sandbox.h"

#include <glib.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace chromatch::test {

namespace {

bool can_drive_a_window()
{
    for (const char* program : {"Xvfb", "xdotool", "openbox", "import", "bash"}) {
        gchar* path = g_find_program_in_path(program);
        if (path == nullptr) {
            return false;
        }
        g_free(path);
    }
    return true;
}

struct DialogRun {
    DialogRun() : sandbox(PLUGIN_PATH)
    {
        std::map<std::string, std::string> environment = sandbox.environment();
        environment["NO_AT_BRIDGE"] = "1";
        const char* pictures = std::getenv("CHROMATCH_SCREENSHOTS");
        run = run_program({SCRIPT_FOLDER "/dialog.sh", sandbox.folder(), SAMPLES_FOLDER,
                           pictures != nullptr ? pictures : "", GIMP_PROGRAM, "--no-data", "--no-fonts", "--no-splash",
                           "--new-instance", "--batch-interpreter=plug-in-script-fu-eval"},
                          environment, 900);
        facts = read_facts(sandbox.folder() / "dialog.facts");
        // "... Chromatch-DEBUG: 12:00:00.000: preview after strength: 22 ms"
        std::ifstream log(sandbox.folder() / "dialog.log");
        const std::string mark = "preview after ";
        for (std::string line; std::getline(log, line);) {
            const std::size_t begin = line.find(mark);
            const std::size_t end = line.rfind(": ");
            if (begin != std::string::npos && end != std::string::npos && end > begin) {
                const std::string change = line.substr(begin + mark.size(), end - begin - mark.size());
                milliseconds[change].push_back(std::atoi(line.c_str() + end + 2));
            }
        }
    }

    GimpSandbox sandbox;
    ProgramRun run;
    Facts facts;
    std::map<std::string, std::vector<int>> milliseconds; ///< of the previews, by what had changed
};

class Dialog : public testing::Test {
  protected:
    void SetUp() override
    {
        if (!can_drive_a_window()) {
            GTEST_SKIP() << "Xvfb, xdotool, openbox, bash or ImageMagick is not installed";
        }
        ASSERT_EQ(dialog().run.exit_code, 0) << dialog().run.output;
    }

    static DialogRun& dialog()
    {
        static DialogRun run;
        return run;
    }

    static std::string fact(const std::string& name) { return dialog().facts[name]; }
};

} // namespace

TEST_F(Dialog, ColorsByKeyboardAndIsTakenBackInOneStep)
{
    EXPECT_EQ(fact("colored-layers"), "2");
    EXPECT_NE(fact("colored-name").find("Colors from"), std::string::npos) << fact("colored-name");
    EXPECT_EQ(fact("undone-layers"), "1");
}

TEST_F(Dialog, RepeatsAndShowsAgain)
{
    EXPECT_EQ(fact("repeated-name"), fact("colored-name"));
    EXPECT_EQ(fact("dismissed-layers"), "1");
    EXPECT_EQ(fact("soon-dismissed-layers"), "1") << "dismissed while the networks are loaded";
}

TEST_F(Dialog, CancelLeavesTheImageAsItWas)
{
    EXPECT_EQ(fact("cancelled-layers"), "1");
    EXPECT_EQ(fact("cancelled-base-type"), "1") << "not gray any more";
    EXPECT_EQ(fact("unscaled-layers"), "1") << "the step before the one that was cancelled is taken back";
}

TEST_F(Dialog, TwoRunsAtOnceAreBothComplete)
{
    EXPECT_EQ(fact("beside-layers"), "2");
}

TEST_F(Dialog, LayersThatAreClosedMeanwhileLeaveTheImageWell)
{
    EXPECT_EQ(fact("closed-reference-layers"), "1");
    EXPECT_EQ(fact("deleted-layers"), "0");
    EXPECT_EQ(fact("alive"), "2");
}

/// On two idle cores a new strength takes 50 ms at most, and a new reference 2 s; a busy machine gets four times as
/// much.
TEST_F(Dialog, PreviewFollowsSoon)
{
    std::map<std::string, std::vector<int>>& measured = dialog().milliseconds;
    for (const auto& [change, times] : measured) {
        std::printf("preview after %s:", change.c_str());
        for (const int time : times) {
            std::printf(" %d ms", time);
        }
        std::printf("\n");
    }
    ASSERT_FALSE(measured["strength"].empty());
    ASSERT_FALSE(measured["reference"].empty());
    EXPECT_LE(*std::min_element(measured["strength"].begin(), measured["strength"].end()), 200);
    EXPECT_LE(*std::min_element(measured["reference"].begin(), measured["reference"].end()), 8000);
}

} // namespace chromatch::test
