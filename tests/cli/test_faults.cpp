// SPDX-License-Identifier: GPL-3.0-or-later
//
// What goes wrong around the command: memory, disk, signals, other runs, folders, weights. A file of the result's name
// is whole or not there (or the one from before), nothing else is left behind, and there is one sentence.
#include "cli_sandbox.h"

#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <random>
#include <sstream>
#include <thread>

namespace {

using namespace testing_cli;
using Names = std::vector<std::string>;

void limit(int resource, rlim_t bytes)
{
    const rlimit value{bytes, bytes};
    setrlimit(resource, &value);
}

/// Every line is a sentence of the command's own.
void expect_sentences(const Outcome& outcome)
{
    EXPECT_FALSE(outcome.err.empty());
    std::istringstream lines(outcome.err);
    for (std::string line; std::getline(lines, line);) {
        EXPECT_TRUE(line.starts_with("chromatch: ")) << line;
        EXPECT_TRUE(line.ends_with('.')) << line;
    }
}

class CliFaults : public CliColouring {};

// ------------------------------------------------------------------------------------------------------- memory

constexpr rlim_t mebibyte = 1 << 20;

TEST_F(CliFaults, AnyMemoryLimitGivesAResultOrASentence)
{
    const std::string target = make("g.png", "Y' u8", 300, 400), reference = make("r.jpg", "R'G'B' u8", 300, 400);
    int failed = 0, done = 0;
    for (rlim_t size = 200 * mebibyte; done < 2; size += 60 * mebibyte) {
        ASSERT_LT(size, 4096 * mebibyte) << "it never succeeds";
        const auto within = [size] { limit(RLIMIT_AS, size); };
        if (run({"--version"}, within).status != 0)
            continue; // the program's libraries cannot be loaded
        const Outcome outcome = run({target, "--reference", reference, "--size", "256"}, within);
        if (outcome.status == 0) {
            ++done;
            EXPECT_EQ(read(path("g-color.png")).width, 400);
            fs::remove(path("g-color.png"));
        } else {
            ++failed;
            EXPECT_EQ(outcome.status, 70) << size / mebibyte << " MiB: " << outcome.err;
            EXPECT_NE(outcome.err.find("not enough memory"), std::string::npos) << outcome.err;
            expect_sentences(outcome);
        }
        EXPECT_EQ(listing(), (Names{"g.png", "r.jpg"})) << size / mebibyte << " MiB";
    }
    EXPECT_GT(failed, 0);
}

TEST_F(CliFaults, LittleMemoryMeansASmallerWorkingSize)
{
    const std::string target = make("g.png", "Y' u8", 1040, 1040);
    bool smaller = false;
    for (rlim_t size = 900 * mebibyte; !smaller && size < 4096 * mebibyte; size += 150 * mebibyte) {
        const Outcome outcome = run({target, "--size", "1024", "--json"}, [size] { limit(RLIMIT_AS, size); });
        if (outcome.status != 0)
            continue;
        const auto report = nlohmann::json::parse(outcome.out);
        const int height = report["targets"][0]["working_height"];
        if (height == 1024)
            break;
        smaller = true;
        expect_sentences(outcome);
        EXPECT_NE(outcome.err.find("There is not enough memory for the working size 1024; trying 512."),
                  std::string::npos)
            << outcome.err;
        EXPECT_NE(outcome.err.find("trying " + std::to_string(height) + "."), std::string::npos) << outcome.err;
        EXPECT_EQ(read(path("g-color.png")).height, 1040);
    }
    EXPECT_TRUE(smaller);
}

// --------------------------------------------------------------------------------------------------------- disk

TEST_F(CliFaults, AFullDiskLeavesWhatWasThere)
{
    for (const char* name : {"g.png", "g.tif", "g.jpg", "g.webp"}) {
        const std::string target = make(name, "R'G'B' u8", 200, 300);
        const std::string result = path("g-color" + fs::path(name).extension().string());
        ASSERT_EQ(run({target, "--size", "64"}).status, 0);
        const std::size_t whole = fs::file_size(result);
        for (const std::size_t size : {std::size_t{0}, whole / 3, whole - 1}) {
            const bool before = size != 0;
            if (before)
                write_bytes(result, {'o', 'l', 'd'});
            else
                fs::remove(result);
            const Outcome outcome = run({target, "--size", "64"}, [size] { limit(RLIMIT_FSIZE, size); });
            EXPECT_EQ(outcome.status, 70) << name << " " << size << ": " << outcome.err;
            EXPECT_NE(outcome.err.find(result + " cannot be written"), std::string::npos) << outcome.err;
            EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
            if (before) {
                EXPECT_EQ(file_bytes(result), (Bytes{'o', 'l', 'd'})) << name << " " << size;
            }
            fs::remove(result);
            EXPECT_EQ(listing(), Names{name}) << size;
        }
        fs::remove(target);
    }
}

TEST_F(CliFaults, AFolderThatCannotBeWrittenIsNamed)
{
    const std::string target = make("g.png", "Y' u8");
    const Outcome outcome = run({target, "--size", "64", "--output", "/proc/g-color.png"});
    EXPECT_EQ(outcome.status, 70);
    EXPECT_NE(outcome.err.find("/proc/g-color.png cannot be written"), std::string::npos) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;

    if (geteuid() == 0)
        return; // to whom every folder else is open
    fs::create_directory(path("locked"));
    fs::permissions(path("locked"), fs::perms::owner_read | fs::perms::owner_exec);
    const Outcome locked = run({target, "--size", "64", "--output", path("locked")});
    EXPECT_EQ(locked.status, 70);
    EXPECT_NE(locked.err.find("cannot be written"), std::string::npos) << locked.err;
    fs::permissions(path("locked"), fs::perms::owner_all);
    EXPECT_TRUE(fs::is_empty(path("locked")));
}

TEST_F(CliFaults, NoHomeNoCacheNoWritableFolderAreNeeded)
{
    const Outcome outcome = run({make("g.png", "Y' u8"), "--size", "64"}, [] {
        for (const char* name : {"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TMPDIR"})
            setenv(name, "/proc/nowhere", 1);
        if (chdir("/proc") != 0)
            _exit(1);
    });
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(listing(), (Names{"g-color.png", "g.png"}));
}

TEST_F(CliFaults, TheCurrentFolderStaysClean)
{
    fs::create_directory(path("here"));
    const std::string here = path("here");
    const Outcome outcome = run({make("g.png", "Y' u16", 500, 700), "--size", "64"}, [&here] {
        if (chdir(here.c_str()) != 0)
            _exit(1);
    });
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_TRUE(fs::is_empty(here));
}

TEST_F(CliFaults, WhatIsNoFileIsNoPhoto)
{
    for (const char* name : {"/dev/null", "/proc/self/mem", "/dev/stdin"}) {
        const Outcome outcome = run({name, "--output", path("g.png")}, [] {
            int ends[2];
            if (pipe(ends) != 0 || dup2(ends[0], 0) < 0)
                _exit(1);
            close(ends[1]);
        });
        EXPECT_EQ(outcome.status, 70) << name;
        EXPECT_NE(outcome.err.find(name), std::string::npos) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    }
    EXPECT_TRUE(listing().empty());
}

// ------------------------------------------------------------------------------------- signals, several at once

int wait_for(GPid child)
{
    int status = 0;
    waitpid(child, &status, 0);
    g_spawn_close_pid(child);
    return status;
}

class CliSignals : public CliColouring {
  protected:
    /// A run takes a second, a good part of which is spent on writing.
    void SetUp() override
    {
        CliColouring::SetUp();
        if (IsSkipped())
            return;
        target_ = make("g.png", "Y' u16", 1200, 1600);
        command_ = {target_, "--size", "64"};
        using Clock = std::chrono::steady_clock;
        const Clock::time_point start = Clock::now();
        ASSERT_EQ(run(command_).status, 0);
        seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
        whole_ = file_bytes(result_ = path("g-color.png"));
    }

