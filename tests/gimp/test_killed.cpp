// SPDX-License-Identifier: GPL-3.0-or-later
//
// The plug-in killed or ended in the middle of its work: GIMP goes on, and the image is unchanged or complete.
#include "gimp_sandbox.h"

#include <gtest/gtest.h>
#include <libgimp/gimp.h>

#include <cstdio>
#include <fstream>

namespace chromatch::test {

TEST(Killed, LeavesGimpAliveAndTheImageUnchangedOrComplete)
{
    constexpr int kills = 50;
    GimpSandbox sandbox(PLUGIN_PATH);
    const std::string samples = SAMPLES_FOLDER;
    const std::string script = "(begin (define photo-file \"" + samples +
                               "/flower-target.jpg\") (define reference-file \"" + samples +
                               "/flower-reference.jpg\") " + sandbox.batch_command("killed.scm") + ")";
    const ProgramRun run =
        run_program({SCRIPT_FOLDER "/killed.sh", sandbox.folder(), std::to_string(kills), GIMP_CONSOLE_PROGRAM, "-idf",
                     "--batch-interpreter=plug-in-script-fu-eval", "-b", script, "--quit"},
                    sandbox.environment(), 1200);
    ASSERT_EQ(run.exit_code, 0) << run.output;
    Facts facts = read_facts(sandbox.folder() / "killed.facts");
    EXPECT_EQ(facts["0-layers"], "2") << "the run that was left alone";
    const int runs = std::atoi(facts["runs"].c_str());
    ASSERT_GE(runs, kills);
    int unchanged = 0;
    int converted = 0; // a kill in the moment between GIMP's conversion to RGB and the new layer; undo takes it back
    for (int i = 0; i < runs; ++i) {
        SCOPED_TRACE(i);
        const std::string number = std::to_string(i) + "-";
        const bool complete = facts[number + "layers"] == "2";
        unchanged += complete ? 0 : 1;
        EXPECT_EQ(facts[number + "layers"], complete ? "2" : "1");
        converted += !complete && facts[number + "base-type"] == std::to_string(GIMP_RGB);
        EXPECT_TRUE(!complete || facts[number + "base-type"] == std::to_string(GIMP_RGB));
        // As in the run that was left alone: the mean of all pixels of the target, and of the new layer.
        EXPECT_EQ(facts[number + "target"], facts["0-target"]);
        EXPECT_EQ(facts[number + "top"], facts[complete ? "0-top" : "0-target"]);
    }
    std::ifstream moments(sandbox.folder() / "kills");
    int killed = 0;
    for (std::string line; std::getline(moments, line);) {
        ++killed;
    }
    std::printf("%d of %d runs killed; %d images unchanged, %d of them converted to RGB; %d complete\n", killed, runs,
                unchanged, converted, runs - unchanged);
    EXPECT_LE(converted, kills / 10);
    EXPECT_EQ(killed, kills);
    EXPECT_GE(unchanged, kills / 4);
}

} // namespace chromatch::test
