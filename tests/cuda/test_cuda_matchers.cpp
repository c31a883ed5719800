// SPDX-License-Identifier: GPL-3.0-or-later
//
// The CUDA module against the CPU's matchers, whose fields it must equal bit for bit: its sources compiled for the CPU
// (cuda_emulation.h), once with the tensor cores' instruction and once without, and the module itself on a device,
// where there is one.
#include "matching/cuda_matcher.h"

#include "chromatch.h"
#include "feature_maps.h"
#include "matching/exact_search.h"
#include "matching/patch_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::noise_map;
using testing_maps::smooth_map;
using testing_maps::SmoothField;

constexpr MatchMethod methods[] = {MatchMethod::exact, MatchMethod::patch_match};

/// An environment variable for as long as this lives.
class Setting {
  public:
    Setting(const char* name, const std::string& value) : name_(name) { setenv(name, value.c_str(), 1); }
    ~Setting() { unsetenv(name_); }
    Setting(const Setting&) = delete;
    Setting& operator=(const Setting&) = delete;

  private:
    const char* name_;
};

Matches on_cpu(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
               const MatchOptions& options)
{
    return method == MatchMethod::exact ? exact_search(target, reference, options)
                                        : patch_match(target, reference, options);
}

void expect_same(const std::vector<NearestNeighbourField>& a, const std::vector<NearestNeighbourField>& b)
{
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].height, b[i].height);
        EXPECT_EQ(a[i].width, b[i].width);
        EXPECT_EQ(a[i].match, b[i].match);
        EXPECT_EQ(a[i].distance, b[i].distance);
    }
}

/// What a call throws: code and sentence.
std::string error_of(const std::function<void()>& call)
{
    try {
        call();
    } catch (const Error& error) {
        return std::to_string(static_cast<int>(error.code())) + ": " + error.what();
    }
    return "no error";
}