    /// No half file, after a signal that came at any moment.
    void expect_whole_or_old(const Bytes& old)
    {
        const Bytes now = file_bytes(result_);
        EXPECT_TRUE(now == old || now == whole_);
    }

    std::string target_, result_;
    std::vector<std::string> command_;
    double seconds_ = 0;
    Bytes whole_;
};

TEST_F(CliSignals, TerminatedAtAnyMomentLeavesNoHalfFile)
{
    std::mt19937 random(7);
    const Bytes old{'o', 'l', 'd'};
    int ended = 0;
    for (int i = 0; i < 25; ++i) {
        const int number = std::array{SIGTERM, SIGINT, SIGHUP}[i % 3];
        write_bytes(result_, old);
        const GPid child = start(command_);
        std::this_thread::sleep_for(std::chrono::duration<double>(seconds_ * random() / double(random.max())));
        kill(child, number);
        const int status = wait_for(child);
        ended += WIFSIGNALED(status) && WTERMSIG(status) == number;
        expect_whole_or_old(old);
        EXPECT_EQ(listing(), (Names{"g-color.png", "g.png"})) << "signal " << number << ", run " << i;
    }
    EXPECT_GT(ended, 5);
}

/// The same at the worst moment: while the file is being written.
TEST_F(CliSignals, TerminatedWhileWritingLeavesNoHalfFile)
{
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGKILL}) {
        fs::remove(result_);
        const GPid child = start(command_);
        while (listing().size() < 2 && waitpid(child, nullptr, WNOHANG | WNOWAIT) == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        kill(child, number);
        const int status = wait_for(child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it was done before the signal came";
        EXPECT_FALSE(fs::exists(result_));
        if (number == SIGKILL) // nothing can be tidied up then
            for (const std::string& name : listing())
                EXPECT_TRUE(name == "g.png" || name.ends_with(".part")) << name;
        else
            EXPECT_EQ(listing(), Names{"g.png"}) << "signal " << number;
    }
}

TEST_F(CliSignals, TwoRunsAtOnceIntoOneFile)
{
    fs::remove(result_);
    const GPid first = start(command_), second = start(command_);
    EXPECT_EQ(wait_for(first), 0);
    EXPECT_EQ(wait_for(second), 0);
    EXPECT_EQ(file_bytes(result_), whole_);
    EXPECT_EQ(listing(), (Names{"g-color.png", "g.png"}));
}

// ------------------------------------------------------------------------------------------------------ weights

TEST_F(CliFaults, DamagedWeightsAreNamed)
{
    const std::string target = make("g.png", "Y' u8"), models = path("models");
    const fs::path source = std::getenv("CHROMATCH_MODELS");
    const auto expect_named = [&](const std::string& name, const std::string& part) {
        const Outcome outcome = run({target, "--models", models});
        EXPECT_EQ(outcome.status, 70);
        EXPECT_NE(outcome.err.find(models + "/" + name), std::string::npos) << outcome.err;
        EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
        EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    };
    fs::create_directory(models);
    expect_named("similarity-l.safetensors", "There is no file");
    for (const char* name : {"similarity-l.safetensors", "recognition.safetensors", "colorization.safetensors"})
        fs::copy_file(source / name, models + "/" + name);
    const std::string file = models + "/colorization.safetensors";
    const Bytes bytes = file_bytes(file);
    for (const std::size_t size : {std::size_t{0}, std::size_t{8}, bytes.size() / 2, bytes.size() - 1}) {
        write_bytes(file, Bytes(bytes.begin(), bytes.begin() + size));
        expect_named("colorization.safetensors", "is damaged");
    }
    const std::string format = "\"chromatch_format\":\"";
    Bytes other = bytes;
    const auto at = std::search(other.begin(), other.end(), format.begin(), format.end());
    ASSERT_NE(at, other.end());
    at[static_cast<std::ptrdiff_t>(format.size())] = '9';
    write_bytes(file, other);
    expect_named("colorization.safetensors", "its format is \"9\"");
    EXPECT_EQ(listing(), (Names{"g.png", "models"}));
}

} // namespace
