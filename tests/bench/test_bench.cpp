// SPDX-License-Identifier: GPL-3.0-or-later
//
// The bench's own parts, and the whole program on a tiny shape. $CHROMATCH_BENCH: the program.
#include "../matching/feature_maps.h"
#include "ceilings.h"
#include "matching/exact_search.h"
#include "matching/patch_match_schedule.h"
#include "photos_bench.h"
#include "quality.h"
#include "tensor_patch_match.h"
#include "work.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace chromatch {
namespace {

using testing_maps::Map;
using testing_maps::smooth_map;
using testing_maps::SmoothField;

constexpr int height = 24, width = 20, channels = 32, patch = 3;

struct Pair {
    SmoothField field{channels, 3};
    Map target = smooth_map(field, height, width, channels, 0.2, 1.0, 0.1f, 1);
    Map reference = smooth_map(field, height, width, channels, 0.0, 1.1, 0.1f, 2);
};

TEST(Quality, ExactSearchFindsWhatBruteForceFinds)
{
    const Pair pair;
    const FeatureBatch target(pair.target.view()), reference(pair.reference.view());
    const std::vector<double> exact =
        true_distances(target, reference, exact_search(target, reference, {}).forward, patch, 0);
    const Matches brute = brute_force(target, reference, patch, 0);
    const Quality quality = compare(true_distances(target, reference, brute.forward, patch, 0), exact);
    EXPECT_NEAR(quality.rho, 1.0, 1e-5);
    EXPECT_LE(quality.rho, 1.0);
    EXPECT_GT(quality.exact_share, 0.99);
    const std::vector<double> smallest = testing_maps::smallest_distances(pair.target, pair.reference, patch);
    for (std::size_t i = 0; i < smallest.size(); ++i)
        ASSERT_NEAR(brute.forward[0].distance[i], smallest[i], 1e-6) << i;
}

TEST(Quality, RefusesMatchesOutside)
{
    const Pair pair;
    Matches matches = exact_search(pair.target.view(), pair.reference.view(), {});
    matches.forward[0].match[7].y = height;
    EXPECT_THROW(true_distances(pair.target.view(), pair.reference.view(), matches.forward, patch, 0),
                 std::runtime_error);
}

TEST(TensorPatchMatch, FindsGoodMatchesAndTheirTrueDistances)
{
    const Pair pair;
    const FeatureBatch target(pair.target.view()), reference(pair.reference.view());
    MatchOptions options;
    options.iterations = 5;
    const Matches matches = tensor_patch_match(target, reference, options);
    ASSERT_EQ(matches.forward.size(), 1u);
    const std::vector<double> distances = true_distances(target, reference, matches.forward, patch, 0);
    for (std::size_t i = 0; i < distances.size(); ++i)
        ASSERT_NEAR(matches.forward[0].distance[i], distances[i], 1e-5) << i;
    const std::vector<double> exact =
        true_distances(target, reference, exact_search(target, reference, {}).forward, patch, 0);
    const Quality quality = compare(distances, exact);
    EXPECT_GE(quality.rho, 1.0 - 1e-5);
    EXPECT_LE(quality.rho, 1.1);
}

TEST(TensorPatchMatch, TheMapsOfABatchAreApart)
{
    const Pair pair;
    Map twice(2 * height, width, channels);
    std::copy(pair.target.values.begin(), pair.target.values.end(), twice.values.begin());
    std::copy(pair.reference.values.begin(), pair.reference.values.end(),
              twice.values.begin() + static_cast<std::ptrdiff_t>(pair.target.values.size()));
    const FeatureBatch both(twice.values.data(), 2, height, width, channels);
    // Each map is its own best match.
    MatchOptions options;
    options.iterations = 5;
    const Matches matches = tensor_patch_match(both, both, options);
    ASSERT_EQ(matches.forward.size(), 2u);
    for (const double distance : true_distances(both, both, matches.forward, patch, 0))
        ASSERT_LT(distance, 1.0);
}

TEST(Work, OfTheThesisShape)
{
    const Shape shape{96, 64, 64, 64};
    EXPECT_DOUBLE_EQ(exact_operations(shape), 2.0 * 96 * 4096 * 4096 * 64);
    // 5 iterations of the neighbours and 7 windows of falling size, after the start's score.
    const std::vector<NearestNeighbourField> initial(96);
    MatchOptions match;
    match.iterations = 5;
    match.initial = initial.data();
    EXPECT_DOUBLE_EQ(patch_match_operations(shape, match),
                     2.0 * 96 * 4096 * 576 * (1 + 5 * (4 * schedule::jump_count + 7)));
    EXPECT_DOUBLE_EQ(least_bytes(shape, true, false), 2.0 * 96 * 4096 * 64 * (4 + 2 + 2) + 96 * 4096 * 8);
}

TEST(Ceilings, AreOrderedByTheInstructionSet)
{
    const Ceilings ceilings = measure_ceilings(1);
    ASSERT_EQ(ceilings.levels.size(), levels().size());
    EXPECT_GT(ceilings.copied_bytes, 1e8);
    for (std::size_t i = 0; i < ceilings.levels.size(); ++i) {
        EXPECT_GT(ceilings.levels[i].float_operations, 1e8);
        EXPECT_GT(ceilings.levels[i].integer_operations, 1e8);
        // A better instruction set is not slower, other programs' noise apart.
        if (i > 0) {
            EXPECT_GT(ceilings.levels[i - 1].float_operations, 0.8 * ceilings.levels[i].float_operations);
            EXPECT_GT(ceilings.levels[i - 1].integer_operations, 0.8 * ceilings.levels[i].integer_operations);
        }
    }
}

std::string output_of_bench(const std::string& options)
{
    const std::string command = "'" + std::string(std::getenv("CHROMATCH_BENCH")) + "' " + options + " 2>/dev/null";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    std::string text;
    for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get()))
        text += static_cast<char>(c);
    return text;
}

