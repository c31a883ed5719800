// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine without memory, and with damaged weights. Memory is limited in processes of their own.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "chromatch.h"
#include "photos.h"

namespace chromatch {
namespace {

using namespace testing_photos;

// ------------------------------------------------------------------------------------------------------- memory

constexpr std::int64_t mebibyte = 1 << 20;

/// The process may take so much more address space than it has. The limit can be lifted again.
void limit_memory(std::int64_t more)
{
    std::ifstream statm("/proc/self/statm");
    std::int64_t pages = 0;
    statm >> pages;
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + more);
    setrlimit(RLIMIT_AS, &limit);
}

void lift_limit()
{
    rlimit limit{};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
}

/// Prints what became of `work` and ends the process: status 0 for a result or out_of_memory, 1 for anything else.
template <class Work> [[noreturn]] void report(Work work)
{
    try {
        work();
        std::cerr << "done" << std::endl;
        _exit(0);
    } catch (const Error& error) {
        std::cerr << error.what() << std::endl;
        _exit(error.code() == ErrorCode::out_of_memory ? 0 : 1);
    } catch (...) {
        std::cerr << "another exception" << std::endl;
        _exit(1);
    }
}

Request large_request()
{
    Request request;
    request.luminance = waves(700, 900).l;
    request.references.push_back({waves(600, 800, 1.0f), {}});
    request.options.working_size = 512;
    return request;
}

class MemoryLimit : public testing::Test {
  protected:
    void SetUp() override
    {
#if defined(__SANITIZE_ADDRESS__)
        GTEST_SKIP() << "the address sanitizer takes terabytes of address space";
#endif
        // The default style forks, and the child of a program with threads may hang.
        GTEST_FLAG_SET(death_test_style, "threadsafe");
    }
};

using MemoryLimitDeathTest = MemoryLimit;

TEST_F(MemoryLimitDeathTest, AnyGivesAResultOrAnError)
{
    const auto colour_within = [](std::int64_t more) {
        const Request request = large_request();
        colorizer();
        limit_memory(more);
        report([&] { colorizer().colorize(request, nullptr); });
    };
    for (const int more : {0, 2, 10, 30, 60, 100, 150, 220, 300})
        EXPECT_EXIT(colour_within(more * mebibyte), testing::ExitedWithCode(0), "^done|There is not enough memory for")
            << more;
    EXPECT_EXIT(colour_within(0), testing::ExitedWithCode(0),
                "There is not enough memory for a photo of 900 x 700 pixels at the working size 512\\.");
    EXPECT_EXIT(colour_within(8192 * mebibyte), testing::ExitedWithCode(0), "^done");
}

TEST_F(MemoryLimitDeathTest, LoadingGivesAColorizerOrAnError)
{
    const auto load_within = [](std::int64_t more) {
        limit_memory(more);
        report([] { load_colorizer({models_folder}); });
    };
    for (const int more : {0, 5, 15, 30, 60, 120})
        EXPECT_EXIT(load_within(more * mebibyte), testing::ExitedWithCode(0), "^done|There is not enough memory for")
            << more;
    EXPECT_EXIT(load_within(0), testing::ExitedWithCode(0), "There is not enough memory for the networks\\.");
}

TEST_F(MemoryLimitDeathTest, TheNextPhotoIsColouredAsEver)
{
    const auto fail_and_colour = [] {
        const Request request = large_request();
        const Result expected = colorizer().colorize(request, nullptr);
        Request larger = request;
        larger.options.working_size = 640;
        bool failed = false;
        limit_memory(mebibyte);
        try {
            colorizer().colorize(larger, nullptr);
        } catch (const Error& error) {
            failed = error.code() == ErrorCode::out_of_memory;
        }
        lift_limit();
        const Result result = colorizer().colorize(request, nullptr);
        const bool same = result.a.values == expected.a.values && result.b.values == expected.b.values;
        std::cerr << (failed ? "failed, " : "did not fail, ") << (same ? "same" : "different") << std::endl;
        _exit(0);
    };
    EXPECT_EXIT(fail_and_colour(), testing::ExitedWithCode(0), "^failed, same");
}

// ------------------------------------------------------------------------------------------------------ weights

/// A folder with the repository's weights, of which one file is changed.
class DamagedWeights : public testing::Test {
  protected:
    void SetUp() override
    {
        folder_ = std::filesystem::path(testing::TempDir()) / ("chromatch-faults-" + std::to_string(getpid()));
        std::filesystem::create_directories(folder_);
        for (const char* name : {"similarity-l.safetensors", "recognition.safetensors", "colorization.safetensors"})
            std::filesystem::create_symlink(models_folder / name, folder_ / name);
        std::ifstream stream(folder_ / file_, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(stream), {});
        std::filesystem::remove(folder_ / file_);
        ASSERT_GT(bytes_.size(), 8u);
        std::memcpy(&header_, bytes_.data(), sizeof header_);
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    /// The sentence with which the weights are refused; empty where they are not.
    std::string complaint(const std::string& bytes) const
    {
        std::ofstream(folder_ / file_, std::ios::binary) << bytes;
        try {
            load_colorizer({folder_});
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::model_corrupt) << error.what();
            EXPECT_THAT(error.what(), testing::HasSubstr((folder_ / file_).string()));
            return error.what();
        }
        return "";
    }

