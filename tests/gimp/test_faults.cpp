// SPDX-License-Identifier: GPL-3.0-or-later
//
// Weights, memory, devices and folders that are not as they should be (faults.scm), and two runs at once: a result or
// one sentence, and an image that is unchanged or complete.
#include "expectations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <future>
#include <iterator>

namespace chromatch::test {

namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* weights[] = {"similarity-l.safetensors", "recognition.safetensors", "colorization.safetensors"};

std::string bytes_of(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const fs::path& file, const std::string& bytes)
{
    std::ofstream(file, std::ios::binary) << bytes;
}

/// Makes `name` a folder with the plug-in's weights; change(bytes) damages those of the colours.
template <typename Change> void write_weights(const fs::path& folder, Change change)
{
    const fs::path source = fs::path(PLUGIN_PATH) / "chromatch" / "models";
    fs::create_directories(folder);
    for (const char* name : weights)
        fs::create_symlink(fs::canonical(source / name), folder / name);
    const fs::path changed = folder / std::end(weights)[-1];
    std::string bytes = bytes_of(changed);
    change(bytes);
    fs::remove(changed);
    write_bytes(changed, bytes);
}

void write_damaged_weights(const fs::path& folder)
{
    write_weights(folder / "weights-cut", [](std::string& bytes) { bytes.resize(bytes.size() / 2); });
    write_weights(folder / "weights-empty", [](std::string& bytes) { bytes.clear(); });
    // In the header's length.
    write_weights(folder / "weights-flipped", [](std::string& bytes) { bytes.at(1) ^= 0x10; });
    write_weights(folder / "weights-of-another-version", [](std::string& bytes) {
        const std::string format = "\"chromatch_format\":\"";
        bytes.at(bytes.find(format) + format.size()) = '9';
    });
}

/// A plug-in of the same name that starts the one of the build tree, under the circumstances of the hour.
fs::path write_wrapper(const fs::path& folder)
{
    const fs::path wrapper = folder / "wrapped" / "chromatch" / "chromatch";
    fs::create_directories(wrapper.parent_path());
    const std::string circumstances = folder / "circumstances";
    std::ofstream(wrapper) << "#!/bin/sh\n[ -e " << circumstances << " ] && . " << circumstances << "\nexec "
                           << PLUGIN_PATH "/chromatch/chromatch \"$@\"\n";
    fs::permissions(wrapper, fs::perms::owner_all);
    return wrapper.parent_path().parent_path();
}

struct FaultsRun {
    FaultsRun() : sandbox(PLUGIN_PATH)
    {
        sandbox.use_plug_ins(write_wrapper(sandbox.folder()));
        write_fixtures(sandbox.folder());
        write_damaged_weights(sandbox.folder());
        fs::create_directory(sandbox.folder() / "photos");
        fs::copy_file(sandbox.folder() / "colors.png", sandbox.folder() / "photos" / "colors.png");
        run = sandbox.run_script("faults.scm");
    }

    Facts facts(const std::string& name) const { return read_facts(sandbox.folder() / (name + ".facts")); }

    GimpSandbox sandbox;
    ProgramRun run;
};

const FaultsRun& faults()
{
    static const FaultsRun run;
    return run;
}

/// Colours and looks for suggestions; in a GIMP of its own, but with the first one's cache.
ProgramRun run_beside(const GimpSandbox& sandbox, const GimpSandbox& first)
{
    return sandbox.run_script("at_once.scm", {{"XDG_CACHE_HOME", first.folder() / "cache"}});
}

} // namespace

TEST(Faults, EveryCaseHasRun)
{
    EXPECT_EQ(faults().facts("all-faults")["finished"], "yes") << faults().run.output;
}

TEST(Faults, DamagedWeightsAreNamed)
{
    for (const std::string name : {"weights-cut", "weights-empty", "weights-flipped", "weights-of-another-version"}) {
        const std::string error = faults().facts(name)["error"];
        EXPECT_THAT(error, HasSubstr("A network file in")) << faults().run.output;
        EXPECT_THAT(error, HasSubstr(faults().sandbox.folder() / name));
        expect_untouched(faults().sandbox, name);
    }
    EXPECT_THAT(faults().facts("weights-missing")["error"], HasSubstr("were not found"));
    expect_untouched(faults().sandbox, "weights-missing");
}

TEST(Faults, ADeviceThatIsNotThereIsNamedWhereItWasAskedFor)
{
    EXPECT_THAT(faults().facts("no-device")["error"], HasSubstr("No CUDA device can be used"));
    expect_untouched(faults().sandbox, "no-device");
    expect_colored(faults().sandbox, "automatic-device");
}

TEST(Faults, AnyMemoryLimitGivesAResultOrASentence)
{
    int failed = 0;
    int done = 0;
    for (const int mebibytes : {200, 440, 680, 920, 1160, 1400, 1640, 8000}) {
        const std::string name = "memory-" + std::to_string(mebibytes);
        SCOPED_TRACE(name);
        const std::string error = faults().facts(name)["error"];
        std::printf("%d MiB: %s\n", mebibytes, error.c_str());
        if (error.empty()) {
            ++done;
            expect_colored(faults().sandbox, name);
        } else {
            ++failed;
            EXPECT_THAT(error,
                        AnyOf(HasSubstr("not enough memory"), HasSubstr("engine of Chromatch cannot be loaded")));
            expect_untouched(faults().sandbox, name);
        }
    }
    EXPECT_GT(failed, 0);
    EXPECT_GT(done, 0);
    EXPECT_THAT(faults().run.output, HasSubstr("There is not enough memory for the working size 1024; trying 512."));
}

TEST(Faults, NoCacheFolderIsNeeded)
{
    EXPECT_EQ(faults().facts("no-cache")["error"], "");
    EXPECT_EQ(faults().facts("no-cache")["count"], "1");
}

TEST(Faults, TwoGimpsAtOnceShareTheCache)
{
    const GimpSandbox sandboxes[] = {GimpSandbox(PLUGIN_PATH), GimpSandbox(PLUGIN_PATH)};
    for (const GimpSandbox& sandbox : sandboxes) {
        write_fixtures(sandbox.folder());
    }
    std::future<ProgramRun> beside =
        std::async(std::launch::async, [&] { return run_beside(sandboxes[1], sandboxes[0]); });
    const ProgramRun runs[] = {run_beside(sandboxes[0], sandboxes[0]), beside.get()};
    for (int i = 0; i < 2; ++i) {
        expect_colored(sandboxes[i], "at-once");
        EXPECT_FALSE(testing::Test::HasFailure()) << runs[i].output;
        EXPECT_EQ(read_facts(sandboxes[i].folder() / "at-once-suggestions.facts")["error"], "") << runs[i].output;
    }
}

} // namespace chromatch::test
