// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the engine finds a CUDA module that is installed after it, seen by the command: the engine's library is copied
// into a folder of its own, and the emulated module is put where a package or a user would put it.
#include "cli/cli_sandbox.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace {

using namespace testing_cli;
using testing::HasSubstr;

class ModuleSearch : public CliColouring {
  protected:
    void SetUp() override
    {
        CliColouring::SetUp();
        for (const char* folder : {"lib", "data/chromatch", "home/.local/share/chromatch"})
            fs::create_directories(path(folder));
        // The library, and the links by which programs name it.
        for (const auto& entry : fs::directory_iterator(fs::path(CHROMATCH_LIBRARY).parent_path()))
            if (entry.path().filename().string().starts_with("libchromatch.so") && !entry.is_directory())
                fs::copy(entry.path(), fs::path(path("lib")) / entry.path().filename(),
                         fs::copy_options::copy_symlinks);
    }

    void put(const char* module, const std::string& place) const
    {
        fs::copy_file(module, path(place + "/libchromatch-cuda.so"));
    }

    /// Colours a photo on the CUDA device, with the copied engine.
    Outcome colour(const std::function<void()>& prepare = {}) const
    {
        const std::string photo = make("photo.png", "Y' u8"), reference = make("reference.png", "R'G'B' u8");
        return run({photo, "--reference", reference, "--output", path("result.png"), "--size", "64", "--device", "cuda",
                    "--json"},
                   [&] {
                       // It counts for more than the place that is noted in the program.
                       setenv("LD_LIBRARY_PATH", path("lib").c_str(), 1);
                       setenv("XDG_DATA_HOME", path("data").c_str(), 1);
                       setenv("HOME", path("home").c_str(), 1);
                       unsetenv("CHROMATCH_CUDA_MODULE");
                       if (prepare)
                           prepare();
                   });
    }

    void expect_that_it_is_used(const std::function<void()>& prepare = {}) const
    {
        const Outcome outcome = colour(prepare);
        ASSERT_EQ(outcome.status, 0) << outcome.err;
        EXPECT_EQ(nlohmann::json::parse(outcome.out).at("targets").at(0).at("device"), "cuda");
    }
};

TEST_F(ModuleSearch, BesideTheLibrary)
{
    put(CHROMATCH_TENSOR_CORE_MODULE, "lib");
    expect_that_it_is_used();
}

TEST_F(ModuleSearch, InTheUsersDataFolder)
{
    put(CHROMATCH_BYTE_PRODUCT_MODULE, "data/chromatch");
    expect_that_it_is_used();
}

TEST_F(ModuleSearch, InTheDataFolderThatNobodyNamed)
{
    put(CHROMATCH_BYTE_PRODUCT_MODULE, "home/.local/share/chromatch");
    expect_that_it_is_used([] { unsetenv("XDG_DATA_HOME"); });
    expect_that_it_is_used([] { setenv("XDG_DATA_HOME", "data", 1); }); // is to be absolute
}

TEST_F(ModuleSearch, TheEnginesOwnGoesBeforeTheUsers)
{
    put(CHROMATCH_OTHER_VERSION_MODULE, "data/chromatch");
    put(CHROMATCH_TENSOR_CORE_MODULE, "lib");
    expect_that_it_is_used();
}

TEST_F(ModuleSearch, NowhereIsASentence)
{
    const Outcome outcome = colour();
    EXPECT_EQ(outcome.status, 70);
    EXPECT_THAT(outcome.err, HasSubstr("No CUDA device can be used: the CUDA module libchromatch-cuda.so is not "
                                       "installed (looked in " +
                                       path("lib") + ", " + path("data/chromatch") + ")."));
    EXPECT_FALSE(fs::exists(path("result.png")));
}

TEST_F(ModuleSearch, NoDeviceIsASentence)
{
    put(CHROMATCH_TENSOR_CORE_MODULE, "lib");
    const Outcome outcome = colour([] { setenv("CHROMATCH_EMULATION_NO_DEVICE", "1", 1); });
    EXPECT_EQ(outcome.status, 70);
    EXPECT_THAT(outcome.err, HasSubstr("No CUDA device can be used: the CUDA device cannot be used: "));
    EXPECT_FALSE(fs::exists(path("result.png")));
}

TEST_F(ModuleSearch, AModuleOfAnotherVersionIsNamed)
{
    put(CHROMATCH_OTHER_VERSION_MODULE, "data/chromatch");
    const Outcome outcome = colour();
    EXPECT_EQ(outcome.status, 70);
    EXPECT_THAT(outcome.err, HasSubstr("the CUDA module " + path("data/chromatch/libchromatch-cuda.so") +
                                       " has interface -1, but this program needs 1"));
}

} // namespace