    const std::string file_ = "similarity-l.safetensors";
    std::filesystem::path folder_;
    std::string bytes_;
    std::uint64_t header_ = 0; ///< its length
};

TEST_F(DamagedWeights, CutAnywhere)
{
    const std::size_t data = 8 + header_;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, 8 + header_ / 2, data - 1,
          data, data + 1, (data + bytes_.size()) / 2, bytes_.size() - 1})
        EXPECT_NE(complaint(bytes_.substr(0, size)), "") << size;
    EXPECT_NE(complaint(bytes_ + '\0'), "");
    EXPECT_EQ(complaint(bytes_), "");
}

TEST_F(DamagedWeights, BitsFlippedInTheHeader)
{
    std::mt19937 random(3);
    int refused = 0;
    constexpr int flips = 60;
    for (int i = 0; i < flips; i++) {
        std::string bytes = bytes_;
        // The length's bytes, then any other.
        const std::size_t place = i < 8 ? i : 8 + random() % header_;
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << random() % 8));
        refused += !complaint(bytes).empty();
    }
    EXPECT_GT(refused, flips * 9 / 10); // a letter of the metadata, or a space, may be another one
}

TEST_F(DamagedWeights, ValuesThatAreNotFinite)
{
    std::mt19937 random(4);
    const std::size_t data = 8 + header_, values = (bytes_.size() - data) / 2;
    for (const auto& [half, word] : {std::pair{0x7c00, "value inf"}, {0xfc00, "value -inf"}, {0x7e01, "nan"}}) {
        std::string bytes = bytes_;
        const std::size_t place = data + 2 * (random() % values);
        bytes[place] = static_cast<char>(half & 0xff);
        bytes[place + 1] = static_cast<char>(half >> 8);
        EXPECT_THAT(complaint(bytes), testing::HasSubstr(word));
    }
}

TEST_F(DamagedWeights, AnotherVersionOrAnotherNetwork)
{
    for (const auto& [from, to, word] : {std::tuple{"\"chromatch_format\":\"1\"", "\"chromatch_format\":\"2\"",
                                                    "its format is \"2\", this version reads \"1\""},
                                         {"\"network\":\"similarity-l\"", "\"network\":\"similarity-x\"",
                                          "\"similarity-x\" instead of \"similarity-l\""}}) {
        std::string bytes = bytes_;
        const std::size_t place = bytes.find(from);
        ASSERT_NE(place, std::string::npos) << from;
        bytes.replace(place, std::strlen(from), to);
        EXPECT_THAT(complaint(bytes), testing::HasSubstr(word));
    }
}

TEST_F(DamagedWeights, Missing)
{
    try {
        load_colorizer({folder_});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::model_missing);
        EXPECT_THAT(error.what(), testing::HasSubstr((folder_ / file_).string()));
    }
}

} // namespace
} // namespace chromatch