TEST(Bench, WritesJsonOfATinyShape)
{
    const auto json = nlohmann::json::parse(output_of_bench("matching --json --repetitions 1 --shape 1,32,32,64"));
    EXPECT_TRUE(json["machine"].contains("processor"));
    EXPECT_GT(json["ceilings"]["portable"]["float_operations_per_second"], 0.0);
    EXPECT_GT(json["ceilings"]["copied_bytes_per_second"], 0.0);
    int random = 0, photos = 0, brute = 0;
    for (const auto& run : json["runs"]) {
        for (const char* key : {"matcher", "device", "instructions", "shape", "maps", "patch", "iterations", "reverse",
                                "seconds", "seconds_min", "rho", "exact_share", "peak_share", "integer_peak_share",
                                "operations", "bytes", "copy_share", "thesis_ratio", "scaled_from"})
            EXPECT_TRUE(run.contains(key)) << key;
        EXPECT_EQ(run["shape"], (nlohmann::json{1, 32, 32, 64}));
        EXPECT_GT(run["seconds"], 0.0);
        EXPECT_LE(run["seconds_min"], run["seconds"]);
        EXPECT_GE(run["rho"], 0.999) << run;
        if (run["matcher"] == "exact") {
            EXPECT_EQ(run["rho"], 1.0);
        }
        if (run["matcher"] == "brute-force") {
            EXPECT_NEAR(run["rho"], 1.0, 1e-4);
            EXPECT_GT(run["exact_share"], 0.99);
            ++brute;
        }
        ++(run["maps"] == "random" ? random : photos);
    }
    EXPECT_GE(random, 5);
    EXPECT_EQ(random, photos);
    EXPECT_EQ(brute, 2);
}

TEST(Photos, AreEnlargedToTheSizeAskedFor)
{
    const auto [height, width] = size_of(24, 360, 640);
    EXPECT_NEAR(double(height) * width, 24e6, 24e3);
    EXPECT_NEAR(double(width) / height, 640.0 / 360, 0.001);
    EXPECT_EQ(size_of(1e-9, 360, 640), (std::pair{1, 1}));
}

TEST(Photos, FloorsAreOfOneSize)
{
    PhotoRun run;
    run.megapixels = floor_megapixels;
    run.load_seconds = 1;
    run.seconds = floor_seconds - 1;
    run.plane_bytes = 1000;
    run.peak_bytes = run.plane_bytes + std::int64_t(floor_bytes);
    EXPECT_TRUE(within_floors(run));
    ++run.peak_bytes;
    EXPECT_FALSE(within_floors(run));
    --run.peak_bytes;
    run.load_seconds = 1.1;
    EXPECT_FALSE(within_floors(run));
    run.megapixels = 100;
    EXPECT_TRUE(within_floors(run));
    run.megapixels = floor_megapixels;
    run.load_seconds = 0;
    run.failure = "It did not succeed.";
    EXPECT_FALSE(within_floors(run));
}

TEST(Bench, WritesJsonOfSmallPhotos)
{
    const auto json = nlohmann::json::parse(output_of_bench("photos --json --megapixels 0.05,0.1 --size 64"));
    EXPECT_EQ(json["floors"]["seconds"], floor_seconds);
    ASSERT_EQ(json["runs"].size(), 2u);
    for (const auto& run : json["runs"]) {
        ASSERT_FALSE(run.contains("failure")) << run;
        const double pixels = run["height"].get<double>() * run["width"].get<double>();
        EXPECT_EQ(run["plane_bytes"], 16 * pixels);
        EXPECT_GT(run["seconds"], 0.0);
        EXPECT_GT(run["load_seconds"], 0.0);
        EXPECT_EQ(run["stage_seconds"].size(), std::size_t(stage_count));
        EXPECT_GT(run["own_bytes"], 12 * pixels); // the result at least
        EXPECT_LT(run["peak_bytes"], floor_bytes);
    }
}

TEST(Bench, TellsWhyAPhotoFailed)
{
    const auto json = nlohmann::json::parse(output_of_bench("photos --json --megapixels 0.05 --models /nowhere"));
    EXPECT_NE(json["runs"][0]["failure"].get<std::string>().find("/nowhere"), std::string::npos);
}

TEST(Bench, RefusesUnknownWords)
{
    const std::string program = "'" + std::string(std::getenv("CHROMATCH_BENCH")) + "' ";
    for (const char* words : {"", "painting", "matching --fast", "matching --shape 1,2,3", "matching --maps maps",
                              "photos --megapixels", "photos --megapixels 0", "photos --cores two"})
        EXPECT_NE(std::system((program + words + " 2>/dev/null").c_str()), 0) << words;
    EXPECT_NE(output_of_bench("matching --help").find("--only thesis"), std::string::npos);
}

} // namespace
} // namespace chromatch