ErrorCode code_of(const std::function<void()>& call)
{
    try {
        call();
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::internal;
}

struct Kind {
    const char* number; ///< of the error in CUDA
    ErrorCode code;
};
constexpr Kind kinds_of_failure[] = {{"2", ErrorCode::out_of_memory}, {"700", ErrorCode::device_unavailable}};

/// Maps of one size, one after the other.
struct Batch {
    int count, height, width, channels;
    std::vector<float> values;

    Batch(int maps, int rows, int columns, int depth, unsigned seed)
        : count(maps), height(rows), width(columns), channels(depth)
    {
        for (int i = 0; i < maps; ++i) {
            const Map map = noise_map(rows, columns, depth, seed + static_cast<unsigned>(i));
            values.insert(values.end(), map.values.begin(), map.values.end());
        }
    }
    FeatureBatch view() const { return {values.data(), count, height, width, channels}; }
};

/// The parameter is a module's path.
class EmulatedMatchers : public ::testing::TestWithParam<const char*> {
  protected:
    void expect_cpu_fields(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                           const MatchOptions& options)
    {
        const Matches expected = on_cpu(method, target, reference, options);
        const Matches found = module.match(method, target, reference, options);
        expect_same(found.forward, expected.forward);
        expect_same(found.reverse, expected.reverse);
    }

    CudaModule module{GetParam()};
};

TEST_P(EmulatedMatchers, NameTheDevice)
{
    EXPECT_EQ(module.device_name(), "emulated device (compute capability 9.0)");
}

TEST_P(EmulatedMatchers, PassTheSelfTest)
{
    EXPECT_NO_THROW(check_agreement(module));
}

TEST_P(EmulatedMatchers, FindTheCpusFieldsAtAnySize)
{
    const int sizes[][4] = {{1, 1, 1, 1}, {1, 1, 5, 7}, {5, 7, 1, 1}, {1, 20, 20, 1}, {9, 8, 8, 11}, {3, 6, 12, 2}};
    const int depths[] = {16, 48, 64, 80};
    int round = 0;
    for (const auto& size : sizes)
        for (const int patch : {1, 3, 5})
            for (const MatchMethod method : methods) {
                const int channels = depths[round++ % 4];
                SCOPED_TRACE(testing::Message()
                             << size[0] << " x " << size[1] << " to " << size[2] << " x " << size[3] << ", patch "
                             << patch << ", " << channels << " channels, method " << static_cast<int>(method));
                const Map target = noise_map(size[0], size[1], channels, 1);
                const Map reference = noise_map(size[2], size[3], channels, 2);
                MatchOptions options;
                options.patch = patch;
                options.reverse = round % 3 != 0;
                options.seed = static_cast<std::uint64_t>(round) << 31;
                expect_cpu_fields(method, target.view(), reference.view(), options);
            }
}

// Exact search goes through wide maps in windows of 64 columns.
TEST_P(EmulatedMatchers, FindTheCpusFieldsAcrossWindows)
{
    const int sizes[][4] = {{2, 65, 2, 64}, {1, 62, 2, 130}, {2, 127, 1, 69}};
    for (const auto& size : sizes)
        for (const int patch : {1, 3, 5}) {
            SCOPED_TRACE(testing::Message() << size[1] << " to " << size[3] << ", patch " << patch);
            const Map target = noise_map(size[0], size[1], 64, 3), reference = noise_map(size[2], size[3], 64, 4);
            MatchOptions options;
            options.patch = patch;
            options.reverse = true;
            expect_cpu_fields(MatchMethod::exact, target.view(), reference.view(), options);
        }
}

// Pixels of one colour make whole regions alike: the lowest index must win.
TEST_P(EmulatedMatchers, ResolveTiesAsTheCpuDoes)
{
    Map target(9, 12, 64), reference(10, 9, 64);
    for (Map* map : {&target, &reference})
        for (int y = 0; y < map->height; ++y)
            for (int x = 0; x < map->width; ++x)
                map->at(y, x)[(y / 4 + x / 4) % 3] = 1.0f;
    MatchOptions options;
    options.reverse = true;
    for (const MatchMethod method : methods) {
        expect_cpu_fields(method, target.view(), reference.view(), options);
        const Setting backwards("CHROMATCH_EMULATION_BACKWARDS", "1");
        expect_cpu_fields(method, target.view(), reference.view(), options);
    }
}

// The largest sums of all: equal vectors, whose rounded values have full low bytes.
TEST_P(EmulatedMatchers, SumTheLongestVectorsExactly)
{
    for (const int patch : {1, 3, 5}) {
        Map target(5, 6, 16), reference(6, 5, 16);
        for (Map* map : {&target, &reference})
            for (int y = 0; y < map->height; ++y)
                for (int x = 0; x < map->width; ++x)
                    map->at(y, x)[0] = (x + y) % 2 == 0 ? 1.0004f : -1.0004f;
        MatchOptions options;
        options.patch = patch;
        options.reverse = true;
        for (const MatchMethod method : methods)
            expect_cpu_fields(method, target.view(), reference.view(), options);
    }
}

TEST_P(EmulatedMatchers, DoEachMapOfABatch)
{
    const Batch target(3, 9, 10, 64, 5), reference(3, 8, 9, 64, 15);
    MatchOptions options;
    options.reverse = true;
    options.iterations = 2;
    options.seed = 99;
    for (const MatchMethod method : methods)
        expect_cpu_fields(method, target.view(), reference.view(), options);
}

TEST_P(EmulatedMatchers, UseOnlyWhatTheMaskLeaves)
{
    const Map target = noise_map(9, 10, 64, 6), reference = noise_map(11, 9, 64, 7);
    std::vector<std::uint8_t> one(11 * 9, 0), many(11 * 9, 0);
    one[37] = 255;
    for (std::size_t i = 0; i < many.size(); i += 1 + i % 3)
        many[i] = 1;
    MatchOptions options;
    options.reverse = true;
    for (const std::vector<std::uint8_t>* mask : {&one, &many})
        for (const MatchMethod method : methods) {
            options.reference_mask = mask->data();
            expect_cpu_fields(method, target.view(), reference.view(), options);
        }
}

// More pixels than a block lists in one round.
TEST_P(EmulatedMatchers, DrawFromTheWholeOfALargeMask)
{
    const Map target = noise_map(5, 6, 16, 8), reference = noise_map(7, 90, 16, 9);
    std::vector<std::uint8_t> mask(7 * 90, 0);
    for (std::size_t i = 250; i < mask.size(); i += 7)
        mask[i] = 1;
    MatchOptions options;
    options.reference_mask = mask.data();
    expect_cpu_fields(MatchMethod::patch_match, target.view(), reference.view(), options);
}

TEST_P(EmulatedMatchers, StartFromAnInitialField)
{
    const Batch target(2, 10, 9, 64, 20), reference(2, 9, 12, 64, 30);
    MatchOptions random;
    random.iterations = 0;
    random.seed = 5;
    std::vector<NearestNeighbourField> initial = patch_match(target.view(), reference.view(), random).forward;
    initial[1].match[3] = {60000, 2}; // outside the reference
    for (const bool reverse : {false, true})
        for (const int iterations : {0, 1}) {
            MatchOptions options;
            options.initial = initial.data();
            options.reverse = reverse;
            options.iterations = iterations;
            expect_cpu_fields(MatchMethod::patch_match, target.view(), reference.view(), options);
        }
}

// Sides that forbid to halve so far that exact search could start; and a pyramid of several levels.
TEST_P(EmulatedMatchers, SearchTheLevelsOfAPyramid)
{
    const SmoothField field(16, 40);
    const Map target = smooth_map(field, 11, 13, 16, 0.1, 1.0, 0.2f, 41);
    const Map reference = smooth_map(field, 16, 9, 16, 0.0, 1.0, 0.2f, 42);
    MatchOptions options;
    options.reverse = true;
    options.iterations = 1;
    expect_cpu_fields(MatchMethod::patch_match, target.view(), reference.view(), options);
}

TEST_P(EmulatedMatchers, DoNotDependOnTheOrderOfThreads)
{
    const Setting backwards("CHROMATCH_EMULATION_BACKWARDS", "1");
    const Map target = noise_map(9, 10, 64, 50), reference = noise_map(8, 11, 64, 51);
    std::vector<std::uint8_t> mask(8 * 11, 1);
    mask[5] = 0;
    for (const int patch : {1, 3, 5})
        for (const MatchMethod method : methods) {
            MatchOptions options;
            options.patch = patch;
            options.reverse = true;
            options.reference_mask = mask.data();
            expect_cpu_fields(method, target.view(), reference.view(), options);
        }
}

TEST_P(EmulatedMatchers, TakeInputsThatAreOnTheDevice)
{
    const Setting inputs("CHROMATCH_EMULATION_DEVICE_INPUTS", "1");
    const Map target = noise_map(5, 6, 64, 52), reference = noise_map(6, 5, 64, 53);
    for (const MatchMethod method : methods)
        expect_cpu_fields(method, target.view(), reference.view(), {});
}

TEST_P(EmulatedMatchers, RefuseWhatTheCpuRefuses)
{
    const Map good = noise_map(6, 7, 64, 60), other = noise_map(6, 7, 48, 61);
    Map endless = good, lost = good, two = good;
    endless.at(3, 2)[63] = std::numeric_limits<float>::infinity();
    lost.at(4, 6)[17] = std::numeric_limits<float>::quiet_NaN();
    for (const int y : {5, 2})
        for (int c = 0; c < 64; ++c)
            two.at(y, 1)[c] *= 1.2f + 0.1f * static_cast<float>(y);
    MatchOptions wrong_patch, negative, masked;
    wrong_patch.patch = 4;
    negative.iterations = -1;
    const std::vector<std::uint8_t> nothing(6 * 7, 0);
    masked.reference_mask = nothing.data();
    const struct {
        const Map& target;
        const Map& reference;
        const MatchOptions& options;
    } cases[] = {{endless, good, {}}, {good, lost, {}},     {two, good, {}},          {good, two, {}},
                 {good, other, {}},   {good, good, masked}, {good, good, wrong_patch}};
    for (const auto& one : cases)
        for (const MatchMethod method : methods) {
            MatchOptions options = one.options;
            options.threads = 1;
            const auto match = [&](const auto& how) {
                return error_of([&] { how(method, one.target.view(), one.reference.view(), options); });
            };
            const std::string expected = match(on_cpu);
            EXPECT_NE(expected, "no error");
            EXPECT_EQ(match([this](auto&&... arguments) { return module.match(arguments...); }), expected);
        }
    EXPECT_EQ(code_of([&] { module.match(MatchMethod::patch_match, good.view(), good.view(), negative); }),
              ErrorCode::bad_option);
    const FeatureBatch nowhere(nullptr, 1, 6, 7, 64);
    EXPECT_EQ(code_of([&] { module.match(MatchMethod::exact, nowhere, nowhere, {}); }), ErrorCode::bad_image);
}

TEST_P(EmulatedMatchers, GrowAndKeepTheirMemory)
{
    const Map small = noise_map(3, 4, 16, 70), large = noise_map(9, 8, 32, 71);
    for (const Map* map : {&small, &large, &small})
        for (const MatchMethod method : methods)
            expect_cpu_fields(method, map->view(), map->view(), {});
}

// Every call of CUDA fails once. Whatever fails, there is an Error, and the next match is right again.
TEST_P(EmulatedMatchers, SurviveEveryFailure)
{
    const Map target = noise_map(8, 8, 16, 80), reference = noise_map(8, 9, 16, 81);
    std::vector<std::uint8_t> mask(8 * 9, 1);
    MatchOptions options;
    options.reference_mask = mask.data();
    options.reverse = true;
    options.iterations = 1;
    for (const MatchMethod method : methods)
        for (const Kind& kind : kinds_of_failure) {
            const Setting error("CHROMATCH_EMULATION_ERROR", kind.number);
            int call = 0;
            for (bool failed = true; failed;) {
                CudaModule fresh(GetParam()); // without memory yet
                ++call;
                const ErrorCode found = [&] {
                    const Setting at("CHROMATCH_EMULATION_FAIL_AT", std::to_string(call));
                    return code_of([&] { fresh.match(method, target.view(), reference.view(), options); });
                }();
                failed = found != ErrorCode::internal;
                ASSERT_EQ(found, failed ? kind.code : found) << "call " << call;
                if (failed && call % 8 == 0)
                    expect_same(fresh.match(method, target.view(), reference.view(), options).forward,
                                on_cpu(method, target.view(), reference.view(), options).forward);
            }
            EXPECT_GT(call, 15);
        }
}

TEST_P(EmulatedMatchers, SayWhyTheyCannotBeOpened)
{
    for (const Kind& kind : kinds_of_failure)
        for (int call = 1; call <= 5; ++call) {
            const Setting error("CHROMATCH_EMULATION_ERROR", kind.number);
            const Setting at("CHROMATCH_EMULATION_FAIL_AT", std::to_string(call));
            EXPECT_EQ(code_of([] { CudaModule fresh(GetParam()); }), kind.code) << "call " << call;
        }
    const Setting none("CHROMATCH_EMULATION_NO_DEVICE", "1");
    EXPECT_THAT(error_of([] { CudaModule fresh(GetParam()); }), testing::HasSubstr("looking for a device"));
}

// In a process of its own, because a process finds out but once; from several threads, which take turns.
TEST_P(EmulatedMatchers, AreAvailableWhereTheVariableSays)
{
    const auto matches_of_all_threads_are_right = [] {
        setenv("CHROMATCH_CUDA_MODULE", GetParam(), 1);
        const Map map = noise_map(5, 6, 16, 90);
        const Matches expected = exact_search(map.view(), map.view(), {});
        std::atomic<int> right{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                if (!cuda_available(nullptr))
                    return;
                const Matches found = cuda_match(MatchMethod::exact, map.view(), map.view(), {});
                right += found.forward[0].match == expected.forward[0].match && !cuda_device_name().empty();
            });
        for (std::thread& thread : threads)
            thread.join();
        return right == 3;
    };
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(std::exit(matches_of_all_threads_are_right() ? 0 : 1), testing::ExitedWithCode(0), "");
}

