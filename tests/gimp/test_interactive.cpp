// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interactive runs. The PDB has no undo, so this is a GIMP with a window on a screen of its own, and someone who
// presses the dialogs' buttons and Ctrl+Z.
#include "gimp_sandbox.h"

#include <glib.h>
#include <gtest/gtest.h>
#include <libgimp/gimp.h>

namespace chromatch::test {

TEST(Interactive, RunsAreOneUndoStepEachAndCanBeRepeated)
{
    for (const char* program : {"Xvfb", "xdotool", "openbox"}) {
        gchar* path = g_find_program_in_path(program);
        if (path == nullptr) {
            GTEST_SKIP() << program << " is not installed";
        }
        g_free(path);
    }
    const GimpSandbox& sandbox = finished_cases();
    std::map<std::string, std::string> environment = sandbox.environment();
    environment["NO_AT_BRIDGE"] = "1";
    const ProgramRun run =
        run_program({SCRIPT_FOLDER "/interactive.sh", sandbox.folder(), GIMP_PROGRAM, "--no-data", "--no-fonts",
                     "--no-splash", "--new-instance", "--batch-interpreter=plug-in-script-fu-eval", "--batch",
                     sandbox.batch_command("interactive.scm")},
                    environment);
    ASSERT_EQ(run.exit_code, 0) << run.output;
    Facts facts = read_facts(sandbox.folder() / "interactive.facts");
    EXPECT_EQ(facts["layers"], "2");
    EXPECT_EQ(facts["base-type"], std::to_string(GIMP_RGB));
    EXPECT_EQ(facts["automatic-layers"], "2");
    EXPECT_EQ(facts["automatic-name"], "Automatic colors");
    EXPECT_EQ(facts["separate-layers"], "2");
    EXPECT_EQ(facts["separate-name"], "Colorizations");
    for (const std::string undone : {"undone", "automatic-undone", "separate-undone"}) {
        EXPECT_EQ(facts[undone + "-layers"], "1") << undone;
        EXPECT_EQ(facts[undone + "-base-type"], std::to_string(GIMP_GRAY)) << undone;
        EXPECT_EQ(facts[undone + "-dirty"], "0") << "something was left to undo: " << undone;
    }

    // "Repeat" takes the layer that was chosen in the dialog, and says so when it is gone.
    EXPECT_EQ(facts["repeat-error"], "");
    EXPECT_EQ(facts["repeat-layers"], "2");
    EXPECT_EQ(facts["repeat-name"], facts["name"]);
    EXPECT_NE(facts["closed-error"].find("no longer open"), std::string::npos) << facts["closed-error"];
    EXPECT_EQ(facts["closed-layers"], facts["no-hints-layers"]);

    EXPECT_EQ(facts["hints-layers"], "4");
    EXPECT_NE(facts["hints-error"].find("no color hints"), std::string::npos) << facts["hints-error"];
    EXPECT_EQ(facts["no-hints-error"], "") << "hints that are gone are no hints";
    EXPECT_EQ(facts["no-hints-layers"], "4");
}

} // namespace chromatch::test