INSTANTIATE_TEST_SUITE_P(Modules, EmulatedMatchers,
                         ::testing::Values(CHROMATCH_TENSOR_CORE_MODULE, CHROMATCH_BYTE_PRODUCT_MODULE),
                         [](const auto& info) { return info.index == 0 ? "TensorCores" : "ByteProducts"; });

// ------------------------------------------------------------------------------------------- what is no module

TEST(CudaModule, SaysThatThereIsNone)
{
    EXPECT_THAT(error_of([] { CudaModule module("/nowhere/libchromatch-cuda.so"); }),
                testing::HasSubstr("the CUDA module cannot be opened: /nowhere/libchromatch-cuda.so"));
}

TEST(CudaModule, SaysThatItIsOfAnotherVersion)
{
    EXPECT_THAT(error_of([] { CudaModule module(CHROMATCH_OTHER_VERSION_MODULE); }),
                testing::HasSubstr("has interface -1, but this program needs 1"));
}

TEST(CudaModule, SaysThatItIsSomethingElse)
{
    EXPECT_THAT(error_of([] { CudaModule module(CHROMATCH_STRANGE_MODULE); }),
                testing::HasSubstr("lacks the function chromatch_cuda_interface"));
}

TEST(CudaModule, IsMissedInASentence)
{
    GTEST_FLAG_SET(death_test_style, "threadsafe"); // a process that has not found out yet
    EXPECT_EXIT(
        {
            setenv("CHROMATCH_CUDA_MODULE", "/nowhere/module.so", 1);
            std::string why_not;
            const bool available = cuda_available(&why_not);
            const ErrorCode code = code_of([] { cuda_match(MatchMethod::exact, {}, {}, {}); });
            std::fprintf(stderr, "%s", why_not.c_str());
            std::exit(available || code != ErrorCode::device_unavailable || !cuda_device_name().empty() ? 1 : 0);
        },
        testing::ExitedWithCode(0), "the CUDA module cannot be opened: /nowhere/module.so");
}

// ------------------------------------------------------------------------------------------------ a real device

TEST(CudaDevice, FindsTheCpusFields)
{
    std::string why_not;
    if (!cuda_available(&why_not))
        GTEST_SKIP() << why_not;
    const int sizes[][4] = {{1, 1, 1, 1}, {1, 70, 130, 1}, {33, 2, 3, 30}, {61, 67, 70, 129}, {64, 64, 64, 64}};
    const int depths[] = {16, 48, 64, 80};
    int round = 0;
    for (const auto& size : sizes)
        for (const int patch : {1, 3, 5})
            for (const MatchMethod method : methods) {
                const int channels = depths[round++ % 4];
                SCOPED_TRACE(testing::Message() << size[0] << " x " << size[1] << " to " << size[2] << " x " << size[3]
                                                << ", patch " << patch << ", " << channels << " channels");
                const Batch target(2, size[0], size[1], channels, 1), reference(2, size[2], size[3], channels, 9);
                std::vector<std::uint8_t> mask(static_cast<std::size_t>(size[2]) * size[3], 0);
                for (std::size_t i = 0; i < mask.size(); i += 3)
                    mask[i] = 1;
                MatchOptions options;
                options.patch = patch;
                options.reverse = true;
                options.reference_mask = round % 2 == 0 ? mask.data() : nullptr;
                const Matches expected = on_cpu(method, target.view(), reference.view(), options);
                const Matches found = cuda_match(method, target.view(), reference.view(), options);
                expect_same(found.forward, expected.forward);
                expect_same(found.reverse, expected.reverse);
            }
}

} // namespace
} // namespace chromatch
